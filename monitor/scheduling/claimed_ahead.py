"""Looks that this host has claimed and that are yet to begin, each at its slot."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.core.timetable import Every
from monitor.scheduling.claims import LEASE
from monitor.scheduling.due import FIRST, Due

# The ledger is asked twice a second, and may take two seconds to answer. What a host that dies has
# claimed waits for the end of its lease: more would be no better.
AHEAD_SECONDS = 3.0
# A clock that is kept by another's is put right by fractions of a second.
_SLACK_SECONDS = 1.0
# Begun later than this after it was claimed, a look would be settled when its lease is over.
_OLD_SECONDS = LEASE.total_seconds() / 2


@dataclass(frozen=True, slots=True)
class _Claimed:
    due: Due
    at: float
    """when it was claimed, by the stopwatch"""


@dataclass(frozen=True, slots=True)
class Begins:
    """What is to begin by now, what is left since it can no longer, and when the next begins."""

    now: list[Due]
    left: list[Due]
    next: datetime | None


class ClaimedAhead:
    """Those of one site; one of each check at most."""

    def __init__(self) -> None:
        self._waits: dict[str, _Claimed] = {}

    def __contains__(self, check: str) -> bool:
        return check in self._waits

    def __len__(self) -> int:
        return len(self._waits)

    def add(self, due: Due, stopwatch: float) -> None:
        """One that was claimed just now."""
        self._waits[due.name] = _Claimed(due, stopwatch)

    def begins(self, now: datetime, stopwatch: float, running: Collection[str]) -> Begins:
        """Those whose time has come, and what is no use any more: what was claimed before this host
        froze, or before the clock went back, or is looked at already.
        """
        found = Begins([], [], None)
        soonest: datetime | None = None
        for name, claimed in list(self._waits.items()):
            due = claimed.due
            at = due.slot.at if due.slot else now
            ahead = (at - now).total_seconds()
            if 0 < ahead <= AHEAD_SECONDS + _SLACK_SECONDS:
                soonest = min(soonest or at, at)
                continue
            del self._waits[name]
            of_no_use = ahead > 0 or name in running or stopwatch - claimed.at > _OLD_SECONDS
            (found.left if of_no_use else found.now).append(_newest(due, now))
        return Begins(found.now, found.left, soonest)

    def take(self, checks: Iterable[str]) -> list[str]:
        """Those of these checks that wait for a look of the check itself; they wait no more."""
        found = [name for name in checks if name in self and not self._waits[name].due.place]
        for name in found:
            del self._waits[name]
        return found

    def take_all(self) -> list[Due]:
        """All of them; none waits any more."""
        found = [one.due for one in self._waits.values()]
        self._waits.clear()
        return found


def _newest(due: Due, now: datetime) -> Due:
    # A host that is behind may begin one slot of a grid after the next has come: that would be owed
    # again at once.
    grid = due.entry.timetable
    if not isinstance(grid, Every) or due.slot is None or due.slot.key == FIRST:
        return due
    later = grid.newest_at(now) > due.slot.at
    return replace(due, slot=grid.newest(now)) if later else due
