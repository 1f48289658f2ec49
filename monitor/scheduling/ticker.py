"""When to look, in readable words. What is owed is never decided here: the ledger does that, at
every look.

So the faults of a cadence in memory cost nothing. `schedule` fires 02:30 twice around a night that
has no 02:30, for an hour on end where the host's own clock is set back, and not at all for a run
that fell into a restart: each firing here is a nudge to look, and a look that finds nothing owed
does nothing. Two of its faults would cost something and are cured here: an exception would end the
jobs after it, and a clock set back would silence an interval for as long.

    cadence = Cadence(faulted)
    cadence.every(5, "look", look)
    cadence.daily(entry.at, site.timezone, entry.name, look)    # so that a run starts on its second
    await cadence.keep(stopping)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import time

import schedule

Job = Callable[[], object]
Faulted = Callable[[str, Exception], object]

# Less is what NTP corrects all the time (its step threshold is 128 ms, RFC 5905): no reason to plan
# everything anew.
_SLACK_SECONDS = 1.0


class Cadence:
    """A private scheduler. Jobs are short and synchronous: they set an event or start a task."""

    def __init__(self, faulted: Faulted) -> None:
        """`faulted` is told the name of a job and what it raised; the job stays in the cadence."""
        self._faulted = faulted
        self._scheduler = schedule.Scheduler()
        self._plans: list[Callable[[], object]] = []
        self._shortest_seconds: int | None = None

    def every(self, seconds: int, name: str, job: Job) -> None:
        """Every so many whole seconds, counted from the end of the last time. Raises ValueError
        below 1.
        """
        if seconds < 1:
            raise ValueError(f"{name!r} cannot be looked at every {seconds} s: at least 1 s apart")
        self._shortest_seconds = min(seconds, self._shortest_seconds or seconds)
        self._plan(lambda: self._scheduler.every(seconds).seconds.do(self._guarded, name, job))

    def daily(self, times: Iterable[time], zone: str, name: str, job: Job) -> None:
        """At each wall time of a zone. A zone that `pytz` lacks is told of, and left to the
        intervals.
        """
        for at in times:
            self._plan(lambda at=at: self._plan_daily(at, zone, name, job))  # type: ignore[misc]

    def run_due(self) -> None:
        """Run what is due, once each."""
        if self._clock_went_back():
            # `schedule` keeps the next time of each job by the wall clock: planned anew, each
            # counts from the clock as it is now.
            self._scheduler.clear()
            for plan in self._plans:
                plan()
        self._scheduler.run_pending()

    def idle_seconds(self, longest: float = 1.0) -> float:
        """How long nothing will be due; never longer than `longest`, so that a clock set on is
        seen.
        """
        idle = self._scheduler.idle_seconds
        return longest if idle is None else min(max(idle, 0.0), longest)

    async def keep(self, stopping: asyncio.Event) -> None:
        """Run what is due until `stopping` is set."""
        while not stopping.is_set():
            self.run_due()
            try:
                # Not one long sleep: a clock that is set on makes jobs due at once, and is noticed
                # within this time.
                await asyncio.wait_for(stopping.wait(), self.idle_seconds())
            except TimeoutError:
                continue

    def _plan(self, plan: Callable[[], object]) -> None:
        self._plans.append(plan)
        plan()

    def _plan_daily(self, at: time, zone: str, name: str, job: Job) -> None:
        try:
            self._scheduler.every().day.at(at.strftime("%H:%M:%S"), zone).do(
                self._guarded, name, job
            )
        # `pytz` has its own copy of the zone database, which may lack a zone that the host knows.
        except LookupError as error:
            self._faulted(name, error)

    def _guarded(self, name: str, job: Job) -> None:
        try:
            job()
        # Whatever one job raises, the jobs after it are still due; the caller is told.
        except Exception as error:  # noqa: BLE001 - told above
            self._faulted(name, error)

    def _clock_went_back(self) -> bool:
        """Nothing is ever further away than the shortest interval, unless the clock was
        set back.
        """
        idle, shortest = self._scheduler.idle_seconds, self._shortest_seconds
        return idle is not None and shortest is not None and idle > shortest + _SLACK_SECONDS
