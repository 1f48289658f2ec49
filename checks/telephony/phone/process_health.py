"""How the process of a call gets on, measured in it: standing still, queueing for a CPU. Judged in
checks/telephony/call/probe_health.py.

Its loop waits for the engine 10 ms at a time, which is nearly all that it does. A wait that takes
longer, and not by work, is a stand-still: the process was stopped, swapped out or had no CPU, and
so had its media threads.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Below 50 ms a jitter buffer hides it, and a busy but sound machine makes it.
STALL_SECONDS = 0.05
# A call of 2 s with one hiccup would be 5 % stalled, and called sick.
_LEAST_SECONDS = 10.0


class Pulse:
    """In the process of a call: how it gets on."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._longest = self._stalled = 0.0

    @contextmanager
    def waiting(self, allowed_seconds: float) -> Iterator[None]:
        """Around a wait for the engine: what is neither the wait that was asked for nor work is a
        stand-still.
        """
        began, worked = time.monotonic(), time.thread_time()
        yield
        # CPU time is subtracted: decoding is work, standing still is not.
        still = (time.monotonic() - began) - (time.thread_time() - worked) - allowed_seconds
        if still >= STALL_SECONDS:
            self._longest = max(self._longest, still)
            self._stalled += still

    def figures(self, media_at: float | None) -> dict[str, float]:
        """As facts for the daemon; `media_at` is when the media threads began."""
        now = time.monotonic()
        ours = os.getpid()
        # The first thread is the loop, whose waits are measured above.
        media = (wait for thread, wait in queued([ours]).items() if thread != (ours, ours))
        waited = max(media, default=0.0) if media_at is not None else 0.0
        return figures_of(
            self._longest, (self._stalled, now - self._began), (waited, now - (media_at or now))
        )


def figures_of(
    longest: float, stalled: tuple[float, float], waited: tuple[float, float]
) -> dict[str, float]:
    """The longest stand-still, all of them, and the queueing of the thread that queued most, as
    facts: seconds, of so many seconds each. To its stand-stills a call counts as 10 s long at
    least, so that no single hiccup condemns a short one.
    """
    return {
        "stall_seconds": round(longest, 4),
        "stalled_percent": _percent(stalled, _LEAST_SECONDS),
        "wait_percent": _percent(waited, 1.0),
        "preempted": resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
    }


def _percent(share: tuple[float, float], least_seconds: float) -> float:
    part, whole = share
    return round(min(100.0, 100 * max(0.0, part) / max(whole, least_seconds)), 2)


def queued(processes: Iterable[int]) -> dict[tuple[int, int], float]:
    """Seconds that each thread of these processes was ready and had no CPU, by the numbers of both;
    nothing where the kernel does not tell.
    """
    return {
        (process, int(thread)): wait
        for process in processes
        for thread in _threads(process)
        if (wait := queued_by(Path(f"/proc/{process}/task/{thread}/schedstat"))) is not None
    }


def _threads(process: int) -> Sequence[str]:
    """Their numbers; none of a process that has ended, or ends while it is read."""
    try:
        # Path.glob asks whether the folder is there and raises when it is gone a moment later.
        return os.listdir(f"/proc/{process}/task")  # noqa: PTH208 - as Path.iterdir, without paths
    except OSError:
        return ()


def queued_by(schedstat: Path) -> float | None:
    """Seconds that the thread of a file was ready and had no CPU; None where it does not tell."""
    try:
        # schedstat's second number is the nanoseconds spent waiting on a run queue
        # (Documentation/scheduler/sched-stats.rst).
        return int(schedstat.read_text().split()[1]) / 1e9
    # A thread may end while it is read; a kernel without CONFIG_SCHED_INFO has no schedstat.
    except (OSError, IndexError, ValueError):
        return None
