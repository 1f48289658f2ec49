"""The dated ladder: who is told when, and which level to tell now.

Rules: each level is told once; levels of the same instant are told together; after a time of
silence (the daemon was down) only the highest overdue instant is told and the levels below are
named as skipped, unless the ladder says that all of them must hear (`catch_up`); a level that
reaches nobody passes its turn to the next at once, unless another of its instant is reached, and is
named so that it becomes a warning of its own; nothing is told of what is resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from monitor.core.open_hours import NO_CALENDARS, Calendars, Span, due
from monitor.core.policy_terms import Ladder, Level

Standing = Literal["told", "unheard", "skipped", "next", "later"]


@dataclass(frozen=True, slots=True)
class Rung:
    """A level with the instant at which it is to be told."""

    level: Level
    at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What the ladder asks for now. Whoever acts on it notes all three as told, so that none comes
    up again.
    """

    tell: tuple[Rung, ...] = ()
    """the lowest first; more than one only where they have the same instant"""
    skipped: tuple[Rung, ...] = ()
    empty: tuple[Rung, ...] = ()
    """levels that reach nobody: each is a warning"""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The level numbers that are done with by this, in order."""
        return tuple(sorted(rung.level.number for rung in (*self.tell, *self.skipped, *self.empty)))

    @property
    def levels(self) -> tuple[int, ...]:
        """The numbers of the levels to tell."""
        return tuple(rung.level.number for rung in self.tell)

    @property
    def passed(self) -> tuple[int, ...]:
        """The numbers of the levels whose turn passes untold."""
        return tuple(rung.level.number for rung in (*self.skipped, *self.empty))


def ladder_times(
    ladder: Ladder,
    opened_at: datetime,
    calendars: Calendars = NO_CALENDARS,
    pauses: Sequence[Span] = (),
) -> tuple[Rung, ...]:
    """Every level of a ladder with the instant at which it is told, counted from `opened_at` or
    from the level that it follows. `pauses` count for nobody.
    """
    rungs: list[Rung] = []
    for level in ladder.levels:
        since, hours = turn_of(rungs, level.since_level, opened_at), calendars.get(level.calendar)
        rungs.append(Rung(level, due(since, level.after_seconds, hours, pauses)))
    return tuple(rungs)


def turn_of(rungs: Sequence[Rung], number: int, opened_at: datetime) -> datetime:
    """When a level's turn is. What follows a level that this ladder does not have counts from the
    opening: early, not never.
    """
    return next((rung.at for rung in rungs if rung.level.number == number), opened_at)


def due_levels(
    ladder: Ladder,
    opened_at: datetime,
    now: datetime,
    told: Collection[int] = (),
    acknowledged: bool = False,
    resolved: bool = False,
    reachable: Callable[[str], bool] = bool,
    calendars: Calendars = NO_CALENDARS,
    pauses: Sequence[Span] = (),
    unheard: Collection[int] = (),
) -> Due:
    """The levels to tell now, if any. `told` are the numbers done with so far (told, skipped or
    empty); `reachable` says whether a role reaches anybody at this site; `unheard` are levels that
    were told and that no letter has reached: the next one does not wait for its time.
    """
    waiting = _waiting(
        ladder_times(ladder, opened_at, calendars, pauses), told, acknowledged, resolved
    )
    if _nobody_heard(told, unheard):
        waiting = [replace(rung, at=min(rung.at, now)) for rung in waiting[:1]] + waiting[1:]
    overdue = [rung for rung in waiting if rung.at <= now]
    if not overdue:
        return Due()
    if ladder.catch_up and (heard := [r for r in overdue if reachable(r.level.role)]):
        return Due(tuple(heard), (), tuple(rung for rung in overdue if rung not in heard))
    # From the newest overdue instant upwards: what lies below had its turn while the daemon was
    # down, and is skipped.
    above = [rung for rung in waiting if rung.at >= overdue[-1].at]
    chosen = next((rung for rung in above if reachable(rung.level.role)), None)
    # From there up nobody is reachable: the turn falls back to the highest overdue level that
    # reaches somebody.
    chosen = chosen or next(
        (rung for rung in reversed(overdue) if reachable(rung.level.role)), None
    )
    together = [
        rung for rung in waiting if chosen and rung.at == chosen.at and reachable(rung.level.role)
    ]
    passed = waiting[: max(len(overdue), waiting.index(together[-1]) + 1)] if together else waiting
    rest = [rung for rung in passed if rung not in together]
    return Due(
        tell=tuple(together),
        skipped=tuple(rung for rung in rest if reachable(rung.level.role)),
        empty=tuple(rung for rung in rest if not reachable(rung.level.role)),
    )


def next_rung(
    ladder: Ladder,
    opened_at: datetime,
    told: Collection[int] = (),
    acknowledged: bool = False,
    resolved: bool = False,
    calendars: Calendars = NO_CALENDARS,
    pauses: Sequence[Span] = (),
) -> Rung | None:
    """The level whose turn is next as things stand; None when the ladder has nobody left
    to tell.
    """
    waiting = _waiting(
        ladder_times(ladder, opened_at, calendars, pauses), told, acknowledged, resolved
    )
    return waiting[0] if waiting else None


def _nobody_heard(told: Collection[int], unheard: Collection[int]) -> bool:
    """Whether whoever was told last has not heard. Two levels of one instant stand in for each
    other only where the last of them has heard.
    """
    return bool(told) and max(told) in unheard


def standings(
    rungs: Sequence[Rung],
    told: Collection[int],
    skipped: Collection[int] = (),
    unheard: Collection[int] = (),
) -> tuple[tuple[Rung, Standing], ...]:
    """Each rung with how it stands, for a ticket: told, skipped, next (one at most) or later."""
    shown: list[tuple[Rung, Standing]] = []
    for rung in rungs:
        shown.append(
            (rung, _standing(rung.level.number, told, skipped, any(s == "next" for _, s in shown)))
        )
    return tuple(
        (rung, "unheard" if standing == "told" and rung.level.number in unheard else standing)
        for rung, standing in shown
    )


def _standing(
    number: int, told: Collection[int], skipped: Collection[int], next_is_known: bool
) -> Standing:
    # Below a level that was told, and untold itself: its turn came while nobody could tell it.
    if number in skipped or (number not in told and number < max(told, default=0)):
        return "skipped"
    if number in told:
        return "told"
    return "later" if next_is_known else "next"


def _waiting(
    rungs: Sequence[Rung], told: Collection[int], acknowledged: bool, resolved: bool
) -> list[Rung]:
    """The rungs above the highest one done with, whose condition still holds."""
    if resolved:
        return []
    highest = max(told, default=0)
    return [
        rung
        for rung in rungs
        if rung.level.number > highest
        and not (acknowledged and rung.level.condition == "not-acknowledged")
    ]
