"""One site of a daemon: its rounds, its audit, its helpdesks and mailboxes, and what time brings to
its tickets. A daemon has one of them for each site of its configuration, side by side on one
ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from monitor.audit.round import AuditRound
from monitor.clock import Clock
from monitor.config import Configuration
from monitor.core.timetable import Slot
from monitor.delivery.desk_polling import DeskPolling
from monitor.delivery.emergency import EmergencyNumbers
from monitor.desks.list import build
from monitor.incidents.deadlines import forget_removed, keep_watch
from monitor.ledger import Ledger, LedgerAccess
from monitor.ledger.of_site import access_of, of_site
from monitor.scheduling.alarm_clock import AlarmClock
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner
from monitor.scheduling.ticker import Cadence
from monitor.service.autonomy import Autonomy
from monitor.service.sharing import Sharing
from monitor.service.singly import Singly
from monitor.service.work import Work

# Looks are claimed three seconds before their slot: of many those of half a second in one question,
# of a few each at once.
_GRANTS_APART_SECONDS, _FEW_SECONDS = 0.4, 0.05


@dataclass(frozen=True, slots=True)
class Means:
    """What the sites of one daemon share."""

    ledger: LedgerAccess
    clock: Clock
    runner: Runner
    sharing: Sharing
    work: Work
    heard: Callable[[str, str], None]
    ended: Callable[[str], None]
    """a check is at work, and does this; it is at work no more"""
    send: Callable[[], None]
    """there may be letters to send"""
    audited: Callable[[], None]
    stopping: asyncio.Event


class SiteWatch:
    """What goes on for one site."""

    def __init__(self, means: Means, configuration: Configuration) -> None:
        self._means, self._scope = means, configuration.site.scope
        self._ledger, start = access_of(means.ledger, self._scope), means.work.start
        self.rounds = Rounds(
            self._ledger,
            configuration,
            means.clock,
            means.runner,
            means.heard,
            means.sharing.claims,
        )
        self.go_on = Autonomy(means.sharing, self.rounds, self._ledger, means.work).ask
        self.audit = AuditRound(self._ledger, self.rounds, means.clock)
        self._emergency = EmergencyNumbers(self._ledger, means.clock, start)
        self._looking = Singly(start, self._look_at_what_is_owed)
        self._granting = Singly(start, self._grant, self._grants_apart)
        self._auditing = Singly(start, self._audit_what_is_owed)
        self._alarm_clock = AlarmClock(self._looking.ask)

    @property
    def configuration(self) -> Configuration:
        """What the site is watched by."""
        return self.rounds.configuration

    def take(self, configuration: Configuration) -> None:
        """Go by this configuration from now on."""
        self.rounds.configuration = configuration
        self.desks = {name: build(name, one) for name, one in configuration.desks.items()}
        self._polling = DeskPolling(self._ledger, self.desks)
        self._emergency.take(configuration)

    def look(self) -> None:
        """Have begun what is owed by now."""
        self._auditing.ask()
        self._looking.ask()

    def look_soon(self, desk: str) -> None:
        """Somebody has done something at a desk."""
        self._polling.look_soon(desk)

    def poll(self) -> None:
        """Have the helpdesks looked at, where it is time."""
        now = self._means.clock.now()
        self._polling.start_due(self.configuration, now, self._means.work.start)

    def keep_watch(self, ledger: Ledger, now: datetime) -> None:
        """What time alone changes of its tickets."""
        keep_watch(of_site(ledger, self._scope), self.configuration, now)

    def forget_removed(self, ledger: Ledger, now: datetime) -> None:
        """Checks that are no longer configured leave their tickets."""
        forget_removed(of_site(ledger, self._scope), self.configuration, now)

    def nudge(self, cadence: Cadence) -> None:
        """A run at a time of day gets a nudge of its own, so that it begins on its second and not
        up to a second later.
        """
        configuration = self.configuration
        zone = configuration.site.timezone
        if configuration.audit:
            name = configuration.site.scoped("audit")
            cadence.daily([configuration.audit.at], zone, name, self.look)
        for entry in configuration.checks.values():
            cadence.daily(entry.at, zone, entry.name, self.look)

    def stop(self) -> None:
        """Begin nothing more."""
        self._alarm_clock.stop()

    def leave(self) -> None:
        """The site is no longer configured: what it has under way comes to its end."""
        self.stop()
        self._emergency.leave()

    async def _audit_what_is_owed(self) -> None:
        if self._means.sharing.claims.only_looks:
            return
        slot = await self.audit.owed(self._means.clock.now())
        if slot is not None and not self._means.stopping.is_set():
            self._means.work.start(self._make_audit(slot))

    async def _look_at_what_is_owed(self) -> None:
        now, rounds = self._means.clock.now(), self.rounds
        if rounds.claims.shared:
            # What was claimed begins on its second, whatever the ledger is doing.
            owed, waking = rounds.begins(now)
            if rounds.asks(now):
                self._granting.ask()
        else:
            owed, waking = await rounds.planned(now)
        if self._means.stopping.is_set():
            return
        for due in owed:
            self.rounds.taken(due)
            self._means.work.start(self._look_at(due))
        # Between two nudges of the cadence too: a check on a grid begins on its second.
        if waking is not None:
            self._alarm_clock.set((waking - self._means.clock.now()).total_seconds())

    async def _grant(self) -> None:
        if not self._means.stopping.is_set():
            await self.rounds.grant(self._means.clock.now())
            self._looking.ask()

    def _grants_apart(self) -> float:
        return _GRANTS_APART_SECONDS if self.rounds.busy else _FEW_SECONDS

    async def _make_audit(self, slot: Slot) -> None:
        await self.audit.run(slot)
        self._means.send()
        self._means.audited()

    async def _look_at(self, due: Due) -> None:
        try:
            await self.rounds.look(due)
        finally:
            self._means.ended(due.name)
            if not self._means.stopping.is_set():
                self._means.send()
                self._looking.ask()
