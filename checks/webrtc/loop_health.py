"""How a softphone gets on, whose event loop carries the sound itself: measured in its process,
judged in checks/telephony/call/probe_health.py.

Other than the phone on pjsua2 (checks/telephony/phone/process_health.py) it has no media threads
that go on while the loop is held: what the loop sleeps too long is a stand-still, whether another
program had the CPU or its own work. Its encoder works in threads, a browser in processes of its
own: their queueing for a CPU counts as the loop's does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from checks.telephony.phone.process_health import STALL_SECONDS, figures_of, queued

Processes = Callable[[], Iterable[int]]


class LoopPulse:
    """In the process of a softphone: how its loop, and whatever else carries its sound, gets on.
    `processes` names them anew each time.
    """

    def __init__(self, processes: Processes = lambda: (os.getpid(),)) -> None:
        self._processes = processes
        self.begin()

    def begin(self) -> None:
        """Begin anew: only in the call does a stand-still spoil anything."""
        self._began = time.monotonic()
        self._longest = self._stalled = 0.0
        # Imports and stages before the call have queued as well.
        self._before = queued(self._processes())

    @contextmanager
    def sleeping(self, seconds: float) -> Iterator[None]:
        """Around a sleep of the loop: what it sleeps longer is a stand-still."""
        began = time.monotonic()
        yield
        self.stood(time.monotonic() - began - seconds)

    def stood(self, seconds: float) -> None:
        """It stood still for so long; what a jitter buffer hides counts by its length alone."""
        self._longest = max(self._longest, seconds)
        if seconds >= STALL_SECONDS:
            self._stalled += seconds

    def figures(self) -> dict[str, float]:
        """As facts for the daemon, as another phone's are."""
        passed = time.monotonic() - self._began
        waits = queued(self._processes()).items()
        waited = max((wait - self._before.get(thread, 0.0) for thread, wait in waits), default=0.0)
        return figures_of(self._longest, (self._stalled, passed), (waited, passed))
