"""What one of several sites sees of the ledger that all of them share.

Rules:
1. Names of its checks and desks begin with its own (`Pune/agent-portal`), and so do the kinds of
   what happened to the monitor for it; its incidents have its name. Nothing else is seen, and what
   is kept is kept as its own.
2. Numbers, leases, hosts and seals are of the ledger. There is one transaction for all sites.
3. Where there is one site, its ledger is the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from monitor.ledger.access import LedgerAccess
from monitor.ledger.leases import Lease
from monitor.ledger.ledger import Ledger, Transaction
from monitor.ledger.table import Table

if TYPE_CHECKING:
    from asyncio import Future

T = TypeVar("T")


class SiteLedger(Ledger):
    """An open ledger as one site sees it."""

    def __init__(self, whole: Ledger, scope: str) -> None:
        self._of, self.place, self.views = whole, whole.place, {}
        Table.__init__(self, whole._database, scope)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All of what is changed inside is kept, or nothing. Raises LedgerFault."""
        with self._of.transaction():
            yield Transaction(self._database, self._scope)

    @contextmanager
    def under(self, lease: Lease) -> Iterator[None]:
        """One transaction under a lease. Raises LeaseLost, LedgerFault."""
        with self._of.under(lease):
            yield

    def would_change(self, work: Callable[[Ledger], object]) -> bool:
        """Whether work would change anything now."""
        return self._of.would_change(lambda _: work(self))

    def close(self) -> None:
        """Close the ledger, for all sites."""
        self._of.close()


def of_site(ledger: Ledger, scope: str) -> Ledger:
    """The ledger as the site of this name sees it; as it is for "", where there is only one."""
    if not scope:
        return ledger
    if scope not in ledger.views:
        ledger.views[scope] = SiteLedger(ledger, scope)
    return ledger.views[scope]


class SiteAccess:
    """How a site asks the ledger (monitor.ledger.access.LedgerAccess)."""

    def __init__(self, ledger: LedgerAccess, scope: str) -> None:
        self._ledger, self._scope = ledger, scope

    def do(self, work: Callable[[Ledger], T]) -> Future[T]:
        """Have it done in its turn."""
        return self._ledger.do(self._seen(work))

    def read(self, work: Callable[[Ledger], T]) -> Future[T]:
        """Have something long read."""
        return self._ledger.read(self._seen(work))

    def hand_in(self, work: Callable[[Ledger], object]) -> None:
        """Have it done for nobody who waits."""
        self._ledger.hand_in(self._seen(work))

    def at_once(self, work: Callable[[Ledger], T]) -> T:
        """Wait for it, without a loop."""
        return self._ledger.at_once(self._seen(work))

    def _seen(self, work: Callable[[Ledger], T]) -> Callable[[Ledger], T]:
        return lambda ledger: work(of_site(ledger, self._scope))


def access_of(ledger: LedgerAccess, scope: str) -> LedgerAccess:
    """As a site asks it; as it is, where there is only one."""
    return SiteAccess(ledger, scope) if scope else ledger
