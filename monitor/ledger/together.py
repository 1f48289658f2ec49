"""Changes that come at about the same moment are written in one transaction: a commit waits for the
disk.

Rules: a change alone is written at once; one that comes while others are at work waits a moment for
theirs, and one that comes during a commit for its end. So the slower the disk, the more go along.
Whoever hands a change in goes on only when it is committed. When one of several cannot be written,
nothing of them is, and they are tried by halves, so that only the one at fault fails: a change must
bear being made again from the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from monitor.ledger.access import LedgerAccess
from monitor.ledger.ledger import Ledger, Transaction

# Looks on one grid end within a few hundredths of a second of each other; nobody notices the wait.
GATHER_SECONDS = 0.02
Change = Callable[[Ledger, Transaction], None]


@dataclass(eq=False, slots=True)
class _Waiting:
    change: Change
    about: Sequence[str]
    written: asyncio.Future[None] = field(repr=False)


class Together:
    """Writes changes of one ledger, in the order they came."""

    def __init__(
        self,
        ledger: LedgerAccess,
        gather_seconds: float = GATHER_SECONDS,
        ask: Callable[[Ledger, Iterable[str]], None] | None = None,
    ) -> None:
        """`ask` is done once before changes, with all that they are about: what each of them will
        ask of the ledger is asked together.
        """
        self._ledger, self.gather_seconds, self._ask = ledger, gather_seconds, ask
        self._waiting: list[_Waiting] = []
        # The loop itself keeps only weak references to tasks (asyncio manual).
        self._committing: asyncio.Task[None] | None = None

    async def write(self, change: Change, alone: bool, about: Sequence[str] = ()) -> None:
        """Make a change about some checks, and return when it is committed. `alone`: nobody is at
        work whose change could go along. Raises LedgerFault, and what the change itself raises.
        Cancelled before its turn, it is not made.
        """
        # The usual case of a small site: no timer, one commit.
        if alone and self._committing is None:
            await self._ledger.do(partial(_write_one, change))
            return
        this = _Waiting(change, about, asyncio.get_running_loop().create_future())
        self._waiting.append(this)
        if self._committing is None:
            self._committing = asyncio.ensure_future(self._commit())
        try:
            await this.written
        # Before its turn a change is taken back; once its commit is under way it is written,
        # whether or not anybody waits.
        except asyncio.CancelledError:
            if this in self._waiting:
                self._waiting.remove(this)
            raise

    async def _commit(self) -> None:
        try:
            await asyncio.sleep(self.gather_seconds)
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._written(batch)
        finally:
            self._committing = None

    async def _written(self, batch: Sequence[_Waiting]) -> None:
        changes = [one.change for one in batch]
        first = partial(self._ask_for, [name for one in batch for name in one.about])
        try:
            errors = await self._ledger.do(partial(_write_all, changes, first))
        # The ledger itself could not be asked: that is everybody's fault.
        except Exception as error:  # noqa: BLE001 - told to all who wait
            errors = [error] * len(batch)
        for one, wrong in zip(batch, errors, strict=True):
            _done(one, wrong)

    def _ask_for(self, names: Sequence[str], ledger: Ledger) -> None:
        if self._ask is not None:
            self._ask(ledger, names)


def _write_all(
    changes: Sequence[Change], first: Callable[[Ledger], None], ledger: Ledger
) -> Sequence[Exception | None]:
    """What each of them came to; all in one transaction, if none is at fault."""
    try:
        with ledger.transaction() as t:
            first(ledger)
            for change in changes:
                change(ledger, t)
    except Exception as error:  # noqa: BLE001 - whose it is comes out below
        if len(changes) == 1:
            return [error]
        # By halves: one that is at fault costs the others a few transactions, and not one each.
        half = len(changes) // 2
        parts = (changes[:half], changes[half:])
        return [one for part in parts for one in _write_all(part, first, ledger)]
    return [None] * len(changes)


def _write_one(change: Change, ledger: Ledger) -> None:
    with ledger.transaction() as t:
        change(ledger, t)


def _done(one: _Waiting, error: Exception | None) -> None:
    # Whoever waited was cancelled during the commit: the change is written, and nobody is there to
    # hear it.
    if one.written.done():
        return
    if error is None:
        one.written.set_result(None)
    else:
        one.written.set_exception(error)
