"""What time alone changes: ladders, targets, the ends of maintenances, checks that are no longer
configured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.core import endings, incident_escalation, incident_transitions, pauses
from monitor.core.escalation import Rung, next_rung
from monitor.core.incident import Change, Closing, Incident
from monitor.core.intermittence import hold_seconds
from monitor.core.sla import UPDATE, next_deadline
from monitor.incidents import pages, store
from monitor.incidents.analyses import Analyses
from monitor.incidents.correlation import Correlation
from monitor.incidents.maintenance_ends import next_end, tell_ends
from monitor.incidents.maintenances import hides
from monitor.incidents.receipts import next_doubt, unheard
from monitor.incidents.recipients import due_now, missed_now
from monitor.ledger import Ledger, Transaction


def keep_watch(ledger: Ledger, configuration: Configuration, now: datetime) -> None:
    """Escalate, record breaches, and have a second look at what a maintenance hid."""
    tell_ends(ledger, configuration, now)
    Analyses(ledger, configuration, now).keep_watch()
    for found in store.incidents_of(ledger.open_incidents()):
        incident = found
        # The end first: what has been quiet for long, or is looked at by nothing, needs no
        # escalation any more.
        if (end := _quiet_end(incident)) is not None and end <= now:
            with ledger.transaction() as t:
                _end(ledger, t, Correlation(ledger, t, configuration, now), incident, now)
            continue
        incident = _forgotten(ledger, configuration, incident, now)
        hidden = muted(ledger, configuration, incident, now)
        if (change := pauses.under_maintenance(incident, hidden, now)) is not None:
            with ledger.transaction() as t:
                incident = Correlation(ledger, t, configuration, now).apply(change)
        if incident.held or hidden:
            continue
        if (change := pages.answered(ledger, configuration, incident, now)) is not None:
            with ledger.transaction() as t:
                incident = Correlation(ledger, t, configuration, now).apply(change)
        if why := unheard(ledger, configuration, incident, now):
            with ledger.transaction() as t:
                change = incident_escalation.unheard(incident, why)
                incident = Correlation(ledger, t, configuration, now).apply(change)
        if not incident.told:
            _look_again(ledger, configuration, incident, now)
        elif _something_is_due(configuration, incident, now):
            with ledger.transaction() as t:
                _move_on(ledger, t, configuration, incident, now)


def next_watch(ledger: Ledger, configuration: Configuration, now: datetime) -> datetime | None:
    """When time alone will change something next; None with nothing open."""
    return min(_moments(ledger, configuration, now), default=None)


def forget_removed(ledger: Ledger, configuration: Configuration, now: datetime) -> None:
    """A check that is no longer configured will never recover: it leaves its incident. The last one
    stays for a while, since a check that was renamed is found to fail under its new name soon.
    """
    for incident in store.incidents_of(ledger.open_incidents()):
        _forgotten(ledger, configuration, incident, now)


def _forgotten(
    ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime
) -> Incident:
    """The incident without the checks that are no longer configured."""
    gone = [
        name
        for name in (*incident.causes, *incident.attached)
        # What is of the house itself (house_troubles.py) has no check.
        if name not in configuration.checks and not name.startswith("@")
    ]
    if not gone or incident.unwatched_since is not None:
        return incident
    with ledger.transaction() as t:
        correlation = Correlation(ledger, t, configuration, now)
        for name in gone:
            # The last cause stays for a while: a check that was renamed fails under its new name
            # within one recheck, and takes over.
            if incident.causes == (name,):
                incident = correlation.apply(endings.unwatched(incident, now))
            else:
                incident = _withdraw(ledger, t, correlation, incident, name, now)
    return incident


def _withdraw(
    ledger: Ledger,
    t: Transaction,
    correlation: Correlation,
    incident: Incident,
    name: str,
    now: datetime,
) -> Incident:
    condition = store.condition_of(ledger, name)
    store.keep_condition(t, replace(condition, incident=None, next_look=None))
    why = f"{name} is no longer configured"
    return correlation.apply(endings.left(incident, name, Closing.WITHDRAWN, why, now))


def _quiet_end(incident: Incident) -> datetime | None:
    """When an incident that works, or that nothing looks at, is over if it stays so."""
    if incident.recovered_at is not None:
        return incident.recovered_at + timedelta(seconds=hold_seconds(incident.returns))
    if incident.unwatched_since is not None:
        return incident.unwatched_since + timedelta(seconds=endings.WITHDRAW_AFTER_SECONDS)
    return None


def _end(
    ledger: Ledger, t: Transaction, correlation: Correlation, incident: Incident, now: datetime
) -> None:
    if incident.held:
        why = "it has been quiet for long enough"
        correlation.apply(endings.closed(incident, now, why, Closing.RECOVERED))
        return
    for name in incident.causes:
        incident = _withdraw(ledger, t, correlation, incident, name, now)


def muted(ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime) -> bool:
    """Whether a maintenance hides everything that causes an incident."""
    causes = incident.causes
    return bool(causes) and all(hides(ledger, configuration, check, now) for check in causes)


def _move_on(
    ledger: Ledger, t: Transaction, configuration: Configuration, incident: Incident, now: datetime
) -> None:
    missed = missed_now(configuration, incident, now)
    change, due = Change(incident), due_now(configuration, incident, now)
    if due.tell or due.passed:
        change = change.then(
            incident_escalation.escalated(incident, due.levels, due.passed, missed)
        )
    elif missed:
        change = change.then(incident_escalation.breached(incident, missed))
    if _gathered_at(incident, now) <= now:
        change = change.then(incident_transitions.gathered(change.incident))
    # A reminder says "still open": beside any other message of the same moment it would be noise.
    elif (
        not change.orders
        and (again := _remind_at(configuration, incident, now)) is not None
        and again <= now
    ):
        change = change.then(incident_escalation.reminded(incident, now))
    if not change.orders and _waits_for_word(configuration, incident, now):
        change = change.then(incident_escalation.kept_informed(change.incident))
    Correlation(ledger, t, configuration, now).apply(change)


def _waits_for_word(configuration: Configuration, incident: Incident, now: datetime) -> bool:
    """Whether the customer has heard nothing for as long as the policy says."""
    if incident.severity.target(UPDATE) is None or incident.request or incident.waits:
        return False
    clocks = incident.clocks(now, configuration.policy.calendars)
    return any(clock.name == UPDATE and clock.due_at <= now for clock in clocks)


def _something_is_due(configuration: Configuration, incident: Incident, now: datetime) -> bool:
    due = due_now(configuration, incident, now)
    again = _remind_at(configuration, incident, now)
    told = bool(due.tell or due.passed or missed_now(configuration, incident, now))
    told = told or _waits_for_word(configuration, incident, now)
    return told or _gathered_at(incident, now) <= now or (again is not None and again <= now)


def _remind_at(configuration: Configuration, incident: Incident, now: datetime) -> datetime | None:
    """When it is said again that it is still open; None while levels are still to be told."""
    # Of what somebody asks for nothing is late.
    if incident.waits or incident.request or _next_rung(configuration, incident, now) is not None:
        return None
    last = incident.rungs(now, configuration.policy.calendars)[-1]
    return incident_escalation.remind_at(incident, last.at)


def _next_rung(configuration: Configuration, incident: Incident, now: datetime) -> Rung | None:
    """The level whose turn is next."""
    return next_rung(
        incident.ladder,
        incident.climbs_from,
        incident.levels_done,
        acknowledged=incident.taken is not None,
        resolved=incident.held,
        calendars=configuration.policy.calendars,
        pauses=incident.paused(now),
    )


def _gathered_at(incident: Incident, now: datetime) -> datetime:
    """When what has joined is told; never, with nothing to tell."""
    if incident.joined_since is None:
        return datetime.max.replace(tzinfo=now.tzinfo)
    return incident.joined_since + timedelta(seconds=incident_transitions.GATHER_SECONDS)


def _look_again(
    ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime
) -> None:
    """At the end of a maintenance that hid it, an incident is looked at again before anybody is
    told.
    """
    for name in incident.causes:
        condition = store.condition_of(ledger, name)
        looked_at = condition.looked_at
        # What was last seen under the maintenance may have been its doing: a fresh look decides
        # whether anybody hears of it.
        hidden = looked_at is None or hides(ledger, configuration, name, looked_at) is not None
        if hidden and (condition.next_look is None or condition.next_look > now):
            with ledger.transaction() as t:
                store.keep_condition(t, replace(condition, next_look=now, purpose="recheck"))


def _moments(ledger: Ledger, configuration: Configuration, now: datetime) -> Iterator[datetime]:
    calendars = configuration.policy.calendars
    if (over := next_end(ledger, now)) is not None:
        yield over
    if (analysis := Analyses(ledger, configuration, now).next_moment()) is not None:
        yield max(analysis, now)
    for incident in store.incidents_of(ledger.open_incidents()):
        if (end := _quiet_end(incident)) is not None:
            yield max(end, now)
        if incident.joined_since is not None:
            yield max(_gathered_at(incident, now), now)
        ends = [
            found.until for c in incident.causes if (found := hides(ledger, configuration, c, now))
        ]
        # While every cause is hidden no clock of the incident wakes anybody, until the first of the
        # windows ends.
        if ends and len(ends) == len(incident.causes):
            yield min(ends)
            continue
        # Of what nobody is told yet nothing is due: a look tells it, or ends it.
        if not incident.told:
            continue
        if (deadline := next_deadline(incident.clocks(now, calendars))) is not None:
            yield max(deadline, now)
        # What is held has recovered: nobody is called up for it any more, and nothing wakes for it.
        if pages.answered(ledger, configuration, incident, now) is not None:
            yield now
        doubt = None if incident.held else next_doubt(ledger, configuration, incident, now)
        if doubt is not None:
            yield doubt
        # While it waits for somebody nothing is due: whoever ends the waiting wakes the watch.
        if incident.waits:
            continue
        rung = _next_rung(configuration, incident, now)
        # At least a millisecond ahead: a moment that is past was acted on by this very watch, and
        # must not wake it in a loop.
        if not incident.held and (again := _remind_at(configuration, incident, now)) is not None:
            yield max(again, now + timedelta(milliseconds=1))
        if rung is not None:
            yield max(rung.at, now + timedelta(milliseconds=1))
