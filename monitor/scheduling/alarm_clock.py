"""Wakes the loop between two nudges of the cadence, when the next slot begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# At most fifty wakings a second, however many checks have slots close to each other.
LEAST_SECONDS = 0.02


class AlarmClock:
    """One moment at a time: the soonest that was asked for."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._set: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Wake in so many seconds, unless it is set to a sooner moment."""
        loop = asyncio.get_running_loop()
        when = loop.time() + max(seconds, LEAST_SECONDS)
        if self._set is not None:
            # Never put off: looks that end all the time would do that for ever.
            if self._set.when() <= when:
                return
            self._set.cancel()
        self._set = loop.call_at(when, self._ring)

    def stop(self) -> None:
        """Wake nobody any more."""
        if self._set:
            self._set.cancel()

    def _ring(self) -> None:
        self._set = None
        self._wake()
