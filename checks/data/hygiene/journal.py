"""The cleanup journal: what was removed from where, one JSON line each, on the disk before anything
is removed.

    {"do": "intend", "at": …, "place": "live", "table": "cdr", "day": "2026-08-21", "records": 5012,
    "hash": "…"}
    {"do": "removed", …}          the same, once the last of them is gone

A day that was intended and never `removed` was cut off in the middle: what is left of it may go on
being removed. After a restore the days that were removed are removed again (`replay`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from checks.body import Body, Unreadable
from checks.counted_lines import put_line
from checks.data.usage.source_faults import SourceFault

NAME = "cleanups.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `at` is UTC, ISO 8601; `day` a local date, ISO 8601; `rehearsed` days were only
    looked at.
    """

    do: Literal["rehearsed", "intend", "removed"]
    at: str
    place: str
    table: str
    day: str
    records: int
    hash: str


CLEANUP: Body[Entry] = Body("cleanup", Entry, lambda told: Entry(**told))


class Journal:
    """The journal of one check; its folder must be there."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def entries(self) -> tuple[Entry, ...]:
        """All, the oldest first. Raises SourceFault where a line before the last is not whole."""
        return tuple(self._read())

    def write(self, entry: Entry) -> None:
        """Put a line on the disk. Raises SourceFault."""
        try:
            put_line(self._path, json.dumps(CLEANUP.numbered(asdict(entry))).encode())
        except OSError as problem:
            raise SourceFault("journal", f"{self._path}: {problem.strerror}") from None

    def removed(self, place: str, table: str) -> list[str]:
        """The days that are gone from there."""
        return sorted(
            {e.day for e in self.entries() if (e.do, e.place, e.table) == ("removed", place, table)}
        )

    def begun(self, place: str, table: str, day: str) -> Entry | None:
        """The last intention for a day, if it was not carried through."""
        last = None
        for entry in self.entries():
            if (entry.place, entry.table, entry.day) == (place, table, day):
                last = entry
        return last if last and last.do == "intend" else None

    def _read(self) -> Iterator[Entry]:
        try:
            lines = self._path.read_bytes().split(b"\n") if self._path.exists() else []
        except OSError as problem:
            raise SourceFault("journal", f"{self._path}: {problem.strerror}") from None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield CLEANUP.read(json.loads(line), f"line {number}")
            except Unreadable as why:
                raise SourceFault("journal", f"{self._path}: {why}") from None
            except ValueError:
                # The last may have been cut off; it had not been acted upon.
                if number < len(lines):
                    raise SourceFault(
                        "journal", f"{self._path}: line {number} cannot be read"
                    ) from None
