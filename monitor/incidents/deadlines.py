"""What time alone changes: ladders, targets, the ends of maintenances, checks that are no longer
configured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.core import incident_transitions
from monitor.core.escalation import next_rung
from monitor.core.incident import Change, Incident
from monitor.core.maintenance import active
from monitor.core.sla import next_deadline, unrecorded_breaches
from monitor.incidents import store
from monitor.incidents.correlation import Settlement
from monitor.incidents.recipients import due_now
from monitor.ledger import Ledger, Transaction


def keep_watch(ledger: Ledger, configuration: Configuration, now: datetime) -> None:
    """Escalate, record breaches, and have a second look at what a maintenance hid."""
    for incident in store.incidents_of(ledger.open_incidents()):
        if muted(configuration, incident, now):
            continue
        if not incident.told:
            _look_again(ledger, configuration, incident, now)
        elif _something_is_due(configuration, incident, now):
            with ledger.transaction() as t:
                _move_on(ledger, t, configuration, incident, now)


def next_watch(ledger: Ledger, configuration: Configuration, now: datetime) -> datetime | None:
    """When time alone will change something next; None with nothing open."""
    return min(_moments(ledger, configuration, now), default=None)


def forget_removed(ledger: Ledger, configuration: Configuration, now: datetime) -> None:
    """A check that is no longer configured will never recover: it leaves its incident, and says so."""
    for found in store.incidents_of(ledger.open_incidents()):
        incident = found
        for name in (*found.causes, *found.attached):
            if name in configuration.checks:
                continue
            with ledger.transaction() as t:
                condition = store.condition_of(ledger, name)
                store.keep_condition(t, replace(condition, incident=None, next_look=None))
                why = f"{name} is no longer configured"
                incident = Settlement(ledger, t, configuration, now).apply(
                    incident_transitions.left(incident, name, why, now)
                )


def muted(configuration: Configuration, incident: Incident, now: datetime) -> bool:
    """Whether a maintenance hides everything that causes an incident."""
    return all(active(configuration.maintenance, check, now) for check in incident.causes)


def _move_on(
    ledger: Ledger, t: Transaction, configuration: Configuration, incident: Incident, now: datetime
) -> None:
    change = Change(incident)
    for clock in unrecorded_breaches(incident.clocks(now, configuration.policy.calendar)):
        change = change.then(incident_transitions.breached(change.incident, clock))
    due = due_now(configuration, incident, now)
    if due.tell is not None:
        passed = tuple(rung.level.number for rung in (*due.skipped, *due.empty))
        why = f"level {due.tell.level.number} takes over: {due.tell.level.name}"
        change = change.then(
            incident_transitions.escalated(change.incident, (due.tell.level.number,), passed, why)
        )
    Settlement(ledger, t, configuration, now).apply(change)


def _something_is_due(configuration: Configuration, incident: Incident, now: datetime) -> bool:
    clocks = incident.clocks(now, configuration.policy.calendar)
    return due_now(configuration, incident, now).tell is not None or bool(
        unrecorded_breaches(clocks)
    )


def _look_again(
    ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime
) -> None:
    """At the end of a maintenance that hid it, an incident is looked at again before anybody is
    told.
    """
    for name in incident.causes:
        condition = store.condition_of(ledger, name)
        looked_at = condition.looked_at
        hidden = looked_at is None or active(configuration.maintenance, name, looked_at) is not None
        if hidden and (condition.next_look is None or condition.next_look > now):
            with ledger.transaction() as t:
                store.keep_condition(t, replace(condition, next_look=now, purpose="recheck"))


def _moments(ledger: Ledger, configuration: Configuration, now: datetime) -> Iterator[datetime]:
    calendar = configuration.policy.calendar
    for incident in store.incidents_of(ledger.open_incidents()):
        ends = [
            found.until
            for c in incident.causes
            if (found := active(configuration.maintenance, c, now))
        ]
        if ends and len(ends) == len(incident.causes):
            yield min(ends)
            continue
        if (deadline := next_deadline(incident.clocks(now, calendar))) is not None:
            yield max(deadline, now)
        rung = next_rung(
            incident.ladder,
            incident.counts_from,
            incident.levels_done,
            acknowledged=incident.acknowledged_at is not None,
            calendar=calendar,
        )
        if rung is not None:
            yield max(rung.at, now + timedelta(milliseconds=1))
