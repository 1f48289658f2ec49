"""One look at a check at a time, and one look below for all who need it: rule 3 of the rounds.

Several checks that fail together ask for the same look below. It is made once, and serves everybody
whose own look had begun before it did; whoever began later gets a newer one, since what was seen
before may have been before the trouble. It is settled once too, by the first of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from monitor.clock import Clock
from monitor.incidents.correlation import AttemptResult


@dataclass(slots=True)
class _Shared:
    """A look below under way, and how many wait for it; `began` by the stopwatch."""

    began: float
    task: asyncio.Task[AttemptResult]
    waiting: int = 0


class SharedLooks:
    """The looks below that are under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._under_way: dict[str, _Shared] = {}

    async def look(
        self, check: str, since: float, make: Callable[[], Awaitable[AttemptResult]]
    ) -> AttemptResult:
        """One that is under way and began at `since` (stopwatch seconds) or after, or a new one."""
        shared = self._under_way.get(check)
        # It began before the asker's own look: what it sees may be from before the trouble.
        if shared is None or shared.began < since:
            shared = _Shared(self._clock.monotonic(), asyncio.ensure_future(make()))
            self._under_way[check] = shared
        shared.waiting += 1
        try:
            # Shielded: one waiter that is cancelled must not end the look of all the others.
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting:  # over, or nobody wants it any more
                shared.task.cancel()
                if self._under_way.get(check) is shared:
                    del self._under_way[check]


class Turns:
    """Who is looking at a check, so that the next waits."""

    def __init__(self) -> None:
        # Weak values: the lock of a check that nobody looks at is forgotten, and checks may come
        # and go with a reload.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, check: str) -> asyncio.Lock:
        """The check's turn; it lasts for as long as somebody holds it."""
        if (lock := self._locks.get(check)) is None:
            lock = self._locks[check] = asyncio.Lock()
        return lock
