"""Which mornings' audits are claimed: once each, whichever host makes it, and again by another host
where that one died.
"""

from __future__ import annotations

from monitor.clock import Clock
from monitor.core.timetable import Slot
from monitor.ledger import Ledger, LedgerAccess, Transaction
from monitor.scheduling.claims import Alone

# No check can be called so: names begin with a letter or a digit
# (monitor/config/section_models.py).
JOB = "@audit"


class ClaimedAudits:
    """The audits of one site that were begun."""

    def __init__(self, ledger: LedgerAccess, claims: Alone, clock: Clock, job: str = JOB) -> None:
        """`job` is what the site's audit is called among those of all sites."""
        self._ledger, self._claims, self._clock, self.job = ledger, claims, clock, job
        self.left_over = set[str]()
        """begun, and never finished"""
        ledger.at_once(self._find_left_over)

    def elsewhere(self, ledger: Ledger) -> bool:
        """Whether another host is making one."""
        if self._claims.shared:
            self._find_left_over(ledger)
        return self._claims.under_way(ledger, self.job)

    async def hold(self) -> bool:
        """Be the one host that makes one, whichever morning it is of."""
        jobs = [self.job]
        return bool(await self._ledger.do(lambda ledger: self._claims.take(ledger, jobs, True)))

    async def claim(self, slot: Slot) -> bool:
        """Claim one morning's; False where somebody else has it, or had."""
        if not await self.hold():
            return False
        if await self._ledger.do(lambda ledger: self._claimed(ledger, slot)):
            return True
        self.let_go()
        return False

    def settle(self, t: Transaction) -> None:
        """It is made, and what it came to stands in this transaction. Raises LeaseLost."""
        self._claims.settle(t, self.job)

    def let_go(self) -> None:
        """Leave it to others, where it was not settled."""
        self._claims.let_go([self.job])

    def settled(self) -> None:
        """The transaction that says so is kept."""
        self._claims.settled([self.job])

    def _claimed(self, ledger: Ledger, slot: Slot) -> bool:
        if self._claims.shared:
            self._find_left_over(ledger)
        if slot.key in self.left_over:
            self.left_over.discard(slot.key)
            return True
        with ledger.transaction() as t:
            return t.claim(self.job, slot.key, slot.at, self._clock.now())

    def _find_left_over(self, ledger: Ledger) -> None:
        unfinished = ledger.unfinished_slots()
        self.left_over = {slot.slot_key for slot in unfinished if slot.job == self.job}
