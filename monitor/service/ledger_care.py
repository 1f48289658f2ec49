"""The daemon's care for its ledger: held on to, kept a copy of, closed; what is wrong with it is
told past it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from checks.data.backup.store.seal import key_of
from monitor.clock import Clock
from monitor.config import Configuration
from monitor.evidence.retention import sweep
from monitor.incidents.store import unreadable
from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.own_thread import LedgerThread
from monitor.ledger.retention import Keep, Retention
from monitor.ledger.server_address import Place
from monitor.service.heartbeat import AlreadyRunning, Presence
from monitor.service.ledger_file import Keeping, held_on, opened
from monitor.service.standing import holds

log = logging.getLogger("reveille")
# A commit on a slow disk takes a second or two, and another process may hold the ledger for its ten
# (monitor/ledger/database.py); beyond that the disk is not slow, it hangs.
STUCK_AFTER_SECONDS = 30.0
# With the six seconds of monitor/service/work.py this stays within the ten in which a daemon ends.
CLOSE_WITHIN_SECONDS = 3.0
_DAY_SECONDS = 86400.0


class LedgerCare:
    """The ledger of one daemon, in a thread of its own."""

    def __init__(
        self,
        presence: Presence,
        place: Place,
        clock: Clock,
        faulted: Callable[[str, BaseException], None],
    ) -> None:
        """`faulted` tells the operators. Raises LedgerFault, OSError."""
        self._presence, self._clock, self._faulted = presence, clock, faulted
        self._began_anew = ""
        self.ledger = LedgerThread(lambda: self._opened(place, clock.now()))
        self._keeping = Keeping(self.ledger)
        self._retention = Retention(self.ledger, lambda: key_of(presence.state, make=True))

    def _opened(self, place: Place, now: datetime) -> Ledger:
        ledger, self._began_anew = opened(place, now)
        return ledger

    def note(self, kind: str, body: dict[str, object]) -> asyncio.Future[None]:
        """Keep that something happened to the monitor itself."""

        def noted(ledger: Ledger) -> None:
            with ledger.transaction() as t:
                t.happened(None, self._clock.now(), kind, body)

        return self.ledger.do(noted)

    async def begin(self) -> None:
        """Say what had to be done to open it, and what in it cannot be read."""
        await self.name_unreadable()
        if self._began_anew:
            await self.note("ledger-begun-anew", {"text": self._began_anew})
            self._faulted("ledger", LedgerFault(self._began_anew, "damaged", mended=True))

    async def name_unreadable(self) -> None:
        """A ticket or a condition that this program cannot read is told past the ledger: the rest
        goes on.
        """
        if wrong := await self.ledger.do(unreadable):
            self._faulted("ledger", LedgerFault("; ".join(wrong)))

    def notice_stuck(self) -> str:
        """Tell of a disk that does not answer: nothing of what is seen is kept meanwhile. In words;
        "" where it answers.
        """
        if (waits := self.ledger.waits_seconds()) <= STUCK_AFTER_SECONDS:
            return ""
        why = f"the ledger {self.ledger.where} has not answered for {waits:.0f} s"
        why = f"{why}: its disk or its server hangs"
        self._faulted("ledger", LedgerFault(why, "stuck"))
        return why

    async def hold_on(self) -> None:
        """The state lies where it was, or it is put there again; told either way. Raises
        AlreadyRunning where another daemon has taken the place.
        """
        try:
            moved = await self.ledger.do(
                lambda ledger: held_on(self._presence, ledger, self._clock.now())
            )
        except AlreadyRunning as other:
            # Two daemons on one state would tell everything twice.
            self._faulted("state", LedgerFault(f"{other}; this one stops", "displaced"))
            raise
        if moved:
            await self.note("state-displaced", {"text": str(moved)})
            self._faulted("state", moved)
            await self.name_unreadable()

    async def keep(self) -> None:
        """Write the keepsake, if need be."""
        await self._keeping.keep(self._clock.now())

    async def tidy(self, sites: Sequence[Configuration]) -> None:
        """Seal the days that are over; roll up and remove what has been kept for long enough."""
        settings = sites[0].ledger
        keep = Keep(settings.keep_looks / _DAY_SECONDS, settings.keep_rollups / _DAY_SECONDS)

        checks = {name: entry for one in sites for name, entry in one.checks.items()}

        def held(check: str) -> timedelta:
            entry = checks.get(check)
            return timedelta(days=1) if entry is None else holds(entry)

        await self._retention.tidy(keep, held, self._clock.now())

    async def sweep(self, configuration: Configuration) -> None:
        """Remove evidence that has been kept for long enough."""
        if removed := await sweep(self.ledger, configuration, self._clock.now()):
            log.info("action=swept attempts=%d", removed)

    async def close(self) -> None:
        """What was handed to it is written, and it is closed."""
        noted = self.note("stopped", {})
        # A disk that does not answer is not waited for: what was committed is safe.
        if not await self.ledger.close(CLOSE_WITHIN_SECONDS):
            log.error("action=not_closed the disk of the ledger does not answer")
            noted.cancel()
        with suppress(LedgerFault, asyncio.CancelledError):
            await noted
