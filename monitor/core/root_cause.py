"""The analyses that follow an incident: due when, by whom, sent, waiting for evidence, missed.

Rule 1: what is promised stands in the incident's own severity: a new policy changes no running one.
Rule 2: whoever owes it is reminded once before it is due and told once when it was missed. Rule 3:
only sending stops its clock; a breach that was recorded stays one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.incident import (
    MONITOR,
    Change,
    Happening,
    Incident,
    Pause,
    Tell,
    remembered,
    told,
)
from monitor.core.open_hours import NO_CALENDARS, Calendars
from monitor.core.policy_terms import Target
from monitor.core.sla import ANALYSES, Clock, ClockState

# A quarter of its time is enough to write it in, and a day ahead is soon enough for the longest.
_BEFORE_PART, _BEFORE_MOST_SECONDS = 4, 86400.0
EVIDENCE = "evidence"


def owed(
    incident: Incident, now: datetime, calendars: Calendars = NO_CALENDARS
) -> tuple[Clock, ...]:
    """The clocks of its analyses that are not met, each of which somebody owes."""
    shown = incident.clocks(now, calendars)
    return tuple(clock for clock in shown if clock.name in ANALYSES and _owes(incident, clock))


def may_owe(incident: Incident) -> bool:
    """Whether an analysis is promised of it that was not sent; what its clock says is not asked."""
    promised = {target.name for target in incident.severity.targets}
    # Of what nobody has heard nobody asks why; and the monitor's own troubles are no vendor's.
    if not incident.told or incident.owner == MONITOR:
        return False
    return ("rca" in promised and incident.rca_sent_at is None) or (
        "prevention" in promised and incident.prevention_sent_at is None
    )


def owner_role(incident: Incident, part: str) -> str:
    """The role that owes an analysis: as the policy says, else whoever took it over last; "" for
    nobody but the operators.
    """
    target = incident.severity.target(part)
    level = target.by_level if target else 0
    levels = {level.number: level.role for level in incident.ladder.levels}
    if level in levels:
        return levels[level]
    taken = [number for number in incident.levels_told if number in levels]
    return levels[max(taken)] if taken else ""


def remind_at(incident: Incident, clock: Clock) -> datetime | None:
    """When its owner is reminded; None once he was, or while it waits."""
    target = incident.severity.target(clock.name)
    if clock.state is not ClockState.RUNNING or clock.paused or target is None:
        return None
    return None if clock.name in incident.rca_steps else clock.due_at - _before(target)


def next_moment(
    incident: Incident, now: datetime, calendars: Calendars = NO_CALENDARS
) -> datetime | None:
    """When time alone will change something of its analyses."""
    clocks = owed(incident, now, calendars)
    if (
        clocks
        and incident.works_since
        and not incident.open
        and "drafted" not in incident.rca_steps
    ):
        return now
    reminders = [at for clock in clocks if (at := remind_at(incident, clock)) is not None]
    dues = [
        clock.due_at
        for clock in clocks
        if not clock.paused and not clock.recorded and clock.state is not ClockState.MET
    ]
    return min((*reminders, *dues), default=None)


def watched(incident: Incident, now: datetime, calendars: Calendars = NO_CALENDARS) -> Change:
    """What time has brought: a breach, recorded and told; else a reminder. After a downtime the
    breach alone is told.
    """
    change = Change(incident)
    if incident.works_since and not incident.open and "drafted" not in incident.rca_steps:
        change = drafted(incident)
    for clock in owed(incident, now, calendars):
        was = change.incident
        if clock.state is ClockState.BREACHED and not clock.recorded:
            change = change.then(_missed(was, clock))
        elif (at := remind_at(was, clock)) is not None and at <= now:
            seen = replace(was, rca_steps=(*was.rca_steps, clock.name))
            change = change.then(_due(seen, clock, overdue=False))
    return change


def drafted(was: Incident) -> Change:
    """It is over: the ledger's part of the analysis is there to be read."""
    done = replace(was, rca_steps=(*was.rca_steps, "drafted"))
    return Change(done, (), (Happening("rca-drafted", {"by": ""}),))


def edited(was: Incident, by: str, written: dict[str, str]) -> Change:
    """A person has written a part of it."""
    return Change(was, (), (Happening("rca-edited", {"by": by, "written": written}),))


