"""What the daemon has under way: its tasks, their faults, and their end.

A bug is logged whole. What the host denies us (a full disk, a ledger that is gone) is said in a
line, and told to the operators past the ledger: once for each cause, however many places meet it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from checks.body import Unreadable
from monitor.clock import Clock
from monitor.config import Configuration
from monitor.delivery.last_resort import Alarm
from monitor.ledger import LedgerFault
from monitor.ledger.errors import cause_of

log = logging.getLogger("reveille")
# With what is said and closed afterwards this stays within the 10 s in which the daemon ends, and
# far below systemd's 90 s.
STOP_WITHIN_SECONDS = 6.0
# A mail server that answers takes a mail within this.
ALARM_SECONDS = 2.0


class Work:
    """The tasks of one daemon."""

    def __init__(self, clock: Clock, sites: Callable[[], Sequence[Configuration]]) -> None:
        """`sites` are asked for when somebody has to be told."""
        self.clock, self._sites = clock, sites
        self._tasks: set[asyncio.Task[Any]] = set()
        self._alarm = Alarm()
        # Whether operators hear of faults of a cause from somebody else.
        self.told_elsewhere: Callable[[str], bool] = lambda _: False
        # At most one a cause and half hour.
        self._alarms: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin something; a fault of it is told."""
        task = asyncio.get_running_loop().create_task(work)
        # The loop itself keeps only weak references to tasks (asyncio manual): without this one a
        # look could vanish.
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def faulted(self, name: str, error: BaseException) -> None:
        """Tell of a fault, as its kind deserves."""
        if not isinstance(error, LedgerFault | Unreadable | OSError):
            log.error("action=fault in=%s", name, exc_info=error)
            return
        # At most one alarm a cause in a while: a full disk faults at every tick, and in several
        # places at once.
        now, cause = self.clock.now(), cause_of(error)
        if self._alarm.claim(cause, now):
            # "Invalid argument" by itself tells nobody what was asked for.
            strange = error if cause == "system" else None
            log.error("action=blind in=%s %s", name, error, exc_info=strange)
            if not self.told_elsewhere(cause):
                mended = isinstance(error, LedgerFault) and error.mended
                self._alarms.append(self.start(self._raise(str(error), now, cause, mended)))

    async def end(self) -> bool:
        """End all of it; whether it has ended, so that the ledger may be closed."""
        # Why the daemon stops may be in an alarm.
        if under_way := [alarm for alarm in self._alarms if not alarm.done()]:
            await asyncio.wait(under_way, timeout=ALARM_SECONDS)
        # A cancellation may be swallowed where it meets an end in the same turn: it is said again.
        for _ in range(int(STOP_WITHIN_SECONDS)):
            for task in self._tasks:
                task.cancel()
            if not self._tasks:
                break
            await asyncio.wait(self._tasks, timeout=1.0)
        for task in self._tasks:
            log.error("action=not_ended task=%s", task.get_coro())
        return not self._tasks

    async def _raise(self, reason: str, now: datetime, cause: str, mended: bool) -> None:
        await self._alarm.raise_(self._sites(), reason, now, cause, mended=mended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()):
            self.faulted("task", bug)
