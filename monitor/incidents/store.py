"""Conditions and incidents in the ledger: values in, rows out, and back.

Rule: a row whose body this program cannot read is never taken for an empty one. It stays as it is,
whoever asks for it by itself gets Unreadable, and whoever goes through all of them gets the others
(`unreadable` names those left out).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from checks.body import Unreadable
from monitor.core import root_cause
from monitor.core.condition import Condition
from monitor.core.incident import Change, Incident
from monitor.ledger import IncidentRow, Ledger, Transaction, bodies, happening_bodies
from monitor.ledger.encoding import unpacked

log = logging.getLogger(__name__)

NEXT_ANALYSIS = "next analysis"
"""the memo of when time alone changes something of the analyses (monitor/incidents/analyses.py)"""

_STANDING, _LOOKS, _OWING = "conditions", "next looks", "analyses owed"
# Of a ledger on a server that others change all the time: what was asked of it since they did, and
# what each text was read as.
_SOME, _READ = "some conditions", "conditions as they were read"
# An analysis that nobody has sent for longer is a matter of history.
_OWED_FOR = timedelta(days=400)


def condition_of(ledger: Ledger, check: str) -> Condition:
    """Where a check stands; a new one stands well. Raises Unreadable."""
    found = _one(ledger, check)
    if isinstance(found, Unreadable):
        raise Unreadable(str(found))
    return found or Condition(check)


def known_condition(ledger: Ledger, check: str) -> Condition | None:
    """Where a check stands; None for one that was never looked at, or cannot be read."""
    found = _one(ledger, check)
    return None if isinstance(found, Unreadable) else found


def ask_together(ledger: Ledger, checks: Iterable[str]) -> None:
    """Several checks will be asked for: one question for all of them, where each is a way to a
    server and back.
    """
    memo = ledger.memo()
    if ledger.distant and _STANDING not in memo:
        some = memo.setdefault(_SOME, {})
        if new := [check for check in dict.fromkeys(checks) if check not in some]:
            some.update(dict.fromkeys(new))
            some.update(_read(ledger, ledger.condition_texts(new)))


def ask_to_settle(ledger: Ledger, t: Transaction, checks: Iterable[str]) -> None:
    """Looks at several checks will be settled: what that asks of the ledger is asked together."""
    names = list(checks)
    ask_together(ledger, names)
    t.ask_numbers(names)


def waiting(ledger: Ledger) -> dict[str, Condition]:
    """Where those checks stand that are owed an extra look."""
    if not ledger.distant:
        return {name: condition_of(ledger, name) for name in next_looks(ledger)}
    found = _read(ledger, ledger.waiting_condition_texts())
    return {n: one for n, one in found.items() if isinstance(one, Condition) and one.next_look}


def conditions(ledger: Ledger) -> dict[str, Condition]:
    """Where every check stands that was ever looked at and can be read."""
    return {name: found for name, found in _known(ledger).items() if isinstance(found, Condition)}


def unreadable(ledger: Ledger) -> list[str]:
    """What this program cannot read of conditions and open incidents, a line each."""
    found = [str(one) for one in _known(ledger).values() if isinstance(one, Unreadable)]
    return [*found, *unreadable_of(ledger.open_incidents())]


def next_looks(ledger: Ledger) -> Mapping[str, datetime]:
    """Which checks are owed an extra look, and when."""
    known, memo = conditions(ledger), ledger.memo()
    if _LOOKS not in memo:
        memo[_LOOKS] = {name: found.next_look for name, found in known.items() if found.next_look}
    found: dict[str, datetime] = memo[_LOOKS]
    # Everybody shares this memory of the ledger: a caller who changed it would change what the
    # daemon owes.
    return MappingProxyType(found)


def keep_condition(t: Transaction, condition: Condition) -> None:
    """Keep where a check stands now."""
    text = t.keep_condition(condition.check, bodies.condition_body(condition))
    memo = t.memo()
    for kept in (_STANDING, _SOME):
        if kept in memo:
            memo[kept][condition.check] = condition
    if t.distant:
        t.lasting().setdefault(_READ, {})[condition.check] = (text, condition)
    if _LOOKS in memo:
        memo[_LOOKS].pop(condition.check, None)
        if condition.next_look:
            memo[_LOOKS][condition.check] = condition.next_look


def _one(ledger: Ledger, check: str) -> Condition | Unreadable | None:
    """Where one check stands; of a server others are not read for it."""
    memo = ledger.memo()
    if not ledger.distant or _STANDING in memo:
        return _known(ledger).get(check)
    if check not in memo.setdefault(_SOME, {}):
        ask_together(ledger, [check])
    found: Condition | Unreadable | None = memo[_SOME][check]
    return found


def _read(ledger: Ledger, texts: Mapping[str, str]) -> dict[str, Condition | Unreadable]:
    """Conditions as they are kept; a text that was read before is not read again."""
    known: dict[str, tuple[str, Condition | Unreadable]] = ledger.lasting().setdefault(_READ, {})
    for name, text in texts.items():
        if name not in known or known[name][0] != text:
            known[name] = (text, _condition(name, unpacked(text)))
    return {name: known[name][1] for name in texts}


def _known(ledger: Ledger) -> dict[str, Condition | Unreadable]:
    """Every condition, read once and kept for as long as the ledger is changed by nobody else."""
    memo = ledger.memo()
    if _STANDING not in memo:
        # Read once: at every tick each check is asked for its condition, and the rows change only
        # through `keep_condition`.
        memo[_STANDING] = (
            _read(ledger, ledger.condition_texts())
            if ledger.distant
            else {name: _condition(name, body) for name, body in ledger.conditions().items()}
        )
    known: dict[str, Condition | Unreadable] = memo[_STANDING]
    return known


@contextmanager
def saying_unreadable(check: str) -> Iterator[None]:
    """What a look has to change in a row that cannot be read stays as it is, and is said; the look
    itself is kept.
    """
    try:
        yield
    except Unreadable as why:
        log.error("action=not_settled check=%s %s", check, why)


def _condition(check: str, body: Mapping[str, Any]) -> Condition | Unreadable:
    try:
        return bodies.CONDITION.read(body, check)
    except Unreadable as why:
        return why


def incident_of(row: IncidentRow) -> Incident:
    """The incident that a row holds. Its number is the row's. Raises Unreadable."""
    return replace(bodies.INCIDENT.read(row.body, f"RV-{row.number}"), number=row.number)


