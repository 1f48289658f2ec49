"""Evidence that goes to the other hosts of a ledger, and comes from them, every ten seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from monitor.config import Configuration
from monitor.evidence.sharing import SharedEvidence
from monitor.ledger.own_thread import LedgerThread
from monitor.scheduling.runner import Runner
from monitor.service.far_evidence_rounds import FarEvidenceRounds
from monitor.service.sharing import Sharing
from monitor.service.singly import Singly
from monitor.service.work import Work

log = logging.getLogger("reveille")
# Looks are handed in late after an outage: as far back as anybody may look for evidence at first.
_AFTER_AN_OUTAGE, _USUALLY = timedelta(days=1), timedelta(minutes=15)


class EvidenceRounds:
    """One host's part; nothing where it shares no ledger."""

    def __init__(
        self,
        sharing: Sharing,
        configuration: Callable[[], Configuration],
        runner: Runner,
        ledger: LedgerThread,
        work: Work,
    ) -> None:
        """`configuration` is of any site: what counts of it is of all."""
        self._sharing, self._configuration, self._ledger = sharing, configuration, ledger
        self._clock = work.clock
        host = configuration().probe.name
        self._shared = SharedEvidence(configuration().state / "exhibits", host)
        self._look_back = _AFTER_AN_OUTAGE
        self._turns = Singly(work.start, self.turn)
        far = FarEvidenceRounds(sharing, configuration, ledger, work)
        self._far_turns = Singly(work.start, far.turn)
        if sharing.claims.shared:
            # Several hosts may look at one check in the same second, each from its place.
            runner.host = host

    def ask(self) -> None:
        """Have both kinds of it done: a place elsewhere that hangs holds up no small one."""
        self._turns.ask()
        self._far_turns.ask()

    async def turn(self) -> None:
        """Give, take, and forget what was kept for long enough."""
        claims = self._sharing.claims
        if not claims.shared:
            return
        if claims.cut_off:
            self._look_back = _AFTER_AN_OUTAGE
            return
        now, back = self._clock.now(), self._look_back
        found = await self._ledger.read(lambda one: self._shared.found(one, now, back))
        given = await self._ledger.do(lambda one: self._shared.give(one, now, back, found))
        self._look_back = back if self._shared.behind else _USUALLY
        taken = await self._ledger.read(self._shared.take)
        if self._sharing.on_duty:
            in_force = self._configuration()
            forget = partial(self._shared.forget, configuration=in_force, now=now)
            await self._ledger.do(forget)
        if given or taken:
            log.info("action=evidence_shared given=%d taken=%d", given, taken)
