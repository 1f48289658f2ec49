"""Seals: what a day's rows come to, one after the other in a chain. Written once, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.ledger.database import Row
from monitor.ledger.encoding import milliseconds, moment
from monitor.ledger.look_terms import OF_CHECK
from monitor.ledger.table import Table

DAY_MILLISECONDS = 86_400_000
Sealed = Literal["looks", "rolled", "dropped"]
# A chunk is what a reader has in its memory at once.
CHUNK = 2000
_COLUMNS = "day, what, row_count, digest, history, receipts, told, sealed_at, chain"


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain. `day` counts from 1970-01-01 UTC; `history` and `receipts` are the
    numbers up to which `told` is their digest, from those of the seal before.
    """

    day: int
    what: Sealed
    rows: int
    digest: str
    history: int
    receipts: int
    told: str
    sealed_at: datetime
    chain: str = ""

    def content(self, previous: str) -> bytes:
        """What its HMAC is of: itself, and the chain of the one before."""
        moment = milliseconds(self.sealed_at)
        said = (self.day, self.what, self.rows, self.digest, self.history, self.receipts)
        return json.dumps([*said, self.told, moment, previous]).encode()


class SealReading(Table):
    def seals(self) -> list[Seal]:
        """All of them, the oldest first."""
        return [_seal(row) for row in self._database.rows("SELECT * FROM seals ORDER BY number")]

    def newest_seal(self) -> Seal | None:
        """The end of the chain."""
        found = self._database.row("SELECT * FROM seals ORDER BY number DESC LIMIT 1")
        return _seal(found) if found else None

    def sealed_days(self, what: Sealed) -> list[int]:
        """The days of which there is such a seal, the oldest first."""
        rows = self._database.rows("SELECT day FROM seals WHERE what = ? ORDER BY day", (what,))
        return [int(row["day"]) for row in rows]

    def seal(self, day: int, what: Sealed) -> Seal | None:
        """That of a day."""
        query = "SELECT * FROM seals WHERE what = ? AND day = ?"
        found = self._database.row(query, (what, day))
        return _seal(found) if found else None

    def oldest_look(self) -> datetime | None:
        """When the first look was made that is there one by one."""
        # By check: the index leads to the first of each, and no table is gone through.
        found = self._database.row(
            "SELECT min(at) AS at FROM (SELECT (SELECT min(started_at) FROM attempts"
            " WHERE check_number = number) AS at FROM check_names) AS firsts"
        )
        return moment(found["at"]) if found and found["at"] is not None else None

    def check_names(self) -> list[str]:
        """Every check that was ever looked at, in the order in which days are sealed."""
        rows = self._database.rows("SELECT name FROM check_names ORDER BY name")
        return [str(row["name"]) for row in rows]

    def rolled_looks(self) -> Iterator[tuple[str, int]]:
        """Checks that have looks of a day that was rolled up, and these days; but for a check's
        newest look.
        """
        rolled = set(self.sealed_days("rolled"))
        last = max(rolled, default=-1)
        for check in self.check_names():
            day = self._day_with_looks(check, 0)
            # From look to look, and not from day to day: most days of most checks are empty.
            while day is not None and day <= last:
                if day in rolled:
                    yield check, day
                day = self._day_with_looks(check, day + 1)

    def _day_with_looks(self, check: str, day: int) -> int | None:
        found = self._database.row(
            "SELECT min(started_at) AS at FROM attempts"  # noqa: S608 - constants
            f" WHERE {OF_CHECK} AND started_at >= ?"
            f" AND started_at < (SELECT max(started_at) FROM attempts WHERE {OF_CHECK})",
            (check, day * DAY_MILLISECONDS, check),
        )
        return found["at"] // DAY_MILLISECONDS if found and found["at"] is not None else None

    def look_rows(self, check: str, day: int) -> Iterator[Row]:
        """The looks of a check on a day as they lie there, in the order of time."""
        after, most = day * DAY_MILLISECONDS - 1, (day + 1) * DAY_MILLISECONDS - 1
        while True:
            rows = self._database.rows(
                "SELECT started_at, kind, purpose, muted, state, observation, verdict FROM attempts"
                " WHERE check_number = (SELECT number FROM check_names WHERE name = ?)"
                " AND started_at > ? AND started_at <= ? ORDER BY started_at LIMIT ?",
                (check, after, most, CHUNK),
            )
            yield from rows
            if len(rows) < CHUNK:
                return
            after = rows[-1]["started_at"]

    def rolled_rows(self, check: str, day: int) -> Iterator[Row]:
        """What the looks of a check on a day were rolled up into, as it lies there."""
        span = (check, day * DAY_MILLISECONDS, (day + 1) * DAY_MILLISECONDS - 1)
        for columns, table, at in (
            ("first_at, last_at, state, muted", "rolled_runs", "first_at"),
            ("hour_at, kind, body", "rolled_hours", "hour_at"),
        ):
            yield from self._database.rows(
                f"SELECT {columns} FROM {table}"  # noqa: S608 - constants
                " WHERE check_number = (SELECT number FROM check_names WHERE name = ?)"
                f" AND {at} BETWEEN ? AND ? ORDER BY {columns}",
                span,
            )

    def told_rows(self, after: tuple[int, int], until: tuple[int, int]) -> Iterator[Row]:
        """History and receipts with numbers after, up to and with."""
        for query, least, most in (
            ("SELECT id, incident, at, kind, body FROM history", after[0], until[0]),
            ("SELECT id, letter, attempt, at, kind, text FROM receipts", after[1], until[1]),
        ):
            last = least
            while rows := self._database.rows(
                f"{query} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (last, most, CHUNK)
            ):
                yield from rows
                last = rows[-1]["id"]

    def newest_told(self) -> tuple[int, int]:
        """The last numbers of history and receipts."""
        found = self._database.row(
            "SELECT (SELECT coalesce(max(id), 0) FROM history) AS history,"
            " (SELECT coalesce(max(id), 0) FROM receipts) AS receipts"
        )
        return (int(found["history"]), int(found["receipts"])) if found else (0, 0)


class SealWriting(Table):
    def put_seal(self, seal: Seal) -> None:
        """Append it to the chain."""
        self._database.change(
            f"INSERT INTO seals ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                seal.day,
                seal.what,
                seal.rows,
                seal.digest,
                seal.history,
                seal.receipts,
                seal.told,
                milliseconds(seal.sealed_at),
                seal.chain,
            ),
        )


def _seal(row: Row) -> Seal:
    return Seal(
        row["day"],
        row["what"],
        row["row_count"],
        row["digest"],
        row["history"],
        row["receipts"],
        row["told"],
        moment(row["sealed_at"]),
        row["chain"],
    )
