"""What the daemon says of itself: what it is doing, and a heartbeat for whoever asks.

Rule: saying so is never in the way of looking. Heartbeats are gathered, and become rarer where the
disk is slow; one that cannot be written is told, and nothing stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import nsmallest

from monitor.clock import Clock
from monitor.service.heartbeat import Presence

# Faster than anybody reads `reveille status`, and seldom enough that ten thousand looks do not
# become as many files.
BEATS_APART_SECONDS = 0.1
# Of the loop's time, at most: a rename may wait for a slow disk.
BEATS_SHARE = 0.05
# A status is one line, of systemd as of a terminal: more names would push the end of it out of
# sight.
MOST_NAMED = 20


class LifeSigns:
    """The signs of life of one daemon, written through its `Presence`."""

    def __init__(
        self, presence: Presence, clock: Clock, faulted: Callable[[str, BaseException], None]
    ) -> None:
        """`faulted` is told what kept a heartbeat from being written."""
        self._presence, self._clock, self._faulted = presence, clock, faulted
        self._doing: dict[str, str] = {}
        self._next_beat: asyncio.TimerHandle | None = None
        self._beats_apart = BEATS_APART_SECONDS

    def heard(self, check: str, text: str) -> None:
        """A check is at work, and does this."""
        self._doing[check] = text
        self._beat_soon()

    def ended(self, check: str) -> None:
        """A check is at work no more."""
        self._doing.pop(check, None)
        self._beat_soon()

    def at_work(self) -> str:
        """Which checks are at work, and what they do, on one line."""
        named = nsmallest(MOST_NAMED, self._doing.items())
        more = (
            [f"and {len(self._doing) - MOST_NAMED} more"] if len(self._doing) > MOST_NAMED else []
        )
        return ", ".join([f"{check}: {text}" for check, text in named] + more)

    def beat(self) -> None:
        """Write a heartbeat now."""
        if self._next_beat is not None:
            self._next_beat.cancel()
            self._next_beat = None
        began = self._clock.monotonic()
        # A heartbeat that cannot be written is told, and the looking goes on: it is a sign of life,
        # not life.
        try:
            self._presence.beat(self._clock.now(), self.at_work())
        except OSError as full:
            self._faulted("heartbeat", full)
        self._beats_apart = max(
            BEATS_APART_SECONDS, (self._clock.monotonic() - began) / BEATS_SHARE
        )

    def _beat_soon(self) -> None:
        # Stages follow each other faster than anybody reads, and a heartbeat is a file.
        if self._next_beat is None:
            self._next_beat = asyncio.get_running_loop().call_later(self._beats_apart, self.beat)
