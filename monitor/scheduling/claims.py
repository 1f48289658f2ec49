"""What this host holds of a ledger that several hosts share.

Rules:
1. Whoever looks at a check holds its lease, from before the look until it is settled; what is
   settled without it is refused, in the same transaction (monitor/ledger/leases.py).
2. What is held is held on to every few seconds. A host that dies, freezes or loses its network does
   not: others take over what it had.
3. A ledger that one host alone has costs nothing of this: `Alone` grants everything.
"""

# ruff: noqa: ARG002 - one host alone has no use for what the several are told
from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from monitor.core.serving import Serving
from monitor.ledger import Ledger, LedgerAccess, Transaction
from monitor.ledger.leases import Lease, LeaseLost, LeaseRow

log = logging.getLogger(__name__)
# A PostgreSQL that is restarted is back after two to five seconds, and this thread tries for eight
# (monitor/ledger/postgresql_connection.py): that must cost nobody his lease.
LEASE = timedelta(seconds=15)
RENEW_SECONDS = 4
# So many looks may be under way or waiting for their turn here. What is beyond that is for others:
# the first to wake would otherwise have all of it.
MOST_HELD = 80


class Alone:
    """A ledger of one host: everything is its own."""

    shared = False
    cut_off = False
    """whether the ledger is out of reach, so that nothing can be claimed against other hosts"""
    only_looks = False
    """whether this host says what it sees from its place, and others judge it: the ledger lets its
    role do no more (monitor/ledger/rights.py)"""
    hosts: tuple[Serving, ...] = ()
    """the hosts that are there, as far as is known, this one among them"""

    def rows(self, ledger: Ledger, jobs: Sequence[str]) -> dict[str, LeaseRow]:
        """How jobs stand that several hosts may do; without those that nobody ever had."""
        return {}

    def take(
        self, ledger: Ledger, jobs: Sequence[str], beyond_room: bool = False
    ) -> dict[str, datetime | None]:
        """Claim jobs: those that are this host's from now on, each with the newest moment for which
        it was done.
        """
        return dict.fromkeys(jobs)

    @property
    def room(self) -> int:
        """How many looks more this host may have under way, or waiting for their turn."""
        return MOST_HELD

    def wait_for(self, job: str) -> None:
        """The look that it is held for is yet to begin."""

    def begin(self, job: str) -> None:
        """It begins."""

    def made(self, jobs: Iterable[str]) -> None:
        """Their looks are made: others need not wait for them to be written."""

    def under_way(self, ledger: Ledger, job: str) -> bool:
        """Whether another host is at it."""
        return False

    def holds(self, job: str) -> bool:
        """Whether it is this host's."""
        return True

    def settle(self, t: Transaction, job: str, done_to: datetime | None = None) -> None:
        """A job is done, and free once this transaction is kept. Raises LeaseLost."""

    def settled(self, jobs: Iterable[str]) -> None:
        """The transaction that says so is kept."""

    def let_go(self, jobs: Iterable[str]) -> None:
        """Leave to others what is held and was not settled."""

    def let_go_all(self) -> None:
        """Leave everything to others."""

    def lease(self, job: str) -> Lease | None:
        """The lease of a job, where several hosts may do it."""
        return None

    async def renew(self) -> None:
        """Hold on to what is held."""


class Claims(Alone):
    """The leases of one host among several."""

    shared = True

    def __init__(self, ledger: LedgerAccess, holder: str, length: timedelta = LEASE) -> None:
        """`holder` is this life of this host: no other is ever called so."""
        self._ledger, self._holder, self._length = ledger, holder, length
        self._held: dict[str, Lease] = {}
        # Held for a look that is to begin soon.
        self._ahead: set[str] = set()
        # Held for one that is made, and waits to be written.
        self._made: set[str] = set()

    @property
    def room(self) -> int:
        """How many looks more this host may have under way, or waiting for their turn."""
        return max(0, MOST_HELD - len(self._held) + len(self._ahead) + len(self._made))

    def rows(self, ledger: Ledger, jobs: Sequence[str]) -> dict[str, LeaseRow]:
        """How they stand."""
        return ledger.lease_rows(jobs)

    def take(
        self, ledger: Ledger, jobs: Sequence[str], beyond_room: bool = False
    ) -> dict[str, datetime | None]:
        """Claim jobs, as many as this host has room for. What it holds already is not claimed a
        second time: whoever did so will settle it.
        """
        wanted = [job for job in jobs if job not in self._held]
        room = len(wanted) if beyond_room else self.room
        if not wanted[:room]:
            return {}
        got = ledger.claim_leases(self._holder, wanted[:room], self._length)
        self._held.update((lease.job, lease) for lease in got)
        return {lease.job: lease.done_to for lease in got}

    def wait_for(self, job: str) -> None:
        """The look that it is held for is yet to begin."""
        self._ahead.add(job)

    def begin(self, job: str) -> None:
        """It begins."""
        self._ahead.discard(job)

    def made(self, jobs: Iterable[str]) -> None:
        """Their looks are made: others need not wait for them to be written."""
        self._made.update(job for job in jobs if job in self._held)

    def under_way(self, ledger: Ledger, job: str) -> bool:
        """Whether another host is at it."""
        row = ledger.lease_rows([job]).get(job)
        return row is not None and row.held and job not in self._held

    def holds(self, job: str) -> bool:
        """Whether it is held, as far as is known here: the ledger has the last word."""
        return job in self._held

    def lease(self, job: str) -> Lease | None:
        """The lease of a job that is held."""
        return self._held.get(job)

    def settle(self, t: Transaction, job: str, done_to: datetime | None = None) -> None:
        """A job is done, and free once this transaction is kept. Raises LeaseLost."""
        if (lease := self._held.get(job)) is None:
            raise LeaseLost(job)
        t.settle_lease(lease, done_to)

    def settled(self, jobs: Iterable[str]) -> None:
        """The transaction that says so is kept."""
        for job in jobs:
            self._forget(job)

    def let_go(self, jobs: Iterable[str]) -> None:
        """Leave to others what is held and was not settled."""
        leases = [lease for job in jobs if (lease := self._forget(job)) is not None]
        if leases:
            self._ledger.hand_in(partial(Ledger.free_leases, leases=leases))

    def let_go_all(self) -> None:
        """Leave everything to others."""
        self.let_go(list(self._held))

    async def renew(self) -> None:
        """Hold on to what is held; what is lost is known from now on."""
        # What is claimed ahead is done before its lease is old.
        leases = [lease for job, lease in self._held.items() if job not in self._ahead]
        if not leases:
            return
        kept = await self._ledger.do(lambda ledger: ledger.renew_leases(leases, self._length))
        for lease in leases:
            if lease.job not in kept and self._held.get(lease.job) is lease:
                log.warning("action=lease_lost job=%s", lease.job)
                self._forget(lease.job)

    def _forget(self, job: str) -> Lease | None:
        self._ahead.discard(job)
        self._made.discard(job)
        return self._held.pop(job, None)
