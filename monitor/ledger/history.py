"""History: what happened, in its order. Nothing in it is ever changed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checks.body import Unreadable
from monitor.ledger.database import Row
from monitor.ledger.encoding import milliseconds, moment, packed, unpacked
from monitor.ledger.happening_bodies import facts_of
from monitor.ledger.table import Table

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One thing that happened to an incident, or (without one) to the monitor itself."""

    id: int
    incident: int | None
    at: datetime
    kind: str
    body: dict[str, Any]

    def facts(self) -> Mapping[str, Any]:
        """What is kept of it, in today's form. Raises Unreadable."""
        return facts_of(self.kind, self.body, f"{self.at:%Y-%m-%d %H:%M}")


def readable(rows: Iterable[HistoryRow]) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
    """When each was and what is kept of it, without those that cannot be read."""
    for row in rows:
        try:
            yield row.at, row.facts()
        except Unreadable as why:
            log.error("action=happening_not_read kind=%s %s", row.kind, why)


class HistoryReading(Table):
    def history(self, number: int | None) -> list[HistoryRow]:
        """What happened to an incident, the oldest first; None: to the monitor itself."""
        # What happens to the monitor itself has no incident, and `=` never matches NULL.
        whose, values = ("= ?", (number,)) if number is not None else ("IS NULL", ())
        only, named = self._of_names("kind") if number is None else ("", ())
        rows = self._database.rows(
            f"SELECT * FROM history WHERE incident {whose}{only} ORDER BY id",  # noqa: S608 - constants
            (*values, *named),
        )
        return [self._happened(row) for row in rows]

    def newest(self, kind: str, limit: int = 1) -> list[HistoryRow]:
        """The last things of one kind that happened to the monitor itself, the newest first."""
        rows = self._database.rows(
            "SELECT * FROM history WHERE incident IS NULL AND kind = ? ORDER BY id DESC LIMIT ?",
            (self._kind(kind), limit),
        )
        return [self._happened(row) for row in rows]

    def newest_happening(self) -> int:
        """The number of the last thing that happened to anything; 0 where nothing has."""
        found = self._database.row("SELECT coalesce(max(id), 0) AS number FROM history")
        return int(found["number"]) if found else 0

    def _happened(self, row: Row) -> HistoryRow:
        kind = row["kind"].removeprefix(self._kind("")) if row["incident"] is None else row["kind"]
        return HistoryRow(
            row["id"], row["incident"], moment(row["at"]), kind, unpacked(row["body"])
        )


class HistoryWriting(Table):
    def happened(
        self, incident: int | None, at: datetime, kind: str, body: Mapping[str, Any] | None = None
    ) -> int:
        """Keep that something happened; returns its number. What happened to a probe host is said
        in its log alone: it writes no history, and has 0.
        """
        if self._database.probe_host and incident is None:
            log.info("action=happened kind=%s", kind)
            return 0
        return self._database.added(
            "INSERT INTO history (incident, at, kind, body) VALUES (?, ?, ?, ?) RETURNING id",
            (
                incident,
                milliseconds(at),
                kind if incident is not None else self._kind(kind),
                packed(body or {}),
            ),
        )
