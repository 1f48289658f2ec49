"""This host while it cannot reach the ledger that it shares: it goes on looking at what it had,
keeps what it saw, tells its own operators once, and hands everything in when the ledger is back.

Rules:
1. Out of reach is a ledger that has not heard this host for as long as a lease lasts: by then the
   others take over what it had.
2. One letter for an outage, however long; headquarters' ticket of the silent host says that it was
   sent, and is what goes on from there.
3. What was seen is handed in oldest first, and judged as of its time (monitor/incidents/
   late_looks.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial

from monitor.core.timetable import Slot
from monitor.delivery.last_resort import Alarm
from monitor.incidents.attempt_result import AttemptResult
from monitor.incidents.house_troubles import say_told_at_home
from monitor.incidents.late_looks import LateLooks
from monitor.incidents.place_words import word_name
from monitor.ledger import Ledger, LedgerAccess, LedgerFault
from monitor.scheduling.claims import LEASE
from monitor.scheduling.due import Due
from monitor.scheduling.late_look import late_look, result_of
from monitor.scheduling.look_journal import LateLook, LookJournal
from monitor.scheduling.on_its_own import OnItsOwn, OwnLook
from monitor.scheduling.place_looks import Place
from monitor.scheduling.rounds import Rounds
from monitor.service.sharing import Sharing
from monitor.service.singly import Singly
from monitor.service.work import Work

log = logging.getLogger("reveille")
# As the faults of a ledger say it (monitor/ledger/postgresql_errors.py, ledger_care.py).
_OUT_OF_REACH = frozenset({"unreachable", "stuck"})
# A host that froze finds itself unheard as it goes on, and is heard in the same second.
_SURE_SECONDS = 3.0
_HANDED_IN_AT_ONCE = 50
# A desk that did not take the letter is tried again after so long.
_AGAIN_SECONDS = 60.0


class Autonomy:
    """One host's outages."""

    def __init__(
        self,
        sharing: Sharing,
        rounds: Rounds,
        ledger: LedgerAccess,
        work: Work,
    ) -> None:
        self._sharing, self._rounds, self._ledger = sharing, rounds, ledger
        self._clock, self._work = work.clock, work
        self.ask = Singly(work.start, self.turn).ask
        # By themselves: a ledger, or a mail server, that does not answer must not keep this host
        # from looking.
        self.handing_in = Singly(work.start, self._hand_in)
        self._telling = Singly(work.start, self._tell)
        site = rounds.configuration.site
        self._journal = LookJournal(rounds.configuration.state, of=site.scope)
        self._unheard_since: float | None = None
        self._own: OnItsOwn | None = None
        self.looking: set[str] = set()
        """the checks that are looked at past the ledger"""
        self._told_at: datetime | None = None
        self._tells_at = 0.0
        if sharing.claims.shared:
            rounds.keep_late = self._keep
            work.told_elsewhere = _OUT_OF_REACH.__contains__

    async def turn(self) -> None:
        """What is to be done by now; asked every second."""
        if not self._sharing.claims.shared:
            return
        if self._is_cut_off():
            await self._go_on()
        elif self._journal.there() or self._own is not None:
            self.handing_in.ask()

    def _is_cut_off(self) -> bool:
        now = self._clock.monotonic()
        unheard = self._sharing.unheard_seconds() > LEASE.total_seconds()
        if not unheard:
            self._unheard_since = None
        elif self._unheard_since is None:
            self._unheard_since = now
        sure = self._unheard_since is not None and now - self._unheard_since >= _SURE_SECONDS
        self._sharing.claims.cut_off = sure
        return sure

    async def _go_on(self) -> None:
        now, configuration = self._clock.now(), self._rounds.configuration
        if self._own is None:
            self._own, self._told_at = OnItsOwn(configuration, now), None
            self._tells_at = (
                self._clock.monotonic()
                - self._sharing.unheard_seconds()
                + configuration.probe.alarm_after
            )
            log.error("action=on_its_own out of reach: %s", configuration.ledger_place)
        own = self._own
        had = (
            one
            for one in self._rounds.had_last()
            if one.name not in self.looking
            and own.may(one)
            and self._rounds.attempts.knows(
                word_name(one.name, configuration.probe.name) if one.places else one.name
            )
        )
        for look in own.owed(had, self._rounds.newest_begun(), now):
            self.looking.add(look.entry.name)
            self._work.start(self._look(own, look))
        if self._told_at is None and self._clock.monotonic() >= self._tells_at:
            self._tells_at = self._clock.monotonic() + _AGAIN_SECONDS
            self._telling.ask()

    async def _look(self, own: OnItsOwn, look: OwnLook) -> None:
        entry, here = look.entry, self._rounds.configuration.probe.name
        try:
            at = look.slot.at if look.slot else self._clock.now()
            place = Place(here, at) if entry.places else None
            due = Due(entry, look.purpose, look.slot, place)
            seen = await self._rounds.attempts.made(entry, look.purpose, due, asking=False)
            reason = next(iter(seen.verdict.reasons), "")
            own.seen(look, seen.verdict.state, reason, self._clock.now())
            if look.slot and entry.every:
                self._rounds.begun(entry.name, look.slot.at)
            await self._keep(seen, here if place else "", look.slot if entry.at else None)
        finally:
            self.looking.discard(entry.name)

    async def _keep(self, seen: AttemptResult, place: str, slot: Slot | None) -> None:
        if not await asyncio.to_thread(self._journal.keep, late_look(seen, place, slot)):
            log.error("action=late_look_not_kept check=%s the journal is full", seen.name)

    async def _tell(self) -> None:
        # Asked for again while it was under way: one letter for an outage.
        if (own := self._own) is None or self._told_at is not None:
            return
        now, configuration, failing = self._clock.now(), self._rounds.configuration, own.failing()
        said = (
            f"host {configuration.probe.name} has not reached the ledger"
            f" {configuration.ledger_place} since {own.since:%H:%M} UTC. It goes on looking by"
            f" itself ({own.looks} looks so far), and hands in what it saw when the ledger is"
            " back; the ticket for this host is the others' to open"
        )
        if failing:
            said = f"{said}. By its own looks these fail now: {'; '.join(failing[:10])}"
        if await Alarm().raise_([configuration], said, now, "unreachable"):
            # It may be over by now: then the letter was that outage's.
            self._told_at = now if self._own is own else self._told_at

    async def _hand_in(self) -> None:
        handed = 0
        while await asyncio.to_thread(self._journal.there):
            looks, taken = await asyncio.to_thread(self._journal.first, _HANDED_IN_AT_ONCE)
            await self._ledger.do(partial(self._settled, looks))
            await asyncio.to_thread(self._journal.delivered, taken)
            handed += len(looks)
        if (own := self._own) is not None or handed:
            log.warning("action=handed_in looks=%d", handed)
        if own is not None:
            told, now, configuration = self._told_at, self._clock.now(), self._rounds.configuration
            if told is not None:
                await self._ledger.do(
                    lambda one: say_told_at_home(one, configuration, now, own.since, told)
                )
            self._own = self._told_at = None

    def _settled(self, looks: Sequence[LateLook], ledger: Ledger) -> None:
        now, configuration = self._clock.now(), self._rounds.configuration
        for kept in looks:
            # Each by itself: one that cannot be settled keeps no other from it.
            try:
                with ledger.transaction() as t:
                    self._settle(LateLooks(ledger, t, configuration, now), kept)
            except LedgerFault:
                raise
            except Exception:
                log.exception("action=late_look_put_aside check=%s", kept.check)
                self._journal.put_aside(asdict(kept))

    def _settle(self, late: LateLooks, kept: LateLook) -> None:
        entry = self._rounds.configuration.checks.get(kept.check)
        seen, slot = result_of(kept, entry)
        if seen is None:
            log.warning("action=late_look_of_no_check check=%s", kept.check)
            self._journal.put_aside(asdict(kept))
        else:
            late.settle(seen, kept.place, slot)
