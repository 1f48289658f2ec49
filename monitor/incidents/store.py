"""Conditions and incidents in the ledger: values in, rows out, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from pydantic import TypeAdapter

from monitor.core.condition import Condition
from monitor.core.incident import Change, Incident
from monitor.ledger import IncidentRow, Ledger, Transaction

_CONDITION = TypeAdapter(Condition)
_INCIDENT = TypeAdapter(Incident)
_STANDING, _LOOKS = "conditions", "next looks"


def condition_of(ledger: Ledger, check: str) -> Condition:
    """Where a check stands; a new one stands well."""
    return _known(ledger).get(check) or Condition(check)


def known_condition(ledger: Ledger, check: str) -> Condition | None:
    """Where a check stands; None for one that was never looked at."""
    return _known(ledger).get(check)


def conditions(ledger: Ledger) -> dict[str, Condition]:
    """Where every check stands that was ever looked at."""
    return dict(_known(ledger))


def next_looks(ledger: Ledger) -> Mapping[str, datetime]:
    """Which checks are owed an extra look, and when."""
    known, memo = _known(ledger), ledger.memo()
    if _LOOKS not in memo:
        memo[_LOOKS] = {name: found.next_look for name, found in known.items() if found.next_look}
    found: dict[str, datetime] = memo[_LOOKS]
    return MappingProxyType(found)


def keep_condition(t: Transaction, condition: Condition) -> None:
    """Keep where a check stands now."""
    t.keep_condition(condition.check, _CONDITION.dump_python(condition, mode="json"))
    memo = t.memo()
    if _STANDING in memo:
        memo[_STANDING][condition.check] = condition
    if _LOOKS in memo:
        memo[_LOOKS].pop(condition.check, None)
        if condition.next_look:
            memo[_LOOKS][condition.check] = condition.next_look


def _known(ledger: Ledger) -> dict[str, Condition]:
    """Every condition, read once and kept for as long as the ledger is changed by nobody else."""
    memo = ledger.memo()
    if _STANDING not in memo:
        memo[_STANDING] = {
            name: _CONDITION.validate_python(body) for name, body in ledger.conditions().items()
        }
    known: dict[str, Condition] = memo[_STANDING]
    return known


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
