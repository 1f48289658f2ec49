"""This daemon among others on one ledger: its name there, its leases, and who of them is on duty.

Rules:
1. What is not of one check (ladders, deadlines, helpdesks, mailboxes, tidying) is done by the host
   on duty: one at a time, by a lease like any other. Where it falls silent, the next takes over.
2. The time is the ledger's, on every host.
3. A ledger that is a file has one daemon (Presence): it is always on duty, and nothing here costs.
4. A probe host's role of the database (monitor/ledger/rights.py) is never on duty: it says what it
   sees from its place, and leaves the rest to others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from monitor.clock import Clock, KeptClock, SystemClock
from monitor.config import Configuration
from monitor.incidents.house_troubles import forget_places, miss_hosts
from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.hosts import NameTaken
from monitor.ledger.leases import LeaseLost
from monitor.ledger.of_site import of_site
from monitor.ledger.own_thread import LedgerThread
from monitor.ledger.repeating import once_more_if_cut
from monitor.ledger.server_address import ServerAddress
from monitor.scheduling.channel_leases import ChannelLeases
from monitor.scheduling.claims import Alone, Claims

log = logging.getLogger("reveille")
DUTY = "@duty"
"""the job of the host on duty; no check can be called so"""
# Of whom nothing was heard for so long, that host is missed.
SILENT = timedelta(seconds=30)
# Who was heard in the last two turns is there; who is not leaves its share to the others.
_THERE = timedelta(seconds=10)
# Three turns: a pause of the ledger's server is none of this host's, but nobody was heard in it.
_GAP_SECONDS = 12.0
_LEAVES_WITHIN_SECONDS = 1.0


def clock_for(configuration: Configuration) -> Clock:
    """The host's own, or that of a ledger which several share."""
    shared = isinstance(configuration.ledger_place, ServerAddress)
    return KeptClock() if shared else SystemClock()


class Sharing:
    """One host's part in a ledger."""

    def __init__(self, ledger: LedgerThread, configuration: Configuration, clock: Clock) -> None:
        """Raises LedgerFault; NameTaken where another host is called so."""
        self._ledger, self._clock, self._probe = ledger, clock, configuration.probe
        self._life = ""
        # By the stopwatch: when the ledger last heard of this host, and since when without a gap.
        self._said_at = self._here_since = float("-inf")
        self.claims = Alone()
        if isinstance(configuration.ledger_place, ServerAddress):
            self._life = _life_of(configuration.state)
            holder = f"{self._probe.name}:{os.getpid()}:{secrets.token_hex(4)}"
            self.claims = Claims(ledger, holder)
            self.claims.only_looks = ledger.at_once(self._only_looks)
            ledger.at_once(self._say_here)

    def take(self, configuration: Configuration) -> None:
        """What this host says of itself, as it is written now."""
        self._probe = configuration.probe

    @property
    def on_duty(self) -> bool:
        """Whether this host is, as far as it knows."""
        return self.claims.holds(DUTY)

    @property
    def channels(self) -> ChannelLeases:
        """The channels of lines that this host holds against the others."""
        return ChannelLeases(self._ledger, self.claims)

    def unheard_seconds(self) -> float:
        """For how long the ledger has not heard this host, by the stopwatch."""
        return self._clock.monotonic() - self._said_at

    async def miss_others(self, sites: Sequence[Configuration], now: datetime) -> None:
        """Tell of hosts that are silent, where it is this host's duty: once, to the people of the
        first site. After an outage of the
        ledger, or a freeze of this host, the others have first to get a word in.
        """
        here = self._clock.monotonic() - self._here_since
        if self.claims.shared and here >= SILENT.total_seconds():

            def watched(ledger: Ledger) -> None:
                miss_hosts(of_site(ledger, sites[0].site.scope), sites[0], now, SILENT)
                for one in sites:
                    forget_places(of_site(ledger, one.site.scope), one, now)

            await self.do_duty(watched)

    async def turn(self) -> None:
        """Say that this host is there, and hold on to what is its own; asked every few seconds."""
        if not self.claims.shared:
            return
        try:
            await self._ledger.do(self._say_here)
        except NameTaken as taken:
            log.error("action=name_taken %s", taken)
        await self.claims.renew()

    async def do_duty(self, work: Callable[[Ledger], None]) -> None:
        """Have something done by the host on duty, in one transaction that nobody else gets in
        between of.
        """
        if not self.claims.shared:
            await self._ledger.do(work)
            return
        if self.claims.only_looks:
            return
        try:
            await self._ledger.do(partial(once_more_if_cut, partial(self._done, work)))
        except LeaseLost as late:
            log.warning("action=duty_lost %s", late)
            self.claims.settled([DUTY])

    async def leave(self) -> None:
        """This host stops: others need not wait for its leases, and nobody misses it."""
        if not self.claims.shared:
            return
        name, life = self._probe.name, self._life
        self.claims.let_go_all()
        with suppress(LedgerFault, TimeoutError):  # a ledger that is away finds out by itself
            left = self._ledger.do(lambda ledger: ledger.host_leaves(name, life))
            await asyncio.wait_for(left, _LEAVES_WITHIN_SECONDS)

    def _only_looks(self, ledger: Ledger) -> bool:
        if ledger.probe_host not in ("", self._probe.name):
            raise LedgerFault(
                f"the role that {ledger.where} is opened with is that of the host"
                f" {ledger.probe_host}, and this one is {self._probe.name}: give it that name,"
                " [probe] name, or a role of its own",
                "not-writable",
            )
        return bool(ledger.probe_host)

    def _say_here(self, ledger: Ledger) -> None:
        probe = self._probe
        ledger.hear_host(probe.name, probe.location, self._life, SILENT, probe.tags, probe.sites)
        now = self._clock.monotonic()
        if now - self._said_at > _GAP_SECONDS:
            self._here_since = now
        self._said_at = now
        there = (one for one in ledger.hosts() if not one.left and one.silent < _THERE)
        # One that only looks from its place takes no share of what any host may look at.
        self.claims.hosts = tuple(one.serving for one in there if not one.only_looks)
        if isinstance(self._clock, KeptClock):
            self._clock.take(ledger.now)

    def _done(self, work: Callable[[Ledger], None], ledger: Ledger) -> None:
        if not self.claims.holds(DUTY) and not self.claims.take(ledger, [DUTY], True):
            return
        # Asked every second, and mostly nothing is due: the writer is not taken for that.
        lease = self.claims.lease(DUTY)
        if lease is not None and ledger.would_change(work):
            with ledger.under(lease):
                work(ledger)


def _life_of(state: Path) -> str:
    """What tells two hosts of one name apart: drawn once for each state folder."""
    file = state / "host-life"
    with suppress(FileExistsError), file.open("x", encoding="ascii") as made:
        made.write(secrets.token_hex(8))
    return file.read_text(encoding="ascii").strip()
