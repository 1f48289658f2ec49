"""Changes that come at about the same moment are written in one transaction: a commit waits for the
disk.

Rules: a change alone is written at once; one that comes while others are at work waits a moment for
theirs. Whoever hands a change in goes on only when it is committed. When one of several cannot be
written, nothing of them is, and each is then tried by itself, so that only the one at fault fails:
a change must bear being made again from the start. A disk that is slow is waited for less often:
the loop stands still meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.ledger.ledger import Ledger, Transaction

# Looks on one grid end within a few hundredths of a second of each other; nobody notices the wait.
GATHER_SECONDS = 0.02
# On a slow disk changes are gathered for as long as four commits take: the loop stands still in
# each.
GATHER_TIMES, GATHER_AT_MOST_SECONDS = 4.0, 1.0
Change = Callable[[Transaction], None]


@dataclass(eq=False, slots=True)
class _Waiting:
    change: Change
    written: asyncio.Future[None] = field(repr=False)


class Together:
    """Writes changes of one ledger, in the order they came."""

    def __init__(self, ledger: Ledger, gather_seconds: float = GATHER_SECONDS) -> None:
        self._ledger, self._gather_seconds, self._took = ledger, gather_seconds, 0.0
        self._waiting: list[_Waiting] = []

    async def write(self, change: Change, alone: bool) -> None:
        """Make a change, and return when it is committed. `alone`: nobody is at work whose change
        could go along. Raises LedgerFault, and what the change itself raises. Cancelled before its
        turn, it is not made.
        """
        loop = asyncio.get_running_loop()
        # The usual case of a small site: no timer, no future, one commit.
        if alone and not self._waiting:
            self._write_one(change)
            return
        this = _Waiting(change, loop.create_future())
        self._waiting.append(this)
        if len(self._waiting) == 1:
            slow = min(GATHER_TIMES * self._took, GATHER_AT_MOST_SECONDS)
            loop.call_later(max(self._gather_seconds, slow), self._write_all)
        try:
            await this.written
        # Before its turn a change is taken back; once its commit is under way it is written,
        # whether or not anybody waits.
        except asyncio.CancelledError:
            if this in self._waiting:
                self._waiting.remove(this)
            raise

    def _write_all(self) -> None:
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        began = asyncio.get_running_loop().time()
        try:
            with self._ledger.transaction() as t:
                for one in batch:
                    one.change(t)
        except Exception:  # noqa: BLE001 - whose it is comes out when each is tried by itself
            self._write_each(batch)
            return
        finally:
            self._took = asyncio.get_running_loop().time() - began
        for one in batch:
            _done(one, None)

    def _write_each(self, batch: list[_Waiting]) -> None:
        for one in batch:
            try:
                self._write_one(one.change)
            except Exception as error:  # noqa: BLE001 - told to whom it belongs
                _done(one, error)
            else:
                _done(one, None)

    def _write_one(self, change: Change) -> None:
        with self._ledger.transaction() as t:
            change(t)


def _done(one: _Waiting, error: Exception | None) -> None:
    # Whoever waited was cancelled during the commit: the change is written, and nobody is there to
    # hear it.
    if one.written.done():
        return
    if error is None:
        one.written.set_result(None)
    else:
        one.written.set_exception(error)
