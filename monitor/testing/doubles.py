"""The kit for tests, shipped: a clock that only moves when told, and a desk that takes what it is
given.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from monitor.desks.desk import Letter

# Turns of the event loop: no chain of tasks that one moment sets off is as long, and an idle turn
# costs next to nothing.
_TURNS = 50


class ManualClock:
    """Stands still until `advance`. Who sleeps is woken in the order of their moments, each at its
    own moment. Moved by less than nothing it is set back, as a wall clock may be: monotonic time
    does not go back with it.
    """

    def __init__(self, start: datetime) -> None:
        """`start` is aware."""
        if start.tzinfo is None:
            raise ValueError("a clock starts at an instant, with its time zone")
        self._now, self._passed_seconds = start, 0.0
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> datetime:
        """The moment it stands at."""
        return self._now

    def monotonic(self) -> float:
        """Seconds it was advanced by, whatever it was set back by."""
        return self._passed_seconds

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until somebody advances it that far."""
        if moment <= self._now:
            await asyncio.sleep(0)
            return
        waiting = asyncio.get_running_loop().create_future()
        # The number keeps those of one moment in the order in which they fell asleep, and futures
        # from being compared.
        heapq.heappush(self._sleepers, (moment, next(self._numbers), waiting))
        await waiting

    def next_waking(self) -> datetime | None:
        """When the first sleeper is to be woken; None when nobody sleeps."""
        self._drop_gone()
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, seconds: float) -> None:
        """Move on at once, and wake whoever slept for so long; they run when the event loop comes
        to them.
        """
        self._now += timedelta(seconds=seconds)
        self._passed_seconds += max(0.0, seconds)
        while (first := self.next_waking()) is not None and first <= self._now:
            heapq.heappop(self._sleepers)[2].set_result(None)

    async def run_until(self, moment: datetime) -> None:
        """Move on from sleeper to sleeper, and let each do what it does at its own moment."""
        await self.settle()
        while (first := self.next_waking()) is not None and first <= moment:
            self.advance(max(0.0, (first - self._now).total_seconds()))
            await self.settle()
        if moment > self._now:
            self.advance((moment - self._now).total_seconds())
            await self.settle()

    async def settle(self) -> None:
        """Let the event loop turn until what needs no time is done."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _drop_gone(self) -> None:
        # Whoever was cancelled in its sleep is not woken.
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)


@dataclass
class FakeDesk:
    """Keeps every letter; `answer` may raise TryLater or Never instead."""

    answer: Callable[[Letter], str] = lambda letter: f"fake-{letter.key}"
    concurrency: int = 1
    timeout_seconds: float = 5.0
    letters: list[Letter] = field(default_factory=list)

    async def deliver(self, letter: Letter) -> str:
        """Take the letter, or say why not."""
        reference = self.answer(letter)
        self.letters.append(letter)
        return reference