def sent(was: Incident, part: str, by: str, rca: dict[str, object], now: datetime) -> Change:
    """It goes out to all who follow the ticket: its clock stops, for good."""
    stopped = {"rca": was.rca_sent_at, "prevention": was.prevention_sent_at}
    kept = (
        replace(was, rca_sent_at=stopped["rca"] or now)
        if part == "rca"
        else replace(was, prevention_sent_at=stopped["prevention"] or now)
    )
    # What waited for evidence has it now.
    if part == "rca" and was.rca_waits and was.rca_waits[-1].until is None:
        kept = _ended(kept, now)
    facts = {"by": by, "part": part, "rca": rca}
    change = Change(kept, (), (Happening("rca-sent", facts),))
    return change.then(told(kept, Tell.RCA, f"{by} sends the analysis", facts))


def waits(was: Incident, why: str, by: str, now: datetime) -> Change:
    """Its analysis waits for evidence. Raises ValueError where the policy lets none wait, or it
    waits or was sent already.
    """
    target = was.severity.target("rca")
    if target is None:
        raise ValueError(f"the policy {was.policy} promises no analysis of it")
    if not target.waits_for_evidence:
        raise ValueError(f"the policy {was.policy} lets no analysis wait for evidence")
    if was.rca_sent_at is not None:
        raise ValueError("its analysis was sent")
    if _waiting(was) is not None:
        raise ValueError("its analysis waits already")
    paused = replace(was, rca_waits=(*was.rca_waits, Pause(now, None, why, by)))
    text = f"{by}: the analysis waits for {EVIDENCE}: {why}"
    return remembered(paused, "rca-waits", {"by": by, "why": why}, Tell.NOTE, text)


def goes_on(was: Incident, by: str, now: datetime) -> Change:
    """The evidence is there. Raises ValueError if it does not wait."""
    if _waiting(was) is None:
        raise ValueError("its analysis does not wait")
    text = f"{by}: the evidence is there, the clock of the analysis runs on"
    return remembered(_ended(was, now), "rca-goes-on", {"by": by}, Tell.NOTE, text)


def waits_for(incident: Incident) -> str:
    """What the analysis waits for; "" where it does not."""
    waiting = _waiting(incident)
    return waiting.why if waiting else ""


def _waiting(incident: Incident) -> Pause | None:
    last = incident.rca_waits[-1] if incident.rca_waits else None
    return last if last and last.until is None else None


def _ended(was: Incident, now: datetime) -> Incident:
    return replace(was, rca_waits=(*was.rca_waits[:-1], replace(was.rca_waits[-1], until=now)))


def _owes(incident: Incident, clock: Clock) -> bool:
    # A breach is recorded for good, and what was sent late is owed no more.
    sent_at = incident.rca_sent_at if clock.name == "rca" else incident.prevention_sent_at
    return sent_at is None and clock.state in (ClockState.RUNNING, ClockState.BREACHED)


def _before(target: Target) -> timedelta:
    return timedelta(seconds=min(target.seconds / _BEFORE_PART, _BEFORE_MOST_SECONDS))


def _missed(was: Incident, clock: Clock) -> Change:
    late = replace(was, breaches=(*was.breaches, (clock.name, clock.due_at)))
    facts = {"clock": clock.name, "due_at": clock.due_at.isoformat()}
    return Change(late, (), (Happening("breached", facts),)).then(_due(late, clock, overdue=True))


def _due(was: Incident, clock: Clock, overdue: bool) -> Change:
    role = owner_role(was, clock.name)
    named = next((level.name for level in was.ladder.levels if level.role == role), role)
    facts = {"part": clock.name, "due_at": clock.due_at.isoformat(), "owner": named}
    happened = () if overdue else (Happening("rca-due", facts),)
    change = Change(was, (), happened)
    if not was.told:
        return change
    why = f"the {clock.name} {'was' if overdue else 'is'} due"
    ordered = told(was, Tell.RCA_DUE, why, {**facts, "overdue": overdue})
    only = tuple(replace(order, roles=(role,)) for order in ordered.orders)
    return change.then(Change(ordered.incident, only))
