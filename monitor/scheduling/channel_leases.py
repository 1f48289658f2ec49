"""A line's channels across hosts: each is a lease of the ledger that they share, held for as long
as a call is on it.

The channels of one attempt are claimed together or not at all, as on one host
(monitor/lines/channels.py). A host that dies on a line leaves it free when its leases are over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice

from checks.contract import Claim
from monitor.ledger import Ledger, LedgerAccess
from monitor.scheduling.claims import Alone

# Nobody tells of another host's call that ends; a call lasts seconds.
_ASK_AGAIN_SECONDS = 0.5


class ChannelLeases:
    """The channels that this host holds."""

    def __init__(self, ledger: LedgerAccess, claims: Alone) -> None:
        self._ledger, self._claims = ledger, claims

    @asynccontextmanager
    async def occupy(self, wanted: Sequence[Claim]) -> AsyncIterator[None]:
        """Hold what an attempt needs of its lines, all or none, for as long as the block runs."""
        # Out of the ledger's reach only lines that no other host uses are called over
        # (on_its_own.py).
        if self._claims.cut_off or not (wanted and self._claims.shared):
            yield
            return
        held = await self._held(wanted)
        try:
            yield
        finally:
            self._claims.let_go(held)

    async def _held(self, wanted: Sequence[Claim]) -> list[str]:
        while True:
            claiming = self._ledger.do(lambda ledger: self._taken(ledger, wanted))
            try:
                held = await asyncio.shield(claiming)
            except asyncio.CancelledError:
                # What is being claimed at this moment is nobody's.
                claiming.add_done_callback(lambda done: self._claims.let_go(done.result() or ()))
                raise
            if held is not None:
                return held
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    def _taken(self, ledger: Ledger, wanted: Sequence[Claim]) -> list[str] | None:
        """The channels that are this host's now; None where a line has not so many free."""
        jobs = [channel_job(claim.line, n) for claim in wanted for n in range(claim.channels)]
        rows = self._claims.rows(ledger, jobs)
        free = [job for job in jobs if job not in rows or not rows[job].held]
        chosen = list[str]()
        for claim in wanted:
            own = {channel_job(claim.line, n) for n in range(claim.channels)}
            left = (job for job in free if job in own and job not in chosen)
            chosen += islice(left, claim.taken)
        if len(chosen) < sum(claim.taken for claim in wanted):
            return None
        got = list(self._claims.take(ledger, chosen, beyond_room=True))
        if len(got) == len(chosen):
            return got
        # Another host was faster with one of them.
        self._claims.let_go(got)
        return None


def channel_job(line: str, number: int) -> str:
    """The job of having one channel of a line; no check can be called so."""
    return f"@line {line} {number}"
