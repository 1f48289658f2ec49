"""The daemon: the only place where everything is put together, and the loop that runs it.

Rule 1: the cadence says when to look, the ledger what is owed; the loop never waits for a look or a
letter to end, nor for the disk: the ledger has a thread of its own, and is awaited. Rule 2: SIGHUP
reads the configuration again. A faulty one is refused, the old one goes on; a running call is not
lost. Rule 3: SIGTERM hangs up what is running and ends within 10 s; what was not finished is owed
again at the next start.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from pathlib import Path

from monitor.audit.round import AuditRound
from monitor.clock import Clock, SystemClock
from monitor.config import Configuration, ConfigurationFaults, difference, effective
from monitor.core.timetable import Slot
from monitor.delivery.desk_polling import DeskPolling
from monitor.delivery.emergency import EmergencyNumbers
from monitor.delivery.mail_replies import MailReplies
from monitor.delivery.outbox import Outbox
from monitor.desks.list import build
from monitor.incidents.deadlines import forget_removed, keep_watch
from monitor.lines.channels import Lines
from monitor.scheduling.alarm_clock import AlarmClock
from monitor.scheduling.claims import RENEW_SECONDS
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import SPARE_BYTES, Runner
from monitor.scheduling.ticker import Cadence
from monitor.scheduling.under_way import UnderWay
from monitor.service.autonomy import Autonomy
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
    hold_back,
    say_taken,
)
from monitor.service.sd_notify import ServiceManager
from monitor.service.sharing import Sharing, clock_for
from monitor.service.singly import Singly
from monitor.service.work import Work

log = logging.getLogger("reveille")


class Daemon:
    """One site's monitor. `run` returns when it was told to stop."""

    def __init__(
        self, file: Path, clock: Clock | None = None, served: Served | None = None
    ) -> None:
        """Raises ConfigurationFaults, LedgerFault, and AlreadyRunning when another daemon has this
        state. Without `served` there is no control socket.
        """
        self._file = ConfigurationFile(file)
        self._manager = ServiceManager.from_environment()
        self._stopping = asyncio.Event()
        self._reloaded = ""
        configuration = self._file.read()
        self._clock = clock or clock_for(configuration)
        self._work = Work(self._clock, lambda: self._rounds.configuration)
        self._presence = Presence(configuration.state)
        self._signs = LifeSigns(self._presence, clock or SystemClock(), self._work.faulted)
        self._care = LedgerCare(
            self._presence, configuration.ledger_place, self._clock, self._work.faulted
        )
        self._ledger = self._care.ledger
        self._sharing = Sharing(self._ledger, configuration, self._clock)
        self._outside = Outside(self._work.start, self._clock, self._ledger, self._pushed)
        state = configuration.state
        under_way = UnderWay(state / "under-way")
        lines = Lines(state, self._sharing.channels.occupy)
        runner = Runner(self._clock, state / "exhibits", 40, SPARE_BYTES, lines, state, under_way)
        self._rounds: Rounds = Rounds(
            self._ledger, configuration, self._clock, runner, self._heard, self._sharing.claims
        )
        self._autonomy = Autonomy(self._sharing, self._rounds, self._ledger, self._work)
        self._evidence = EvidenceRounds(
            self._sharing, self._rounds, runner, self._ledger, self._work
        )
        hold_back(self._rounds, under_way, self._clock.now())
        self._audit = AuditRound(self._ledger, self._rounds, self._clock)
        self._parts = Parts(runner, self._rounds, self._audit, self._file)
        self._control = control_socket(configuration.state, self._parts, served)
        self._outbox = Outbox(self._ledger, {}, socket.gethostname())
        self._emergency = EmergencyNumbers(self._ledger, self._clock, self._work.start)
        self._looking = Singly(self._work.start, self._look_at_what_is_owed)
        self._auditing = Singly(self._work.start, self._audit_what_is_owed)
        self._sending = Singly(self._work.start, self._send_what_is_due)
        self._watching = Singly(self._work.start, self._keep_watch)
        self._holding = Singly(self._work.start, self._sharing.turn)
        self._living = Singly(self._work.start, self._say_alive)
        self._reloading = Singly(self._work.start, self._read_again)
        self._tidying = Singly(self._work.start, self._tidy)
        self._alarm_clock = AlarmClock(self._looking.ask)
        self._take(configuration)

    async def run(self) -> None:
        """Look, tell and keep watch until SIGTERM or SIGINT."""
        self._on_signals()
        await self._forget_removed()
        await self._care.note("started", {"file": str(self._file.path)})
        # Before anything is sent: what a dead predecessor was sending must go out first, or its
        # thread is out of order.
        self._outbox.take_over(self._clock.now())
        taken = self._rounds.configuration
        log.info("action=started site=%s checks=%d", taken.site.name, len(taken.checks))
        await self._signs.beat_now()
        # What loading left over is collected once; what is then frozen is the configuration, which
        # stays. To go through it again and again takes long with ten thousand checks.
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
        self._alarm_clock.stop()
        self._outbox.stop()
        await self._work.end()
        await self._sharing.leave()
        await self._signs.beat_now()
        await self._care.close()
        log.info("action=stopped")
        self._presence.leave()

    def _heard(self, check: str, text: str) -> None:
        self._signs.heard(check, text)
        self._parts.heard(check, text)

    def _pushed(self, desk: str) -> None:
        self._polling.look_soon(desk)

    def _look(self) -> None:
        self._auditing.ask()
        self._looking.ask()

    async def _audit_what_is_owed(self) -> None:
        slot = await self._audit.owed(self._clock.now())
        if slot is not None and not self._stopping.is_set():
            self._work.start(self._make_audit(slot))

    async def _look_at_what_is_owed(self) -> None:
        owed, waking = await self._rounds.planned(self._clock.now())
        if self._stopping.is_set():
            return
        for due in owed:
            self._rounds.taken(due)
            self._work.start(self._look_at(due))
        # Between two nudges of the cadence too: a check on a grid begins on its second.
        if waking is not None:
            self._alarm_clock.set((waking - self._clock.now()).total_seconds())

    async def _make_audit(self, slot: Slot) -> None:
        await self._audit.run(slot)
        self._send()
        self._outside.audited()

    async def _look_at(self, due: Due) -> None:
        try:
            await self._rounds.look(due)
        finally:
            self._signs.ended(due.name)
            if not self._stopping.is_set():
                self._send()
                self._looking.ask()

    def _send(self) -> None:
        self._sending.ask()

    async def _send_what_is_due(self) -> None:
        due = await self._outbox.next_due()
        if self._stopping.is_set():
            return
        if due and due <= self._clock.now():
            self._work.start(self._deliver())
        if self._sharing.on_duty:
            self._polling.start_due(self._rounds.configuration, self._clock.now(), self._work.start)
            self._replies.start_due(self._clock.now, self._work.start)

    async def _deliver(self) -> None:
        """May run beside itself: a desk that hangs holds up no other."""
        await self._outbox.deliver_due(self._clock.now())

    async def _keep_watch(self) -> None:
        now, configuration = self._clock.now(), self._rounds.configuration
        await self._sharing.do_duty(lambda ledger: keep_watch(ledger, configuration, now))
        await self._sharing.miss_others(configuration, now)

    async def _tidy(self) -> None:
        if self._sharing.on_duty:
            await self._care.tidy(self._rounds.configuration)

    def _alive(self) -> None:
        """Said from the loop that looks, so that a loop that hangs is noticed."""
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

    def _take(self, configuration: Configuration) -> None:
        self._rounds.configuration = configuration
        desks = {name: build(name, settings) for name, settings in configuration.desks.items()}
        self._outbox.stop()
        host, state = socket.gethostname(), configuration.state
        self._outbox = Outbox(self._ledger, desks, host, state)
        self._polling = DeskPolling(self._ledger, desks)
        self._replies = MailReplies(self._ledger, configuration)
        self._cadence = self._new_cadence(configuration)
        self._outside.take(configuration)
        self._emergency.take(configuration)
        say_taken(configuration, self._clock.now())

    async def _forget_removed(self) -> None:
        now, configuration = self._clock.now(), self._rounds.configuration
        await self._sharing.do_duty(lambda ledger: forget_removed(ledger, configuration, now))

    def _new_cadence(self, configuration: Configuration) -> Cadence:
        cadence = Cadence(self._work.faulted)
        cadence.every(1, "look", self._look)
        cadence.every(1, "send", self._send)
        cadence.every(1, "watch", self._watching.ask)
        cadence.every(RENEW_SECONDS, "hold", self._holding.ask)
        cadence.every(1, "on-its-own", self._autonomy.ask)
        cadence.every(10, "evidence", self._evidence.ask)
        # Half of WatchdogSec= already; without a watchdog 5 s keeps the status line fresh.
        often = int(min(self._manager.watchdog_seconds or 5, 5))
        cadence.every(max(1, often), "alive", self._alive)
        cadence.every(KEEP_SECONDS, "keepsake", lambda: self._work.start(self._care.keep()))
        cadence.every(1, "outside", self._outside.turn)
        cadence.every(600, "sweep", lambda: self._work.start(self._care.sweep(configuration)))
        cadence.every(3600, "tidy", self._tidying.ask)
        cadence.every(3600, "bodies", lambda: self._work.start(self._care.name_unreadable()))
        if configuration.audit:
            cadence.daily(
                [configuration.audit.at], configuration.site.timezone, "audit", self._look
            )
        # A run at a time of day gets a nudge of its own, so that it begins on its second.
        for entry in configuration.checks.values():
            cadence.daily(entry.at, configuration.site.timezone, entry.name, self._look)
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
            configuration = self._file.read()
            if moved := cannot_move(self._rounds.configuration, configuration):
                self._file.refuse()
                raise ValueError(moved)
        except (ConfigurationFaults, ValueError) as faults:
            log.error("action=reload_refused the old configuration goes on\n%s", faults)
            await self._care.note("reload-refused", {"faults": str(faults)})
        else:
            before = effective(self._rounds.configuration)
            self._take(configuration)
            await self._forget_removed()
            changed = difference(before, effective(configuration)).in_short()
            self._reloaded = f"; reloaded {self._clock.now():%d %b %H:%M} UTC: {changed}"
            await self._care.note(
                "reloaded", {"checks": len(configuration.checks), "changes": changed}
            )
            log.info("action=reloaded checks=%d: %s", len(configuration.checks), changed)
        # READY=1 after a refused file too: systemd waits for it, and the old one is in force.
        self._manager.ready(await self._status())

    async def _status(self) -> str:
        open_tickets = await self._ledger.do(lambda ledger: len(ledger.open_incidents()))
        doing = self._signs.at_work() or "waiting"
        of = f"{(now := self._rounds.configuration).site.name}: {len(now.checks)} checks"
        return f"{of}, {open_tickets} open tickets; {doing}{self._reloaded}"
