"""What the daemon says of itself: what it is doing, and a heartbeat for whoever asks.

Rule: saying so is never in the way of looking. Heartbeats are gathered, are written by a thread of
their own, and become rarer where the disk is slow; one that cannot be written is told, and nothing
stops. The loop says them and nothing else does: a loop that hangs has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import nsmallest
from queue import SimpleQueue
from threading import Thread

from monitor.clock import Clock
from monitor.service.heartbeat import Presence

# A rename, on a disk that answers.
_BEAT_WITHIN_SECONDS = 0.5
# Faster than anybody reads `reveille status`, and seldom enough that ten thousand looks do not
# become as many files.
BEATS_APART_SECONDS = 0.1
# Of the time, at most: a rename on a slow disk holds up what else is written there.
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
        self._writing: asyncio.Future[None] | None = None
        self._wanted = False
        self.stuck = ""
        """what keeps the daemon from keeping anything, in words; "" for nothing"""
        # A daemon thread: a disk that answers no more cannot keep the process from ending.
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        Thread(target=self._work, name="heartbeat", daemon=True).start()

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

    def beat(self) -> asyncio.Future[None]:
        """Have a heartbeat written, once the one before is; gives the end of that."""
        if self._next_beat is not None:
            self._next_beat.cancel()
            self._next_beat = None
        if self._writing is not None:
            self._wanted = True
            return self._writing
        loop = asyncio.get_running_loop()
        self._writing = loop.create_future()
        now, doing, stuck = self._clock.now(), self.at_work(), self.stuck

        def write() -> None:
            began, error = self._clock.monotonic(), None
            try:
                self._presence.beat(now, doing, stuck)
            except OSError as full:
                error = full
            seconds = self._clock.monotonic() - began
            # A loop that has ended hears nothing any more.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._written, seconds, error)

        self._jobs.put(write)
        return self._writing

    async def beat_now(self) -> None:
        """Have one written, and wait for it as long as a disk needs that answers."""
        await asyncio.wait({self.beat()}, timeout=_BEAT_WITHIN_SECONDS)

    def _written(self, seconds: float, error: OSError | None) -> None:
        writing, self._writing = self._writing, None
        if writing is not None and not writing.done():
            writing.set_result(None)
        self._beats_apart = max(BEATS_APART_SECONDS, seconds / BEATS_SHARE)
        # That the folder is gone is told, and mended, by who holds on to it (LedgerCare.hold_on).
        if error is not None and self._presence.state.is_dir():
            self._faulted("heartbeat", error)
        if self._wanted:
            self._wanted = False
            self._beat_soon()

    def _beat_soon(self) -> None:
        # Stages follow each other faster than anybody reads, and a heartbeat is a file.
        if self._next_beat is None:
            self._next_beat = asyncio.get_running_loop().call_later(self._beats_apart, self.beat)

    def _work(self) -> None:
        while True:
            self._jobs.get()()
