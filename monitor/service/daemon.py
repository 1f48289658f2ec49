"""The daemon: the only place where everything is put together, and the loop that runs it.

Rule 1: the cadence says when to look, the ledger what is owed; the loop never waits for a look or a
letter to end, nor for the disk: the ledger has a thread of its own, and is awaited. Rule 2: SIGHUP
reads the configuration again. A faulty one is refused, the old one goes on; a running call is not
lost. Rule 3: SIGTERM hangs up what is running and ends within 10 s; the rest is owed again.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from monitor.clock import Clock, SystemClock
from monitor.config import Configuration, ConfigurationFaults, difference, effective_of
from monitor.delivery.mail_replies import MailReplies
from monitor.delivery.outbox import Outbox
from monitor.lines.channels import Lines
from monitor.scheduling.claims import RENEW_SECONDS
from monitor.scheduling.runner import SPARE_BYTES, Runner
from monitor.scheduling.ticker import Cadence
from monitor.scheduling.under_way import UnderWay
from monitor.service import memory
from monitor.service.evidence_rounds import EvidenceRounds
from monitor.service.heartbeat import AlreadyRunning, Presence
from monitor.service.ledger_care import LedgerCare
from monitor.service.ledger_file import KEEP_SECONDS, cannot_move
from monitor.service.life_signs import LifeSigns
from monitor.service.outside import Outside
from monitor.service.parts import (
    ConfigurationFile,
    Parts,
    Served,
    control_socket,
    forget_sites,
    hold_back,
    say_taken,
)
from monitor.service.sd_notify import ServiceManager
from monitor.service.sharing import Sharing, clock_for
from monitor.service.singly import Singly
from monitor.service.site_watch import Means, SiteWatch
from monitor.service.work import Work

log = logging.getLogger("reveille")
_ASKS_APART_SECONDS = 0.5


class Daemon:
    """The monitor of one site, or of several. `run` returns when it was told to stop."""

    def __init__(
        self, file: Path, clock: Clock | None = None, served: Served | None = None
    ) -> None:
        """Raises ConfigurationFaults, LedgerFault, and AlreadyRunning when another daemon has this
        state. Without `served` there is no control socket.
        """
        self._file, self._stopping = ConfigurationFile(file), asyncio.Event()
        self._manager = ServiceManager.from_environment()
        self._reloaded = ""
        self._sites: list[SiteWatch] = []
        sites = self._file.read()
        configuration = sites[0]  # What is not of one site is the same in all of them.
        self._clock = clock or clock_for(configuration)
        self._work = Work(self._clock, self._configurations)
        self._presence = Presence(configuration.state)
        self._signs = LifeSigns(self._presence, clock or SystemClock(), self._work.faulted)
        self._care = LedgerCare(
            self._presence, configuration.ledger_place, self._clock, self._work.faulted
        )
        self._ledger = self._care.ledger
        self._sharing = Sharing(self._ledger, configuration, self._clock)
        self._outside = Outside(self._work.start, self._clock, self._ledger, self._pushed)
        state, under_way = configuration.state, UnderWay(configuration.state / "under-way")
        lines = Lines(state, self._sharing.channels.occupy)
        runner = Runner(self._clock, state / "exhibits", 40, SPARE_BYTES, lines, state, under_way)
        self._means = Means(
            self._ledger,
            self._clock,
            runner,
            self._sharing,
            self._work,
            self._heard,
            self._signs.ended,
            self._send,
            self._outside.audited,
            self._stopping,
        )
        self._sites = [SiteWatch(self._means, one) for one in sites]
        self._evidence = EvidenceRounds(
            self._sharing, lambda: self._configurations()[0], runner, self._ledger, self._work
        )
        hold_back([one.rounds for one in self._sites], under_way, self._clock.now())
        self._parts = Parts(runner, lambda: self._sites, self._file)
        self._control = control_socket(configuration.state, self._parts, served)
        self._outbox = Outbox(self._ledger, {}, socket.gethostname())
        # After each look it is asked whether there is a letter; of a server not so often.
        apart = _ASKS_APART_SECONDS if self._sharing.claims.shared else 0.0
        self._sending = Singly(self._work.start, self._send_what_is_due, lambda: apart)
        self._watching = Singly(self._work.start, self._keep_watch)
        self._holding = Singly(self._work.start, self._sharing.turn)
        self._living = Singly(self._work.start, self._say_alive)
        self._reloading = Singly(self._work.start, self._read_again)
        self._tidying = Singly(self._work.start, self._tidy)
        self._take(sites)

    async def run(self) -> None:
        """Look, tell and keep watch until SIGTERM or SIGINT."""
        self._on_signals()
        await self._forget_removed()
        await self._care.note("started", {"file": str(self._file.path)})
        # Before anything is sent: what a dead predecessor was sending must go out first, or its
        # thread is out of order.
        self._outbox.take_over(self._clock.now())
        for one in self._configurations():
            log.info("action=started site=%s checks=%d", one.site.name, len(one.checks))
        await self._signs.beat_now()
        # The configuration stays: to go through it again takes long with ten thousand checks.
        gc.collect()
        gc.freeze()
        if self._control:
            await self._control.open()
        self._manager.ready(await self._status())
        await self._care.begin()
        await self._keep_cadence()
        self._manager.stopping()
        if self._control:
            await self._control.close()
        for site in self._sites:
            site.stop()
        self._outbox.stop()
        await self._work.end()
        await self._sharing.leave()
        await self._signs.beat_now()
        await self._care.close()
        log.info("action=stopped")
        self._presence.leave()

    def _configurations(self) -> list[Configuration]:
        """Those in force, of each site."""
        return [site.configuration for site in self._sites]

    def _heard(self, check: str, text: str) -> None:
        self._signs.heard(check, text)
        self._parts.heard(check, text)

    def _pushed(self, desk: str) -> None:
        for site in self._sites:
            site.look_soon(desk)

    def _look(self) -> None:
        for site in self._sites:
            site.look()

    def _send(self) -> None:
        self._sending.ask()

    async def _send_what_is_due(self) -> None:
        due = await self._outbox.next_due()
        if self._stopping.is_set():
            return
        if due and due <= self._clock.now():
            self._work.start(self._deliver())
        if self._sharing.on_duty:
            for site in self._sites:
                site.poll()
            self._replies.start_due(self._clock.now, self._work.start)

    async def _deliver(self) -> None:
        """May run beside itself: a desk that hangs holds up no other."""
        await self._outbox.deliver_due(self._clock.now())

    async def _keep_watch(self) -> None:
        now = self._clock.now()
        for site in self._sites:
            # A fault in one site's tickets keeps nobody from another's.
            try:
                await self._sharing.do_duty(partial(SiteWatch.keep_watch, site, now=now))
            except Exception as fault:  # noqa: BLE001 - told, as that of any task
                self._work.faulted("watch", fault)
        await self._sharing.miss_others(self._configurations(), now)

    def _go_on(self) -> None:
        for site in self._sites:
            site.go_on()

    async def _sweep(self) -> None:
        await self._forget_sites()
        await self._care.sweep(self._configurations()[0])

    async def _forget_sites(self) -> None:
        now, sites = self._clock.now(), self._configurations()
        await self._sharing.do_duty(partial(forget_sites, sites=sites, now=now))

    async def _tidy(self) -> None:
        if self._sharing.on_duty:
            await self._care.tidy(self._configurations())

    def _alive(self) -> None:
        """Said from the loop that looks: one that hangs is noticed."""
        self._manager.alive()
        self._signs.stuck = self._care.notice_stuck()
        self._signs.beat()
        self._living.ask()

    async def _say_alive(self) -> None:
        try:
            await self._care.hold_on()
        except AlreadyRunning:
            self._stopping.set()
            return
        if self._control and not self._control.path.exists():
            await self._control.open()
        self._manager.status(await self._status())

    def _take(self, sites: Sequence[Configuration]) -> None:
        known = {one.configuration.site.scope: one for one in self._sites}
        self._sites = [
            known.pop(one.site.scope) if one.site.scope in known else SiteWatch(self._means, one)
            for one in sites
        ]
        for gone in known.values():
            gone.leave()
        for site, configuration in zip(self._sites, sites, strict=True):
            site.take(configuration)
        desks = {name: desk for site in self._sites for name, desk in site.desks.items()}
        self._outbox.stop()
        self._outbox = Outbox(self._ledger, desks, socket.gethostname(), sites[0].state)
        self._replies = MailReplies(self._ledger, sites)
        self._cadence = self._new_cadence()
        self._outside.take(sites)
        self._sharing.take(sites[0])
        say_taken(sites, self._clock.now())

    async def _forget_removed(self) -> None:
        now = self._clock.now()
        for site in self._sites:
            await self._sharing.do_duty(partial(SiteWatch.forget_removed, site, now=now))
        await self._forget_sites()

    def _new_cadence(self) -> Cadence:
        cadence = Cadence(self._work.faulted)
        cadence.every(1, "look", self._look)
        cadence.every(1, "send", self._send)
        cadence.every(1, "watch", self._watching.ask)
        cadence.every(RENEW_SECONDS, "hold", self._holding.ask)
        cadence.every(1, "on-its-own", self._go_on)
        cadence.every(10, "evidence", self._evidence.ask)
        # Half of WatchdogSec= already; without a watchdog 5 s keeps the status line fresh.
        often = int(min(self._manager.watchdog_seconds or 5, 5))
        cadence.every(max(1, often), "alive", self._alive)
        cadence.every(KEEP_SECONDS, "keepsake", lambda: self._work.start(self._care.keep()))
        cadence.every(1, "outside", self._outside.turn)
        cadence.every(memory.GIVE_BACK_SECONDS, "memory", memory.give_back)
        cadence.every(600, "sweep", lambda: self._work.start(self._sweep()))
        cadence.every(3600, "tidy", self._tidying.ask)
        cadence.every(3600, "bodies", lambda: self._work.start(self._care.name_unreadable()))
        for site in self._sites:
            site.nudge(cadence)
        return cadence

    async def _keep_cadence(self) -> None:
        while not self._stopping.is_set():
            self._cadence.run_due()
            try:
                await asyncio.wait_for(self._stopping.wait(), self._cadence.idle_seconds())
            except TimeoutError:
                continue

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reloading.ask)

    async def _read_again(self) -> None:
        self._manager.reloading()
        try:
            sites = self._file.read()
            if moved := cannot_move(self._configurations()[0], sites[0]):
                self._file.refuse()
                raise ValueError(moved)
        except (ConfigurationFaults, ValueError) as faults:
            log.error("action=reload_refused the old configuration goes on\n%s", faults)
            await self._care.note("reload-refused", {"faults": str(faults)})
        else:
            before = effective_of(self._configurations())
            self._take(sites)
            await self._forget_removed()
            changed = difference(before, effective_of(sites)).in_short()
            self._reloaded = f"; reloaded {self._clock.now():%d %b %H:%M} UTC: {changed}"
            checks = sum(len(one.checks) for one in sites)
            await self._care.note("reloaded", {"checks": checks, "changes": changed})
            log.info("action=reloaded checks=%d: %s", checks, changed)
        # READY=1 after a refused file too: systemd waits for it, and the old one is in force.
        self._manager.ready(await self._status())

    async def _status(self) -> str:
        open_tickets = await self._ledger.do(lambda ledger: len(ledger.open_incidents()))
        sites = self._configurations()
        of = sites[0].site.name if len(sites) == 1 else f"{len(sites)} sites"
        of += f": {sum(len(one.checks) for one in sites)} checks"
        at_work = self._signs.at_work() or "waiting"
        return f"{of}, {open_tickets} open tickets; {at_work}{self._reloaded}"
