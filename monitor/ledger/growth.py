"""What in a ledger grows, and how fast."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from monitor.ledger.seals import DAY_MILLISECONDS
from monitor.ledger.table import Table

# The tables of each part, and by what a row says when it was written.
_PARTS = {
    "looks": (("attempts",), "started_at"),
    "roll-ups": (("rolled_hours", "rolled_runs"), "hour_at"),
    "letters": (("outbox", "receipts"), "not_before"),
    "history and reports": (("history",), "at"),
    "tickets": (("incidents",), "opened_at"),
    "slots": (("slots",), "slot_at"),
    "shared evidence": (("exhibits", "large_exhibits"), "at"),
}
# What the last fortnight has added says what the next will.
_RECENT_DAYS = 14


@dataclass(frozen=True, slots=True)
class Grown:
    """One part: its rows and bytes, and the rows of a day of late."""

    name: str
    rows: int
    bytes: int
    rows_a_day: float

    @property
    def bytes_a_day(self) -> float:
        """What a day adds."""
        return self.rows_a_day * self.bytes / self.rows if self.rows else 0.0


class GrowthReading(Table):
    def file_bytes(self) -> tuple[int, int]:
        """The size of the ledger with its log, and how much of it is free within."""
        return self._database.sizes()

    def grown(self, now_milliseconds: int) -> list[Grown]:
        """Every part, the largest first. Goes through the whole file."""
        bytes_of = self._database.table_bytes()
        return sorted(
            (self._grown(name, bytes_of, now_milliseconds) for name in _PARTS),
            key=lambda part: -part.bytes,
        )

    def _grown(self, name: str, bytes_of: dict[str, int], now: int) -> Grown:
        tables, at = _PARTS[name]
        first = tables[0]
        size = sum(bytes_of.get(table, 0) for table in tables)
        if (about := self._database.estimated_rows(first)) is not None:
            return Grown(name, about, size, self._a_day_of_many(name, first, at, about, now))
        since = now - _RECENT_DAYS * DAY_MILLISECONDS
        found = self._database.row(
            "SELECT count(*) AS rows,"  # noqa: S608 - constants
            f" count(*) FILTER (WHERE {at} BETWEEN ? AND ?) AS recent,"
            f" min({at}) AS oldest, max({at}) AS newest FROM {first}",
            (since, now),
        )
        rows = int(found["rows"]) if found else 0
        recent = int(found["recent"] or 0) if found else 0
        if not found or not rows:
            return Grown(name, 0, size, 0.0)
        if not recent:
            # Roll-ups are of days long past: all of them say what a day comes to.
            span = (found["newest"] - found["oldest"]) / DAY_MILLISECONDS
            return Grown(name, rows, size, rows / max(span, 1.0) if name == "roll-ups" else 0.0)
        days = (now - max(int(found["oldest"]), since)) / DAY_MILLISECONDS
        return Grown(name, rows, size, recent / max(days, 1.0))

    def _a_day_of_many(self, name: str, table: str, at: str, rows: int, now: int) -> float:
        """Of a table that takes long to count: the last day, or what a day was rolled up into."""
        if name == "roll-ups":
            days = self._database.row(
                "SELECT count(*) AS n FROM seals WHERE what = 'rolled'"
                " AND day NOT IN (SELECT day FROM seals WHERE what = 'dropped')"
            )
            return rows / max(int(days["n"]) if days else 0, 1)
        query = f"SELECT count(*) AS n FROM {table} WHERE {at} BETWEEN ? AND ?"  # noqa: S608
        found = self._database.row(query, (now - DAY_MILLISECONDS, now))
        return float(found["n"]) if found else 0.0


def folder_bytes(folder: Path) -> int:
    """What all files below a folder take."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # it was swept meanwhile
                total += (Path(where) / name).lstat().st_size
    return total
