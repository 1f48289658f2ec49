"""The lines of a log file since the last look, also when the file was begun anew meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked

# A flood of scans writes some ten megabytes an hour; what a quiet week left behind is read from its
# end.
MOST_BYTES = 64 << 20


def new_lines(at: Look, path: Path, first_bytes: int = 1 << 20) -> Iterator[str]:
    """Whole lines only. Of a file that was never looked at, its last `first_bytes`. Raises
    NotLooked.
    """
    name = f"read {path}"
    try:
        with path.open("rb") as lines:
            known = os.fstat(lines.fileno())
            inode, end = at.recalled.get(name, [None, 0])
            if inode == known.st_ino and end <= known.st_size:
                start = max(end, known.st_size - MOST_BYTES)
            elif inode is not None:
                start = max(0, known.st_size - MOST_BYTES)  # rotated, or cut: all of it is new
            else:
                start = max(0, known.st_size - first_bytes)
            lines.seek(start)
            text = lines.read(MOST_BYTES)
    except FileNotFoundError:
        raise NotLooked(f"there is no file {path}") from None
    # The last line may be half written: it belongs to the next look.
    whole = text[: text.rfind(b"\n") + 1]
    at.remember(name, [known.st_ino, start + len(whole)])
    yield from whole.decode("utf-8", "replace").splitlines()
