"""Incidents: at most one is open under a key, and the database itself sees to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from monitor.core.sla import ANALYSES
from monitor.ledger.database import Row, Value
from monitor.ledger.encoding import (
    milliseconds,
    moment,
    optional_milliseconds,
    optional_moment,
    packed,
    unpacked,
)
from monitor.ledger.errors import AlreadyOpen, ConstraintBroken
from monitor.ledger.table import Table

_OPEN = "open incidents by key"
IncidentState = Literal["open", "acknowledged", "recovered", "closed"]
_COLUMNS = (
    "key, site, issue, severity, owner, opened_at, acknowledged_at, recovered_at, closed_at, body"
)
_WHERE: dict[IncidentState | None, str] = {
    None: "TRUE",
    "open": "closed_at IS NULL",
    "acknowledged": "closed_at IS NULL AND recovered_at IS NULL AND acknowledged_at IS NOT NULL",
    "recovered": "closed_at IS NULL AND recovered_at IS NOT NULL",
    "closed": "closed_at IS NOT NULL",
}
# The body is JSON without blanks (encoding.packed): what has no such promise is not parsed. In the
# words of the index (0008_unsent.sql): SQLite uses a partial index by its very terms alone
# (sqlite.org/partialindex.html, section 3.1).
_PROMISED = (
    "closed_at IS NOT NULL AND instr(body, '\"told\":true') > 0 AND ("
    + " OR ".join(
        f'instr(body, \'"name":"{one}"\') > 0 AND instr(body, \'"{one}_sent_at":"\') = 0'
        for one in ANALYSES
    )
    + ")"
)


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident; `number` is None until it is opened. `body` is whatever else is known of it, as
    JSON data.
    """

    number: int | None
    key: str
    site: str
    issue: str
    severity: str
    owner: str
    opened_at: datetime
    acknowledged_at: datetime | None = None
    recovered_at: datetime | None = None
    closed_at: datetime | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


class IncidentReading(Table):
    def incident(self, number: int) -> IncidentRow | None:
        """The incident of this number."""
        only, site = self._of_site()
        found = self._database.row(
            f"SELECT * FROM incidents WHERE number = ?{only}",  # noqa: S608 - a constant
            (number, *site),
        )
        return incident_row(found) if found else None

    def open_incident_by_key(self, key: str) -> IncidentRow | None:
        """The open incident under a key; there is one at most."""
        # Asked by each look, mostly about the one that is said to be blind.
        known: dict[str, IncidentRow | None] = self._database.memo().setdefault(_OPEN, {})
        if key not in known:
            found = self._database.row(
                "SELECT * FROM incidents WHERE key = ? AND closed_at IS NULL", (key,)
            )
            known[key] = incident_row(found) if found else None
        return known[key]

    def open_incidents(self) -> list[IncidentRow]:
        """All that are not closed, the oldest first."""
        only, site = self._of_site()
        rows = self._database.rows(
            f"SELECT * FROM incidents WHERE closed_at IS NULL{only} ORDER BY number",  # noqa: S608
            site,
        )
        return [incident_row(row) for row in rows]

    def latest_closed(self, key: str) -> IncidentRow | None:
        """The incident under a key that was closed last: what a relapse reopens."""
        found = self._database.row(
            "SELECT * FROM incidents WHERE key = ? AND closed_at IS NOT NULL "
            "ORDER BY closed_at DESC, number DESC LIMIT 1",
            (key,),
        )
        return incident_row(found) if found else None

    def closed_since(self, moment: datetime) -> list[IncidentRow]:
        """Every one that was closed at a moment or after, however many, the oldest first."""
        only, site = self._of_site()
        rows = self._database.rows(
            f"SELECT * FROM incidents WHERE closed_at >= ?{only} ORDER BY number",  # noqa: S608
            (milliseconds(moment), *site),
        )
        return [incident_row(row) for row in rows]

    def closed_with_promise(self, since: datetime) -> list[IncidentRow]:
        """Those that were told, closed since a moment, of which an analysis ("rca", "prevention")
        is promised and was not sent, the oldest first.
        """
        only, site = self._of_site()
        rows = self._database.rows(
            f"SELECT * FROM incidents WHERE closed_at >= ? AND {_PROMISED}{only} "  # noqa: S608
            "ORDER BY number",
            (milliseconds(since), *site),
        )
        return [incident_row(row) for row in rows]

    def incidents(self, limit: int = 50, state: IncidentState | None = None) -> list[IncidentRow]:
        """The newest first; "open" is every one that is not closed, acknowledged and recovered ones
        too.
        """
        only, site = self._of_site()
        rows = self._database.rows(
            f"SELECT * FROM incidents WHERE {_WHERE[state]}{only} "  # noqa: S608 - constants
            "ORDER BY number DESC LIMIT ?",
            (*site, limit),
        )
        return [incident_row(row) for row in rows]


class IncidentWriting(Table):
    def open_incident(self, row: IncidentRow) -> int:
        """Open an incident; returns its number. Raises AlreadyOpen."""
        self._database.memo().pop(_OPEN, None)
        try:
            return self._database.added(
                f"INSERT INTO incidents ({_COLUMNS}) "  # noqa: S608 - constants
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
                _values(row),
            )
        except ConstraintBroken as broken:
            raise _clash(broken, row.key) from broken

    def save_incident(self, row: IncidentRow) -> None:
        """Keep what became of an incident. Raises AlreadyOpen when it is reopened beside an open
        one, LookupError.
        """
        self._database.memo().pop(_OPEN, None)
        try:
            kept = self._database.change(
                f"UPDATE incidents SET ({_COLUMNS}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
                " WHERE number = ?",
                (*_values(row), row.number),
            )
        except ConstraintBroken as broken:
            raise _clash(broken, row.key) from broken
        if kept != 1:
            raise LookupError(f"there is no incident {row.number}")


def _clash(broken: ConstraintBroken, key: str) -> Exception:
    # The one thing of an incident that is there once is its key while it is open.
    return AlreadyOpen(key) if broken.taken_in == "incidents" else broken


def _values(row: IncidentRow) -> tuple[Value, ...]:
    return (
        row.key,
        row.site,
        row.issue,
        row.severity,
        row.owner,
        milliseconds(row.opened_at),
        optional_milliseconds(row.acknowledged_at),
        optional_milliseconds(row.recovered_at),
        optional_milliseconds(row.closed_at),
        packed(row.body),
    )


def incident_row(row: Row) -> IncidentRow:
    """The incident of a row of the table."""
    return IncidentRow(
        number=row["number"],
        key=row["key"],
        site=row["site"],
        issue=row["issue"],
        severity=row["severity"],
        owner=row["owner"],
        opened_at=moment(row["opened_at"]),
        acknowledged_at=optional_moment(row["acknowledged_at"]),
        recovered_at=optional_moment(row["recovered_at"]),
        closed_at=optional_moment(row["closed_at"]),
        body=unpacked(row["body"]),
    )
