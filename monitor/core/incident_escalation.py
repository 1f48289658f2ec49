"""Whom an incident is told to as time goes: first levels, next levels, missed targets, reminders.

The rules are those of monitor/core/incident_transitions.py. When something is due is worked out in
monitor/core/escalation.py and monitor/core/sla.py; here it is only told and remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.incident import (
    CUSTOMER,
    Change,
    Happening,
    Incident,
    Tell,
    remembered,
    told,
)
from monitor.core.policy_terms import Ladder
from monitor.core.sla import Clock


def unmuted(
    was: Incident, now: datetime, levels: tuple[int, ...], skipped: tuple[int, ...] = ()
) -> Change:
    """Tell an incident that nobody has heard of to the first `levels`; `skipped` ones have nobody
    to hear it.
    """
    if was.told or not was.open:
        return Change(was)
    known = replace(was, told=True, counts_from=now)
    # Whoever took it while nobody was told of it need not say so again.
    if was.acknowledgements:
        by = was.acknowledgements[-1][1]
        known = replace(known, acknowledged_again=(*was.acknowledged_again, (now, by)))
    first = _heard(known, levels, skipped)
    return told(first, Tell.OPENED, "first notification", {}, levels)


def escalated(
    was: Incident, levels: tuple[int, ...], skipped: tuple[int, ...], missed: tuple[Clock, ...] = ()
) -> Change:
    """The next levels take over; each is told exactly once. Targets missed at that moment are told
    in the same letter. Without `levels`, only turns pass: those levels reach nobody.
    """
    late = _late(was, missed)
    if not levels:
        passed = _heard(late.incident, (), skipped)
        change = late.then(Change(passed, (), (Happening("passed", {"skipped": list(skipped)}),)))
        return change.then(_told_late(passed, missed))
    up = _heard(late.incident, levels, skipped)
    who = ", ".join(level.name for level in was.ladder.levels if level.number in levels)
    why = f"level {max(levels)} takes over: {who}"
    facts = {
        "level": max(levels),
        "who": who,
        "skipped": list(skipped),
        "why": why,
        "missed": [_missed(clock) for clock in missed],
    }
    return late.then(remembered(up, "escalated", facts, Tell.ESCALATED, why, levels))


def unheard(was: Incident, why: Mapping[int, str]) -> Change:
    """Levels that were told have not heard (level -> reason): the next one's turn is now. What is
    in time after all makes no difference: by then the next level has been told.
    """
    new = sorted(why)
    names = {level.number: level.name for level in was.ladder.levels}
    happened = (
        Happening("unheard", {"level": n, "who": names.get(n, ""), "reason": why[n]}) for n in new
    )
    return Change(replace(was, levels_unheard=(*was.levels_unheard, *new)), (), tuple(happened))


def formally(was: Incident, ladder: Ladder, by: str, why: str, now: datetime) -> Change:
    """A human escalates it: it climbs this ladder, which counts from now. Raises ValueError if it
    does already.
    """
    if was.escalated_at is not None and was.ladder.name == ladder.name:
        raise ValueError(f"{was.escalated_by} has escalated it already")
    up = replace(
        was,
        ladder=ladder,
        escalated_at=now,
        escalated_by=by,
        levels_told=(),
        levels_skipped=(),
        levels_unheard=(),
        reminded_at=None,
    )
    text = f"{by} has escalated it: {why}"
    return remembered(up, "called-up", {"by": by, "why": why}, Tell.NOTE, text)


def breached(was: Incident, missed: tuple[Clock, ...]) -> Change:
    """Targets were missed; recorded once and for good, and told in one letter."""
    late = _late(was, missed)
    return late.then(_told_late(late.incident, missed))


# After the last level nothing would be said any more. The gravest is said again as often as
# Alertmanager repeats (repeat_interval, 4 h), others once a day; an acknowledgement holds it off
# for as long, and no longer.
REMIND_GRAVEST_SECONDS, REMIND_SECONDS = 4 * 3600.0, 86400.0


def remind_at(was: Incident, last_rung: datetime) -> datetime:
    """When an open incident whose ladder has no more levels is said again. `last_rung` is when its
    last level's turn was.
    """
    breaches = (at for _, at in was.breaches)
    taken = was.taken[0] if was.taken else None
    moments = (was.counts_from, last_rung, taken, was.reminded_at, *breaches)
    last = max(moment for moment in moments if moment is not None)
    return last + timedelta(seconds=REMIND_SECONDS if was.severity.rank else REMIND_GRAVEST_SECONDS)


def reminded(was: Incident, now: datetime) -> Change:
    """It is still open: everybody who follows it hears so again."""
    again = replace(was, reminded_at=now)
    hours = round((now - was.counts_from).total_seconds() / 3600)
    taken = f"{was.taken[1]} has it" if was.taken else "nobody has taken it"
    why = f"it is still open after {hours} h, and every level has been told; {taken}"
    return remembered(again, "reminded", {"text": why}, Tell.UPDATED, why)


def kept_informed(was: Incident) -> Change:
    """Nothing was said for as long as the policy lets its customer wait: how it stands, to the
    customer alone.
    """
    taken = f"{was.taken[1]} has it in hand" if was.taken else "nobody has taken it yet"
    names = [level.name for level in was.ladder.levels if level.number in was.levels_told]
    known = f"; {', '.join(names)} know{'s' if len(names) == 1 else ''} of it" if names else ""
    why = f"it is still open, and nothing has changed since the last word: {taken}{known}"
    change = told(was, Tell.UPDATED, why, {"text": why})
    only = tuple(replace(order, roles=(CUSTOMER,)) for order in change.orders)
    return Change(change.incident, only)


def _late(was: Incident, missed: tuple[Clock, ...]) -> Change:
    # Recorded once: a reclassification moves the due time, and must not make a second breach of the
    # same promise.
    new = [clock for clock in missed if clock.name not in dict(was.breaches)]
    late = replace(was, breaches=(*was.breaches, *((clock.name, clock.due_at) for clock in new)))
    return Change(late, (), tuple(Happening("breached", _missed(clock)) for clock in new))


def _told_late(late: Incident, missed: tuple[Clock, ...]) -> Change:
    if not missed or not late.told:
        return Change(late)
    why = f"missed: {', '.join(clock.name for clock in missed)}"
    facts = {"text": why, **_missed(missed[0]), "missed": [_missed(clock) for clock in missed]}
    return told(late, Tell.BREACHED, why, facts)


def _missed(clock: Clock) -> dict[str, object]:
    return {"clock": clock.name, "due_at": clock.due_at.isoformat()}


def _heard(was: Incident, levels: tuple[int, ...], skipped: tuple[int, ...]) -> Incident:
    """The turn of these levels is past, and their roles know of it."""
    roles = [level.role for level in was.ladder.levels if level.number in levels]
    return replace(
        was,
        levels_told=(*was.levels_told, *levels),
        levels_skipped=(*was.levels_skipped, *skipped),
        roles_told=tuple(dict.fromkeys((*was.roles_told, *roles))),
    )
