"""Calls to people over a line that checks use too: the same channels, the same book, and a budget
of their own beside.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from checks.contract import Claim, Toll
from checks.telephony.call.line import Line, toll
from checks.telephony.call.person_call import LineDown
from monitor.clock import SystemClock
from monitor.lines.call_book import CallBook
from monitor.lines.channels import Lines

# A test call that holds the channel is over by then; a page that waits longer tries another line.
CHANNEL_SECONDS = 60.0
# The own book counts calls; minutes are the line's.
_NO_CAP = 1_000_000


class Calls:
    """The calls of one desk, called `name` in its own book."""

    def __init__(self, name: str, state: Path | None, calls_a_day: int) -> None:
        self._name, self._calls_a_day = name, calls_a_day
        self._channels, self._book = Lines(state), CallBook(state)

    @asynccontextmanager
    async def held(
        self, line: Line, numbers: Sequence[str], longest: float, past_the_cap: bool
    ) -> AsyncIterator[str | None]:
        """A channel of the line for each number, and the calls in both books while the block runs;
        gives why a cap refuses them, or None. Raises LineDown where no channel is to be had.
        """
        tolls = [toll(line, one, longest) for one in numbers]
        tolls += [Toll(self._name, one, 1, longest, self._calls_a_day, _NO_CAP) for one in numbers]
        async with self._channel(line, len(numbers)):
            clock = SystemClock()
            now, began = clock.now().timestamp(), clock.monotonic()
            number, refused = self._book.enter(tolls, now, past_the_cap)
            try:
                yield refused
            finally:
                if refused is None or past_the_cap:
                    took = max(1.0, clock.monotonic() - began)
                    self._book.settle(tolls, number, took, now)

    @asynccontextmanager
    async def _channel(self, line: Line, taken: int) -> AsyncIterator[None]:
        claims = [Claim(line.name, line.channels, taken)]
        waiting = asyncio.timeout(CHANNEL_SECONDS)
        try:
            async with waiting, self._channels.occupy(claims):
                waiting.reschedule(None)
                yield
        except TimeoutError:
            if not waiting.expired():
                raise
            why = f"all {line.channels} channels were busy for {CHANNEL_SECONDS:g} s"
            raise LineDown(f"line {line.name!r}: {why}") from None
        except OSError as problem:
            raise LineDown(f"line {line.name!r}: {problem}") from None
