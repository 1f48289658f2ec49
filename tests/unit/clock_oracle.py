"""An incident's clocks counted minute by minute, for the tests: no calendar arithmetic, no spans,
no bisection, and nothing of the product's.

Time is a number of minutes from Monday 00:00 UTC. A promise counts a minute if its calendar is open
in it and nothing pauses it; it is due at the end of the minute that makes up its sum. Zones are
fixed offsets here; those with summer time are held to counted minutes in test_sla.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

DAY = 1440
HORIZON = 60 * DAY


@dataclass
class Target:
    """So many open minutes, from the opening ("opened") or from when it works ("resolved")."""

    minutes: int
    since: str = "opened"
    hours: tuple[int, int, int] | None = None
    """days of the week from Monday on, first and last minute of the day; None: always"""
    offset: int = 0
    """how far its wall clock is ahead of UTC, in minutes"""


@dataclass
class Story:
    """What happened to one incident, each moment a minute; None for what did not."""

    opened: int
    targets: dict[str, Target]
    relabelled: dict[str, Target] | None = None
    """the targets after a reclassification: counted from the opening too"""
    acknowledged: int | None = None
    resolved: int | None = None
    sent: int | None = None
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    waits: list[tuple[int, int | None]] = field(default_factory=list)
    """in which the analysis waits for evidence"""

    def due(self, name: str, now: int) -> int | None:
        """The minute at which a promise is due as seen at `now`; None where it is not made."""
        target = (self.relabelled or self.targets).get(name)
        if target is None:
            return None
        minute = self.opened if target.since == "opened" else self.resolved
        if minute is None:
            return None
        counted = 0
        while counted < target.minutes:
            counted += self._counts(minute, name, target, now)
            minute += 1
            if minute > HORIZON:
                raise AssertionError("the oracle's horizon is too near")
        return minute

    def state(self, name: str, now: int) -> str:
        """running, met or breached."""
        due = self.due(name, now)
        assert due is not None
        moments = {
            "response": [self.acknowledged, self.resolved],
            "resolution": [self.resolved],
            "rca": [self.sent],
        }[name]
        stops = [moment for moment in moments if moment is not None]
        if stops:
            return "met" if min(stops) <= due else "breached"
        return "breached" if now >= due else "running"

    def _counts(self, minute: int, name: str, target: Target, now: int) -> bool:
        # An end of the incident ends what it waits for; a wait for evidence goes on after it.
        if _within(minute, self.pauses, now if self.resolved is None else min(now, self.resolved)):
            return False
        if name == "rca" and _within(minute, self.waits, now):
            return False
        if target.hours is None:
            return True
        days, first, last = target.hours
        wall = minute + target.offset
        return wall // DAY % 7 < days and first <= wall % DAY < last


def _within(minute: int, spans: Iterable[tuple[int, int | None]], now: int) -> bool:
    """Whether the minute lies in one of the spans; one without an end lasts until now."""
    return any(begin <= minute < (now if end is None else min(end, now)) for begin, end in spans)
