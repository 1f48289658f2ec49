"""Evidence that is too large for a ledger: where it lies, for the hosts that have it not.

It has a row from when its host has it, so that the others can say where it is; one that lies at a
place elsewhere as well (monitor/evidence/far_store.py) is `stored`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.ledger.database import MOST_AT_ONCE, Row
from monitor.ledger.encoding import milliseconds, moment
from monitor.ledger.table import Table

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class LargeExhibit:
    """One file; `at` is when it was named and `stored_at` when it came to the place elsewhere, by
    the database's clock.
    """

    path: str
    at: datetime
    host: str
    size: int
    """bytes"""
    stored_at: datetime | None
    sha256: str
    """of what was stored, in hexadecimal; "" before"""


class LargeExhibitReading(Table):
    def large_exhibits(self, paths: Sequence[str] | None = None) -> list[LargeExhibit]:
        """These, as far as there are any, or all; the oldest first."""
        if paths is None:
            return self._found("TRUE", ())
        some = paths[:MOST_AT_ONCE]
        return self._found(f"path IN ({', '.join('?' for _ in some)})", some) if some else []

    def waiting_exhibits(self, host: str) -> list[LargeExhibit]:
        """Those that lie on this host alone."""
        return self._found("stored_at IS NULL AND host = ?", (host,))

    def stored_exhibits(self, since: datetime) -> list[LargeExhibit]:
        """Those that came to the place elsewhere since a moment, the first to come first."""
        return self._found("stored_at >= ?", (milliseconds(since),), "stored_at, path")

    def name_large_exhibit(self, path: str, host: str, size: int) -> None:
        """Say that a host has it; the first of its path holds."""
        self._database.change_alone(
            "INSERT INTO large_exhibits (path, at, host, size)"  # noqa: S608 - a constant
            f" VALUES (?, {self._database.NOW}, ?, ?) ON CONFLICT DO NOTHING RETURNING path",
            (path, host, size),
        )

    def exhibit_stored(self, path: str, sha256: str) -> None:
        """Say that it lies at the place elsewhere, and what it is there."""
        self._database.change_alone(
            f"UPDATE large_exhibits SET stored_at = {self._database.NOW}, sha256 = ?"  # noqa: S608 - a constant
            " WHERE path = ? RETURNING path",
            (sha256, path),
        )

    def _found(
        self, which: str, values: Sequence[str | int], order: str = "at, path"
    ) -> list[LargeExhibit]:
        rows = self._database.rows(
            "SELECT path, at, host, size, stored_at, sha256 FROM large_exhibits"  # noqa: S608 - constants
            f" WHERE {which} ORDER BY {order} LIMIT {_MOST}",
            values,
        )
        return [_exhibit(row) for row in rows]


class LargeExhibitWriting(Table):
    def forget_large_exhibits(self, paths: Collection[str]) -> None:
        """They are kept nowhere any more but on their hosts, which sweep by themselves."""
        self._database.change_all(
            "DELETE FROM large_exhibits WHERE path = ?", [(one,) for one in paths]
        )


def _exhibit(row: Row) -> LargeExhibit:
    stored = row["stored_at"]
    return LargeExhibit(
        row["path"],
        moment(row["at"]),
        row["host"],
        row["size"],
        None if stored is None else moment(stored),
        row["sha256"],
    )
