"""A ledger in a thread of its own: the loop that looks never waits for its disk.

Rules:
1. One thread changes the ledger, job after job, in the order they were handed in. So a settlement
   is still one transaction, and what is read in a job is what its changes are based on.
2. What takes long to read has a second thread with a connection of its own (readers and the writer
   do not wait for each other, by SQLite's write-ahead log as by PostgreSQL's versions of rows).
3. The connections belong to their threads: SQLite's own check refuses them to any other, the loop's
   too.
4. Both are daemon threads: a disk that answers no more cannot keep the process from ending.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from monitor.ledger.errors import LedgerFault
from monitor.ledger.ledger import Ledger

log = logging.getLogger(__name__)

T = TypeVar("T")


class LedgerThread:
    """One ledger, for a loop that must not wait (monitor.ledger.access.LedgerAccess)."""

    def __init__(self, opened: Callable[[], Ledger]) -> None:
        """`opened` opens it, in the thread. Raises what that raises."""
        self._writing = _Worker("ledger", opened)
        place, self.where = self._writing.submit(lambda one: (one.place, one.where)).result()
        self._reading = _Worker("ledger-reader", lambda: Ledger(place, read_only=True))

    def do(self, work: Callable[[Ledger], T]) -> asyncio.Future[T]:
        """Have it done in its turn."""
        return asyncio.wrap_future(self._writing.submit(work))

    def read(self, work: Callable[[Ledger], T]) -> asyncio.Future[T]:
        """Have something long read, by the connection that changes nothing."""
        return asyncio.wrap_future(self._reading.submit(work))

    def hand_in(self, work: Callable[[Ledger], object]) -> None:
        """Have it done for nobody who waits."""
        self._writing.submit(work).add_done_callback(_say_fault)

    def at_once(self, work: Callable[[Ledger], T]) -> T:
        """Wait for it, without a loop."""
        return self._writing.submit(work).result()

    def waits_seconds(self) -> float:
        """How long the job that changes the ledger has been under way; 0 while there is none."""
        return self._writing.under_way_seconds()

    async def close(self, within_seconds: float) -> bool:
        """Close it once all that was handed in is done; whether that came to its end in time."""
        ends = [asyncio.wrap_future(one.end()) for one in (self._writing, self._reading)]
        done, _ = await asyncio.wait(ends, timeout=within_seconds)
        return len(done) == len(ends)


class _Worker:
    """One thread with its connection, opened when it is first needed and again when its file was
    replaced.
    """

    def __init__(self, name: str, opened: Callable[[], Ledger]) -> None:
        self._opened = opened
        self._ledger: Ledger | None = None
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._began: float | None = None
        self._ended: Future[None] | None = None
        Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, work: Callable[[Ledger], T]) -> Future[T]:
        future: Future[T] = Future()
        if self._ended is not None:
            future.set_exception(LedgerFault("the ledger is closed: this daemon has stopped"))
            return future
        context = copy_context()
        self._jobs.put(lambda: context.run(self._do, future, work))
        return future

    def end(self) -> Future[None]:
        if self._ended is None:
            self._ended = Future()
            self._jobs.put(None)
        return self._ended

    def under_way_seconds(self) -> float:
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._began = time.monotonic()
            job()
            self._began = None
        ended = self._ended
        assert ended is not None  # noqa: S101 - set before the queue's end
        try:
            if self._ledger is not None:
                self._ledger.close()
        except LedgerFault as fault:
            ended.set_exception(fault)
        else:
            ended.set_result(None)

    def _do(self, future: Future[Any], work: Callable[[Ledger], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work(self._at_hand()))
        # Whatever it was is raised where it is awaited; the thread goes on with the next.
        except BaseException as error:  # noqa: BLE001 - told above
            future.set_exception(error)

    def _at_hand(self) -> Ledger:
        # Only a reader opens anew: what a writer still has under its old name is rescued by who
        # holds on to it (monitor/service/ledger_file.py).
        if self._ledger is not None and self._ledger.read_only and self._ledger.displaced():
            self._ledger.close()
            self._ledger = None
        if self._ledger is None:
            self._ledger = self._opened()
        return self._ledger


def _say_fault(future: Future[Any]) -> None:
    if (error := future.exception()) is not None:
        log.error("action=not_written %s", error, exc_info=error)
