"""How the code above a ledger asks it, whatever thread or host the ledger is on: a piece of work is
handed in, and is done in its turn with the ledger all to itself.

    conditions = await ledger.do(store.conditions)

`Ledger` itself does it on the spot: for a verb, a test, a scratch ledger in memory. `LedgerThread`
does it in a thread of its own, so that a loop which looks never waits for a disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from asyncio import Future

    # The ledger is such an access itself.
    from monitor.ledger.ledger import Ledger

T = TypeVar("T")


class LedgerAccess(Protocol):
    """What both can do. Work is done in the order in which it was handed in; what it raises is
    raised where it is awaited.
    """

    def do(self, work: Callable[[Ledger], T]) -> Future[T]:
        """Have it done, from within a running loop. Cancelled before its turn, it is not done; once
        begun it is done to its end, whether or not anybody waits.
        """

    def read(self, work: Callable[[Ledger], T]) -> Future[T]:
        """Have something long read of what is committed: no change waits for it."""

    def hand_in(self, work: Callable[[Ledger], object]) -> None:
        """Have it done for nobody who waits; a fault of it is logged."""

    def at_once(self, work: Callable[[Ledger], T]) -> T:
        """Wait for it, without a loop: while a daemon is put together."""
