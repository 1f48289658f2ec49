"""Reading the ledger for pages: in a thread, one question after the other, each within its time.

Rule: nobody waits for a page that takes too long, and nobody's question runs on after that: the
database is interrupted. More than a few that wait are sent away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.of_site import of_site
from monitor.ledger.server_address import Place, begun

T = TypeVar("T")
# A page of a year's ledger takes a second on a small host; ten of them are not waited for.
WITHIN_SECONDS = 10.0
# Each is somebody's browser; beyond that a script is asking.
_MOST_WAITING = 40


class Unavailable(Exception):
    """Nothing can be read at the moment; the text says why."""


class LedgerReader:
    """One reader: a thread with a connection of its own."""

    def __init__(self, place: Place, name: str, scope: str = "") -> None:
        """`scope` is the site whose part of the ledger is read; "" where there is one."""
        self._place, self._scope, self._waiting = place, scope, 0
        self._ledger: Ledger | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def ask(self, question: Callable[[Ledger], T], within: float = WITHIN_SECONDS) -> T:
        """The answer to a question. Raises Unavailable."""
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("too many questions wait already")
        self._waiting += 1
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(asked)
        except TimeoutError:
            self._interrupt()
            raise Unavailable(f"it was not read within {within:g} s") from None
        except (LedgerFault, OSError) as barred:
            raise Unavailable(str(barred)) from None
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End it; what is asked is interrupted."""
        self._interrupt()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    def _answer(self, question: Callable[[Ledger], T]) -> T:
        ledger = self._opened()
        try:
            with ledger.steady():
                return question(of_site(ledger, self._scope))
        except LedgerFault:
            # It may have been replaced under its name: the next question opens what lies there.
            self._close()
            raise

    def _opened(self) -> Ledger:
        if self._ledger is not None and self._ledger.displaced():
            self._close()
        if self._ledger is None:
            if not begun(self._place):
                raise LedgerFault(f"there is no ledger at {self._place} yet")
            self._ledger = Ledger(self._place, read_only=True)
        return self._ledger

    def _close(self) -> None:
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()

    def _interrupt(self) -> None:
        if self._ledger is not None:
            self._ledger.interrupt()
