"""Lines that somebody counts upon: each is on the disk, and so is the name of its file, before
anybody goes on.

Rules:
1. A line that a crash has cut off was not counted upon: the next one begins on a line of its own.
2. A file is on the disk only once its folder is (fsync(2)). That is asked each time: a folder that
   has not changed costs nothing, and who made the file may have died before he could ask.
3. A disk without room is said (ENOSPC): what a short write has left is a line that was cut off.
"""

from __future__ import annotations

import os
from pathlib import Path


def put_line(path: Path, line: bytes, most_bytes: int | None = None) -> bool:
    """Put a line, given without its end, at the end of a file that only this user may read. False
    where the file would be larger than `most_bytes`. Raises OSError.
    """
    # O_APPEND puts each line at the end, also where two processes should meet.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        broken = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        whole = b"\n" * broken + line + b"\n"
        if most_bytes is not None and end + len(whole) > most_bytes:
            return False
        if os.write(descriptor, whole) < len(whole):
            raise OSError(28, "No space left on device", str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)
    return True


def blank_lines(path: Path, begin: int, end: int) -> None:
    """Blank the lines between two places of a file where they stand: that needs no room, and what
    comes meanwhile stays where it is. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        while begin < end:
            piece = os.pread(descriptor, min(end - begin, 1 << 20), begin)
            if not piece:
                break
            os.pwrite(descriptor, piece.translate(_BLANK), begin)
            begin += len(piece)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# All but the ends of lines.
_BLANK = bytes(10 if byte == 10 else 32 for byte in range(256))
