"""The only place that asks what time it is. Everybody else is given a moment, or this clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

# Within half a minute a clock that was set on is noticed; one that is asleep costs nothing.
_LONGEST_SLEEP_SECONDS = 30.0


class Clock(Protocol):
    """Wall time, a stopwatch, and waiting."""

    def now(self) -> datetime:
        """This instant, aware and in UTC."""

    def monotonic(self) -> float:
        """Seconds on a stopwatch that is never set."""

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until an instant; at once when it is past."""


class SystemClock:
    """The host's clock. A long sleep wakes now and then, so that a clock that was set is
    noticed.
    """

    def now(self) -> datetime:
        """This instant, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some point, never set back."""
        return time.monotonic()

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until an instant by this clock."""
        # Whoever only asks what time it is needs no loop: a twentieth of a verb's start.
        import asyncio

        # No event can be waited for: nobody announces that a moment has come, or the clock was set.
        while (left := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - above
            await asyncio.sleep(min(left, _LONGEST_SLEEP_SECONDS))


class KeptClock(SystemClock):
    """Somebody else's time, kept by this host's stopwatch: that of the database which several
    hosts share. A clock of this host that is wrong is none of anybody's business.
    """

    # Less is the way to the database and back: a clock that steps back by it would have everything
    # planned anew.
    _SLACK_SECONDS = 0.1

    def __init__(self) -> None:
        self._at, self._since = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        """This instant, aware and in UTC."""
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    def take(self, ask: Callable[[], datetime]) -> None:
        """Go by what is answered, where it is another than what is kept here. An answer that was
        long on its way says as much less (RFC 5905 section 8: the error is half the round trip).
        """
        asked = time.monotonic()
        answer = ask()
        answered = time.monotonic()
        then = answer + timedelta(seconds=(answered - asked) / 2)
        kept = self._at + timedelta(seconds=answered - self._since)
        if abs((then - kept).total_seconds()) > self._SLACK_SECONDS + (answered - asked):
            self._at, self._since = then, answered
