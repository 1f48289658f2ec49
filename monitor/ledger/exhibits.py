"""Exhibits in the ledger: evidence of looks that were not good, for every host that shares it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from monitor.ledger.encoding import milliseconds, moment
from monitor.ledger.table import Table


@dataclass(frozen=True, slots=True)
class ExhibitRow:
    """One file, without what is in it; `at` is when it came, by the database's clock."""

    path: str
    at: datetime
    host: str
    size: int


class ExhibitReading(Table):
    def exhibits(self, since: datetime, limit: int = 10_000) -> list[ExhibitRow]:
        """Those that came since a moment, the oldest first."""
        rows = self._database.rows(
            "SELECT path, at, host, size FROM exhibits WHERE at >= ? ORDER BY at, path LIMIT ?",
            (milliseconds(since), limit),
        )
        return [
            ExhibitRow(row["path"], moment(row["at"]), row["host"], row["size"]) for row in rows
        ]

    def exhibit(self, path: str) -> bytes | None:
        """What is in one; None where it is gone."""
        found = self._database.row("SELECT body FROM exhibits WHERE path = ?", (path,))
        return None if found is None else b64decode(found["body"], validate=True)

    def put_exhibit(self, path: str, host: str, body: bytes) -> None:
        """Keep one, by itself and without the writer's lock; the first of its path holds."""
        self._database.change_alone(
            "INSERT INTO exhibits (path, at, host, size, body)"  # noqa: S608 - a constant
            f" VALUES (?, {self._database.NOW}, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING path",
            (path, host, len(body), b64encode(body).decode("ascii")),
        )


class ExhibitWriting(Table):
    def forget_exhibits(self, paths: Collection[str]) -> None:
        """They have been kept for long enough."""
        self._database.change_all("DELETE FROM exhibits WHERE path = ?", [(one,) for one in paths])