def incidents_of(rows: Iterable[IncidentRow]) -> Iterator[Incident]:
    """The incidents that rows hold, without those that cannot be read."""
    for row in rows:
        try:
            yield incident_of(row)
        except Unreadable:
            continue  # who keeps watch has said so (`unreadable`); the others go on


def unreadable_of(rows: Iterable[IncidentRow]) -> Iterator[str]:
    """Why some of the rows cannot be read, a line each."""
    for row in rows:
        try:
            incident_of(row)
        except Unreadable as why:
            yield str(why)


def owing(ledger: Ledger, now: datetime) -> list[Incident]:
    """The closed incidents of which an analysis is promised that was not sent, the oldest first."""
    memo = ledger.memo()
    if _OWING not in memo:
        rows = ledger.closed_with_promise(now - _OWED_FOR)
        memo[_OWING] = {one.number: one for one in incidents_of(rows) if root_cause.may_owe(one)}
        memo.pop(NEXT_ANALYSIS, None)
    found: dict[int, Incident] = memo[_OWING]
    return sorted(found.values(), key=lambda one: one.number or 0)


def keep_change(t: Transaction, change: Change, now: datetime) -> Change:
    """Store what became of an incident and its history; a new incident gets its number."""
    incident = change.incident
    if incident.number is None:
        change = replace(change, incident=replace(incident, number=t.open_incident(_row(incident))))
    t.save_incident(_row(change.incident))
    if (owing := t.memo().get(_OWING)) is not None:
        owing.pop(change.incident.number, None)
        if not change.incident.open and root_cause.may_owe(change.incident):
            owing[change.incident.number] = change.incident
    t.memo().pop(NEXT_ANALYSIS, None)
    for happening in change.happenings:
        facts = happening_bodies.happening_body(happening.kind, happening.facts)
        t.happened(change.incident.number, now, happening.kind, facts)
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
        acknowledged_at=incident.taken[0] if incident.taken else None,
        recovered_at=incident.recovered_at,
        closed_at=incident.closed_at,
        body=bodies.incident_body(incident),
    )
