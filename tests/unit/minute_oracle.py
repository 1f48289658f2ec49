"""Calendars and clocks of incidents counted minute by minute, for the tests: zones out of their
files (zone_oracle.py), no spans, no sums, no bisection, and nothing of the product's.

A minute is a number since 1970 UTC. A shift begins (ends) in the first minute at which the wall
clock shows its time or a later one. A promise counts a minute if its calendar is open in it and
nothing pauses it; it is due at the end of the minute that makes up its sum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tests.unit.zone_oracle import Zone, read

DAY = 1440
# All changes of this century lie on quarters of an hour of UTC.
_STEP = 15
Minutes = NDArray[np.bool_]
Shift = tuple[int, int, int]
"""weekday (0 is Monday), first and last minute of the wall clock, as a policy has them"""


@cache
def zone(name: str) -> Zone:
    """A zone, read once."""
    return read(name)


@cache
def _offsets(name: str, first: int, last: int) -> NDArray[np.int16]:
    """Minutes ahead of UTC, for every minute of a range."""
    steps = [zone(name).offset(60 * minute) // 60 for minute in range(first, last, _STEP)]
    return np.repeat(np.array(steps, np.int16), _STEP)


def walls(name: str, span: tuple[int, int], first: int, count: int) -> NDArray[np.int64]:
    """What the wall clock shows in each minute, as minutes since its own 1970. `span` is the range
    that is asked for in the whole run.
    """
    offsets = _offsets(name, *span)[first - span[0] : first - span[0] + count]
    return np.arange(first, first + count, dtype=np.int64) + offsets


def opened(shown: NDArray[np.int64], shifts: list[Shift], holidays: set[int]) -> Minutes:
    """In which minutes of a window a calendar is open; without shifts in all. `holidays` are days
    since 1970.
    """
    found = np.zeros(len(shown), np.bool_)
    if not shifts:
        return ~found
    for day in range(int(shown[0]) // DAY - 1, int(shown[-1]) // DAY + 2):
        for weekday, start, end in shifts:
            # 1970-01-01 was a Thursday.
            if (day + 3) % 7 != weekday or day in holidays:
                continue
            overnight = DAY if end <= start else 0
            begin = _first(shown, day * DAY + start)
            found[begin : _first(shown, day * DAY + end + overnight)] = True
    return found


def _first(shown: NDArray[np.int64], wall: int) -> int:
    """The first minute at which the wall clock shows a time or a later one."""
    # No wall clock is moved by more than a day: what lies further off need not be looked at.
    low = max(0, wall - int(shown[0]) - DAY - 60)
    high = min(len(shown), wall - int(shown[0]) + DAY + 60)
    if high <= low:
        return 0 if wall <= shown[0] else len(shown)
    later = shown[low:high] >= wall
    return low + int(later.argmax()) if later.any() else high


@dataclass
class Told:
    """One promise: so many open minutes, from a minute of the window."""

    minutes: int
    calendar: Minutes


@dataclass
class Life:
    """One incident, all moments as minutes of the window; None for what has not happened."""

    start: int
    now: int
    pauses: list[tuple[int, int | None]] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    resolved: int | None = None
    reclassified: int | None = None

    def due(self, since: int, told: Told) -> int | None:
        """The minute at which a promise is due; None beyond the window."""
        left = told.minutes
        # Two days at a time: most are due by then.
        for first in range(since, len(told.calendar), 2 * DAY):
            counts = told.calendar[first : first + 2 * DAY].copy()
            for begin, end in self.pauses:
                until = min(one for one in (end, self.resolved, self.now) if one is not None)
                counts[max(0, begin - first) : max(0, until - first)] = False
            minutes = np.flatnonzero(counts)
            if len(minutes) >= left:
                return first + int(minutes[left - 1]) + 1
            left -= len(minutes)
        return None

    def state(self, due: int, before: int | None, since: int, name: str) -> str:
        """running, met or breached. `before` is when it was due before the reclassification."""
        stops = [] if self.resolved is None else [self.resolved]
        if name == "response":
            stops += [at for at in self.acknowledged if at >= since]
        stop = min(stops, default=None)
        tr = self.reclassified
        late = tr is not None and before is not None and before <= tr
        # It was late when it was looked at anew, and stays so.
        if late and not any(at <= before for at in stops if before is not None):
            return "breached"
        if stop is not None:
            return "met" if stop <= due else "breached"
        return "breached" if self.now >= due else "running"
