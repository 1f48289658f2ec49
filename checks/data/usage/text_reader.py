"""Records in text files, also rotated and compressed ones, line by line. Only for the child
process.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, cast

import numpy as np

from checks.data.usage.csv_blocks import MARGIN, Cut, Shape, TextColumns
from checks.data.usage.leg_rows import Met
from checks.data.usage.source_faults import SourceFault

# One megabyte at a time from the disk, whatever numpy takes of it.
_BUFFER_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 21
# A record is some hundred bytes long: what is longer than 64 kB is a quote that nobody closed.
_LONGEST_RECORD = 1 << 16
_EDGE = b"\n" * MARGIN


def files_of(pattern: str, not_before: int) -> list[Path]:
    """The files there are, oldest first, less those that were finished before `not_before` (UTC
    seconds).
    """
    path = Path(pattern).absolute()
    found = list(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    if not found:
        raise SourceFault("no-such-file", f"there is no file {pattern}")
    try:
        changed = {file: file.stat().st_mtime for file in found}
    # A file may be rotated away between its listing and this look.
    except OSError as error:
        raise SourceFault("no-such-file", f"{pattern}: {error.strerror}") from None
    return sorted(
        (file for file in found if changed[file] >= not_before),
        key=lambda file: (changed[file], file.name),
    )


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    try:
        with file.open("rb", buffering=_BUFFER_BYTES) as raw:
            plain = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if file.suffix == ".gz" else raw
            yield plain
    except PermissionError as error:
        raise SourceFault("not-allowed", f"{file}: {error.strerror}") from None
    except FileNotFoundError as error:
        raise SourceFault("no-such-file", f"{file}: {error.strerror}") from None
    # EOFError: logrotate may be compressing it at this moment, and the end is not written yet.
    except (gzip.BadGzipFile, EOFError) as error:
        raise SourceFault("corrupt", f"{file}: {error}") from None


class CsvRecords:
    """CSV as Asterisk and FreeSWITCH write it."""

    def __init__(self, files: Sequence[Path], fields: Sequence[str], met: Met) -> None:
        self._files, self._met = files, met
        needed = 1 + max(
            (at for at, term in enumerate(fields) if term in ("start", "length")), default=0
        )
        usually = self._first_width(needed) or len(fields)
        self._shape = Shape(usually, min(usually, len(fields)), needed)
        self.positions = {term: at for at, term in enumerate(fields[:usually]) if term}
        # One field says whom the leg went to, be it a trunk or an agent.
        if "agent" in self.positions:
            self.positions.setdefault("far_trunk", self.positions["agent"])

    def batches(self) -> Iterator[TextColumns]:
        """Every record, some megabytes at a time; what is too short to be one is counted as
        unreadable.
        """
        for file in self._files:
            with _opened(file) as raw:
                left = b""
                while chunk := raw.read(_BLOCK_BYTES):
                    block = left + chunk
                    used = yield from self._records(block)
                    # A quote that is never closed would keep everything after it in one record:
                    # from here on every line is one.
                    if len(block) - used > _LONGEST_RECORD:
                        block = block[used:]
                        used = yield from self._records(block, by_line=True)
                    left = block[used:]
                yield from self._records(left + b"\n", by_line=True)

    def _records(self, block: bytes, by_line: bool = False) -> Generator[TextColumns, None, int]:
        """The records in a block; returns how much of it that was."""
        wide = np.frombuffer(b"".join((_EDGE, block, _EDGE)), np.uint8)
        cut = Cut(wide[MARGIN:-MARGIN], self._shape, by_line)
        if len(cut.begins):
            yield TextColumns(wide, cut.begins, cut.ends, self.positions)
        strays = [wide[begin:end].tobytes() for begin, end in cut.bad.tolist()]
        if by_line:
            self._met.odd["unreadable"] += sum(bool(stray.strip()) for stray in strays)
        # What two stray quotes have between them may be good lines.
        elif strays:
            yield from self._records(b"".join(strays), by_line=True)
        return cut.used

    def _first_width(self, needed: int) -> int:
        """How many fields records have: of the first that is long enough; 0 without any."""
        for file in self._files:
            with _opened(file) as raw, io.TextIOWrapper(raw, "utf-8", errors="replace") as text:
                # A heading or a torn line may stand first: among a hundred lines there is a whole
                # one.
                for row in csv.reader(islice(text, 100)):
                    if len(row) >= needed:
                        return len(row)
        return 0


def queue_lines(files: Sequence[Path], met: Met) -> Iterator[list[str]]:
    """The fields of each line of queue_log: time, call, queue, agent, event, parameters."""
    for file in files:
        with _opened(file) as raw, io.TextIOWrapper(raw, "utf-8", errors="replace") as text:
            for line in text:
                fields = line.rstrip("\r\n").split("|")
                if len(fields) < 5 or not fields[0].isdecimal():
                    met.odd["unreadable"] += bool(line.strip())
                else:
                    yield fields
