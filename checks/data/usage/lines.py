"""Records in text files, also rotated and compressed ones, line by line. Only for the child process."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from checks.data.usage.faults import SourceFault
from checks.data.usage.legs import Met

_BATCH = 20_000
_BUFFER_BYTES = 1 << 20
_LONGEST_FIELD = 1 << 16

Row = Sequence[Any]


def files_of(pattern: str, not_before: int) -> list[Path]:
    """The files there are, oldest first, less those that were finished before `not_before` (UTC seconds)."""
    path = Path(pattern).absolute()
    found = list(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    if not found:
        raise SourceFault("no-such-file", f"there is no file {pattern}")
    try:
        changed = {file: file.stat().st_mtime for file in found}
    except OSError as error:
        raise SourceFault("no-such-file", f"{pattern}: {error.strerror}") from None
    return sorted((file for file in found if changed[file] >= not_before), key=lambda file: (changed[file], file.name))


@contextmanager
def _opened(file: Path) -> Iterator[IO[str]]:
    try:
        with file.open("rb", buffering=_BUFFER_BYTES) as raw:
            plain = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if file.suffix == ".gz" else raw
            with io.TextIOWrapper(plain, "utf-8", errors="replace", newline="") as text:
                yield text
    except PermissionError as error:
        raise SourceFault("not-allowed", f"{file}: {error.strerror}") from None
    except FileNotFoundError as error:
        raise SourceFault("no-such-file", f"{file}: {error.strerror}") from None
    except (gzip.BadGzipFile, EOFError) as error:
        raise SourceFault("corrupt", f"{file}: {error}") from None


class CsvRecords:
    """CSV as Asterisk and FreeSWITCH write it."""

    def __init__(self, files: Sequence[Path], fields: Sequence[str], met: Met) -> None:
        csv.field_size_limit(_LONGEST_FIELD)
        self._files, self._met = files, met
        self._terms = fields
        self._needed = 1 + max((at for at, term in enumerate(fields) if term in ("start", "length")), default=0)
        self._width = self._first_width()
        self.positions: Mapping[str, int] = {term: at for at, term in enumerate(fields[: self._width]) if term}

    def batches(self) -> Iterator[list[Row]]:
        """Every record of the width of the first, some thousands at a time; others are counted as unreadable."""
        for file in self._files:
            with _opened(file) as text:
                records = csv.reader(text)
                while rows := self._some(records):
                    yield self._even(rows)

    def _first_width(self) -> int:
        """How many fields records have: of the first that is long enough."""
        for file in self._files:
            with _opened(file) as text:
                for row in islice(csv.reader(text), 100):
                    if len(row) >= self._needed:
                        return min(len(row), len(self._terms))
        return len(self._terms)

    def _some(self, records: Iterator[list[str]]) -> list[Row]:
        rows: list[Row] = []
        while len(rows) < _BATCH:
            before = len(rows)
            try:
                rows.extend(islice(records, _BATCH - before))
            except csv.Error:
                self._met.odd["unreadable"] += 1
                continue
            if len(rows) == before:
                break
        return rows

    def _even(self, rows: list[Row]) -> list[Row]:
        if set(map(len, rows)) == {self._width}:
            return rows
        good = [row for row in rows if len(row) >= self._needed]
        self._met.odd["unreadable"] += sum(1 for row in rows if row) - len(good)
        return [[*row[: self._width], *[""] * (self._width - len(row))] for row in good]


def queue_lines(files: Sequence[Path], met: Met) -> Iterator[list[str]]:
    """The fields of each line of queue_log: time, call, queue, agent, event, parameters."""
    for file in files:
        with _opened(file) as text:
            for line in text:
                fields = line.rstrip("\r\n").split("|")
                if len(fields) < 5 or not fields[0].isdecimal():
                    met.odd["unreadable"] += bool(line.strip())
                else:
                    yield fields
