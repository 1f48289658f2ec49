"""Conditions and incidents in the ledger: values in, rows out, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pydantic import TypeAdapter

from monitor.core.condition import Condition
from monitor.core.incident import Change, Incident
from monitor.ledger import IncidentRow, Ledger, Transaction

_CONDITION = TypeAdapter(Condition)
_INCIDENT = TypeAdapter(Incident)


def condition_of(ledger: Ledger, check: str) -> Condition:
    """Where a check stands; a new one stands well."""
    body = ledger.condition(check)
    return _CONDITION.validate_python(body) if body else Condition(check)


def conditions(ledger: Ledger) -> dict[str, Condition]:
    """Where every check stands that was ever looked at."""
    return {name: _CONDITION.validate_python(body) for name, body in ledger.conditions().items()}


def keep_condition(t: Transaction, condition: Condition) -> None:
    """Keep where a check stands now."""
    t.keep_condition(condition.check, _CONDITION.dump_python(condition, mode="json"))


def incident_of(row: IncidentRow) -> Incident:
    """The incident that a row holds. Its number is the row's."""
    return _INCIDENT.validate_python({**row.body, "number": row.number})


def keep_change(t: Transaction, change: Change, now: datetime) -> Change:
    """Store what became of an incident and its history; a new incident gets its number."""
    incident = change.incident
    if incident.number is None:
        change = replace(change, incident=replace(incident, number=t.open_incident(_row(incident))))
    t.save_incident(_row(change.incident))
    for happening in change.happenings:
        t.happened(change.incident.number, now, happening.kind, happening.facts)
    return change


def _row(incident: Incident) -> IncidentRow:
    return IncidentRow(
        number=incident.number,
        key=incident.key,
        site=incident.site,
        issue=incident.issue,
        severity=incident.severity.id,
        owner=incident.owner,
        opened_at=incident.opened_at,
        acknowledged_at=incident.acknowledged_at,
        recovered_at=incident.recovered_at,
        closed_at=incident.closed_at,
        body=_INCIDENT.dump_python(incident, mode="json"),
    )
