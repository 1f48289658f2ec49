"""What hangs on a cause and is true all the same: "agent portal is down" is, where its server is
the cause; "PRI is up but IVR is not working" is not, where the PRI is down.

One ticket is right. It is as bad as the worst that is true, its promises are that one's, and
whoever is on either ladder is on its ladder: who of the cause's has been told stays so, the others'
turns count from now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from checks.contract import Layer
from monitor.core.escalation import Rung, ladder_times
from monitor.core.failure import Case
from monitor.core.incident import MONITOR, Change, Incident, Tell, remembered
from monitor.core.open_hours import Calendars, elapsed
from monitor.core.policy_terms import Classification, Ladder, Level, Severity

_SINCE = ", since "


def stays_true(failing: Case, cause: Case) -> bool:
    """Whether what a check was classified as by itself holds with this cause. Over an uplink or a
    line that fails nothing beyond it is seen: it may be well.
    """
    return failing.check != cause.check and cause.layer > Layer.LINE


def raised(
    was: Incident, effect: Classification, check: str, now: datetime, calendars: Calendars
) -> Change:
    """The incident with an effect that stays true. It is told where that changes how bad it is, or
    who has to hear.
    """
    worse = effect.severity.rank < was.severity.rank
    roles = {level.role for level in was.ladder.levels}
    called = [level for level in effect.ladder.levels if level.role not in roles]
    if not worse and not called:
        return Change(was)
    moved = _on_both_ladders(was, effect, now, calendars) if called else was
    if worse:
        moved = _as_bad(moved, effect, called)
    facts = {
        "was": was.severity.said,
        "by": "",
        "reason": effect.rule,
        "from": was.issue,
        "to": was.issue,
        "check": check,
        "title": effect.issue.title,
        "worse": worse,
    }
    why = f"{check} hangs on it: {effect.issue.title}"
    return remembered(moved, "raised", facts, Tell.RECLASSIFIED, why)


def lifted(was: Incident, check: str, before: Incident) -> Change:
    """What hung on it works again, and nothing else does hang on it: it says its cause alone, and
    how bad it is stays a person's to lower.
    """
    _, composed, cause = was.title.partition(_SINCE)
    if not composed or check not in before.attached or was.attached:
        return Change(was)
    name = was.severity.id
    why = f"{check} works again; it stays {name}, with its promises, until somebody lowers it"
    plain = replace(was, title=cause)
    return remembered(plain, "left", {"check": check, "why": why}, Tell.UPDATED, why)


def _as_bad(was: Incident, effect: Classification, called: list[Level]) -> Incident:
    """How bad, and whose; a ladder of both has its promises already."""
    cause = was.title.partition(_SINCE)[2] or was.title
    ours = was.owner == MONITOR and effect.issue.owner != MONITOR
    return replace(
        was,
        title=f"{effect.issue.title}{_SINCE}{cause}",
        severity=was.severity if called else _worst(was, effect),
        ladder=was.ladder if called or was.ladder.name != effect.ladder.name else effect.ladder,
        # The monitor's own troubles are no customer's; a portal that is down is.
        owner=effect.issue.owner if ours else was.owner,
        owner_title=f"{effect.owner_title}, with {was.owner_title}" if ours else was.owner_title,
    )


def _worst(was: Incident, effect: Classification) -> Severity:
    """The effect's severity; what nobody promised of it stays promised of the cause."""
    return replace(effect.severity, targets=effect.severity.targets or was.severity.targets)


def _on_both_ladders(
    was: Incident, effect: Classification, now: datetime, calendars: Calendars
) -> Incident:
    """Both ladders in one, numbered anew in the order of their turns."""
    own = was.rungs(now, calendars)
    theirs = ladder_times(effect.ladder, now, calendars)
    roles = {rung.level.role for rung in own}
    order = sorted(
        [(rung, True) for rung in own]
        + [(rung, False) for rung in theirs if rung.level.role not in roles],
        # Who has heard, also before the time, stands below whoever is still to hear.
        key=lambda one: (not (one[1] and one[0].level.number in was.levels_done), one[0].at),
    )
    ours, others = _numbers(order, True), _numbers(order, False)
    by_role = {rung.level.role: n for n, (rung, _) in enumerate(order, 1)}
    for rung in theirs:
        others.setdefault(rung.level.number, by_role[rung.level.role])
    levels = tuple(
        _renumbered(rung, n, ours)
        if mine
        else _counted_on(_renumbered(rung, n, others), rung, was, now, calendars)
        for n, (rung, mine) in enumerate(order, 1)
    )
    worse = effect.severity.rank < was.severity.rank
    return replace(
        was,
        ladder=Ladder(f"{was.ladder.name} and {effect.ladder.name}", levels, was.ladder.catch_up),
        severity=_promised(_worst(was, effect), others) if worse else _promised(was.severity, ours),
        levels_told=_mapped(was.levels_told, ours),
        levels_skipped=_mapped(was.levels_skipped, ours),
        levels_unheard=_mapped(was.levels_unheard, ours),
    )


def _numbers(order: list[tuple[Rung, bool]], mine: bool) -> dict[int, int]:
    return {rung.level.number: n for n, (rung, own) in enumerate(order, 1) if own is mine}


def _renumbered(rung: Rung, number: int, numbers: Mapping[int, int]) -> Level:
    since = numbers.get(rung.level.since_level, 0)
    return replace(rung.level, number=number, since_level=since)


def _counted_on(
    level: Level, rung: Rung, was: Incident, now: datetime, calendars: Calendars
) -> Level:
    """A level of the effect's ladder: its turn, dated from now, counted from where this ladder
    starts.
    """
    if level.since_level:
        return level
    counted = elapsed(was.climbs_from, rung.at, calendars.get(level.calendar), was.paused(now))
    # Whole seconds, and never a part of one too late: its turn is the moment of this letter.
    after = int(counted.total_seconds())
    later = after - level.after_seconds
    until = None if level.until_seconds is None else level.until_seconds + later
    return replace(level, after_seconds=after, until_seconds=until)


def _promised(severity: Severity, numbers: Mapping[int, int]) -> Severity:
    """Its promises by the new numbers of the levels that they speak of."""
    return replace(
        severity,
        targets=tuple(
            replace(
                target,
                since_level=numbers.get(target.since_level, 0),
                by_level=numbers.get(target.by_level, 0),
            )
            for target in severity.targets
        ),
    )


def _mapped(levels: Iterable[int], numbers: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(numbers[level] for level in levels if level in numbers)
