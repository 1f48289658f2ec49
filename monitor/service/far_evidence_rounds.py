"""Evidence that is too large for the ledger, by its place elsewhere: every ten seconds, beside
everything else. A place that fails or hangs is said once, tried again, and caught up with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from monitor.config import Configuration
from monitor.evidence.far_evidence import FarEvidence
from monitor.evidence.far_store import FarStore, FarStoreFailed
from monitor.ledger import Ledger
from monitor.ledger.own_thread import LedgerThread
from monitor.service.sharing import Sharing
from monitor.service.work import Work

log = logging.getLogger("reveille")
# A place that is away is asked once a minute: each question is a process of half a second.
_AGAIN_SECONDS = 60.0
_FORGET_SECONDS = 600.0
WAITS, GOES_ON = "evidence-waits", "evidence-goes-on"


class FarEvidenceRounds:
    """One host's part."""

    def __init__(
        self,
        sharing: Sharing,
        configuration: Callable[[], Configuration],
        ledger: LedgerThread,
        work: Work,
    ) -> None:
        self._sharing, self._configuration, self._ledger = sharing, configuration, ledger
        self._clock = work.clock
        self._far = FarEvidence(configuration().state / "exhibits", configuration().probe.name)
        self._not_before = self._forgets_at = float("-inf")
        self._said = ""

    async def turn(self) -> None:
        """Put, fetch, and forget what was kept for long enough."""
        claims = self._sharing.claims
        if not claims.shared or claims.cut_off or self._clock.monotonic() < self._not_before:
            return
        try:
            await self._turn()
        except FarStoreFailed as why:
            self._not_before = self._clock.monotonic() + _AGAIN_SECONDS
            if not self._said:
                self._said = str(why)
                log.warning("action=evidence_waits %s", why)
                await self._note(WAITS, str(why))
        else:
            if self._said:
                log.info("action=evidence_goes_on after: %s", self._said)
                await self._note(GOES_ON, self._said)
                self._said = ""

    async def _turn(self) -> None:
        in_force = self._configuration()
        most = round(in_force.most_evidence_megabytes * 1e6)
        store = None
        if in_force.evidence is not None:
            identity = await self._ledger.read(lambda one: one.identity)
            store = FarStore(in_force.evidence, identity)
            given = await self._far.give(self._ledger, store)
            taken = await self._far.take(self._ledger, store, most)
            if given or taken:
                log.info("action=evidence_far given=%d taken=%d", given, taken)
        if self._sharing.on_duty and self._clock.monotonic() >= self._forgets_at:
            before = self._clock.now() - timedelta(seconds=in_force.keep_evidence)
            if not await self._far.forget(self._ledger, store, before, most):
                self._forgets_at = self._clock.monotonic() + _FORGET_SECONDS

    async def _note(self, kind: str, why: str) -> None:
        """In the ledger's history, whose host keeps one; the log has it anyway."""
        if not self._sharing.claims.only_looks:
            host, now = self._configuration().probe.name, self._clock.now()
            await self._ledger.do(partial(_noted, now, kind, {"host": host, "text": why}))


def _noted(now: datetime, kind: str, body: dict[str, object], ledger: Ledger) -> None:
    with ledger.transaction() as t:
        t.happened(None, now, kind, body)
