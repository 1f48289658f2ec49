"""The morning round: its checks one after the other, then one report of yesterday, mailed through
the outbox.

Rule 1: one report per local date, exactly: its slot is claimed before, its letters are unique, and
what a crash cut off is begun again. Rule 2: each part has its own time limit, and its failure stops
no other. Rule 3: a part is an ordinary look: a failed backup becomes a ticket by the same road as a
dead trunk; the report only tells of it. Rule 4: days that were missed are made up for, the oldest
first: today's whole, if its grace is not over; of the others there is a report of what was known,
and of what call records say. Rule 5: what was claimed on a clock that ran ahead counts no more once
that clock has gone back by more than a day.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from monitor.audit import releases
from monitor.audit.claimed import JOB, ClaimedAudits
from monitor.audit.gathering import KIND, Asked, Reporting
from monitor.clock import Clock
from monitor.config import CheckEntry, Configuration
from monitor.core.local_time import instant
from monitor.core.timetable import Daily, Slot, next_after
from monitor.incidents import store
from monitor.incidents.correlation import AttemptResult
from monitor.ledger import Ledger, LedgerAccess, OutboxMessage
from monitor.ledger.bodies import report_body
from monitor.ledger.leases import LeaseLost
from monitor.scheduling.rounds import Due, Rounds
from reports.morning_report import Audit

log = logging.getLogger(__name__)

FIRST = "first-sight"
# After a week away somebody looks at call records himself; a mailbox full of old reports helps
# nobody.
MADE_UP_DAYS = 7
# A clock that was a whole day ahead has claimed mornings that are still to come.
_AHEAD = timedelta(hours=24)
# A full disk or a bug is still there a second later, and a round is heavy.
_AFTER_A_BREAK = timedelta(seconds=60)
# A part that took longer is not looked at again for the report; its confirmation comes later.
_CONFIRM_WITHIN_SECONDS = 600.0


class UnderWay(Exception):
    """An audit is being made; its text says so."""


class AuditRound:
    """The audit of one site."""

    def __init__(self, ledger: LedgerAccess, rounds: Rounds, clock: Clock) -> None:
        self._ledger, self._rounds, self._clock = ledger, rounds, clock
        self._running = False
        self._rest_until: datetime | None = None
        job = rounds.configuration.site.scoped(JOB)
        self._claimed = ClaimedAudits(ledger, rounds.claims, clock, job)

    async def owed(self, now: datetime) -> Slot | None:
        """The audit that is owed now; the first ever is that of the next morning."""
        if (
            self._configuration.audit is None
            or self._running
            or (self._rest_until and now < self._rest_until)
        ):
            return None
        owed = await self._ledger.do(lambda ledger: self._owed(ledger, now))
        # One by hand may have begun meanwhile.
        return None if self._running else owed

    def _owed(self, ledger: Ledger, now: datetime) -> Slot | None:
        if self._claimed.elsewhere(ledger):
            return None
        self._take_back_what_lies_ahead(ledger, now)
        first = ledger.slot(self._claimed.job, FIRST)
        if first is None:
            # Seen for the first time: mornings before the audit was configured are not owed.
            with ledger.transaction() as t:
                t.claim(self._claimed.job, FIRST, now, now)
                t.finish(self._claimed.job, FIRST, now)
            return None
        earliest = now - timedelta(days=MADE_UP_DAYS + 2)
        claimed = {
            # The date alone: a claim from before the time of day was changed stands for its morning
            # all the same.
            slot.slot_key[:10]
            for slot in ledger.slots(self._claimed.job, earliest)
        } - self._claimed.left_over
        owed = (s for s in self._slots(now) if first.slot_at < s.at <= now and s.key not in claimed)
        return next(owed, None)

    async def next_moment(self, now: datetime) -> datetime | None:
        """When it is owed next."""
        if self._configuration.audit is None:
            return None
        if await self.owed(now):
            return now
        following = next_after(self._timetable(), now)
        return (
            min(following, self._rest_until)
            if self._rest_until and self._rest_until > now
            else following
        )

    async def run(self, slot: Slot) -> Audit | None:
        """Run the parts, make the report, order its mails. None if somebody else has claimed it."""
        if self._running:
            return None
        self._running = True
        try:
            return await self._claimed_and_made(slot)
        finally:
            self._running = False

    async def _claimed_and_made(self, slot: Slot) -> Audit | None:
        if not await self._claimed.claim(slot):
            return None
        try:
            return await self._made(slot)
        except LeaseLost as late:
            log.warning("action=audit_refused slot=%s %s", slot.key, late)
            return None
        # Cut off by a stop or a bug: the claim stays, and the next round begins it again.
        except BaseException:
            self._claimed.left_over.add(slot.key)
            self._rest_until = self._clock.now() + _AFTER_A_BREAK
            raise
        finally:
            self._claimed.let_go()

    async def by_hand(
        self, heard: Callable[[str], None] | None = None, send: bool = False
    ) -> Audit:
        """Look at every part now and make the report of yesterday; `send` keeps and mails it.
        Raises UnderWay.
        """
        if self._running:
            raise UnderWay("an audit is under way; `reveille report show` has it when it is done")
        if not await self._claimed.hold():
            raise UnderWay("an audit is under way on another host")
        # That of the morning waits meanwhile, and one that was sent by hand stands for it.
        self._running = True
        try:
            return await self._by_hand(heard, send)
        finally:
            self._running = False
            self._claimed.let_go()

    async def _by_hand(self, heard: Callable[[str], None] | None, send: bool) -> Audit:
        await self.parts(heard)
        now = self._clock.now()
        today = now.astimezone(self._configuration.site.zone).date()
        asked = Asked(today - timedelta(days=1), by_hand=True)
        inventory = await releases.taken(self._configuration)
        report = await Reporting(self._ledger, self._configuration).make(asked, now, inventory)
        if send:
            owed = next(slot for slot in self._slots(now) if slot.key == today.isoformat())
            await self._keep(report, owed, inventory)
        return report

    async def parts(self, heard: Callable[[str], None] | None = None) -> None:
        """Look at every part, one after the other; then once more at those whose failure wants to
        be confirmed.
        """
        audit = self._configuration.audit
        names = audit.checks if audit else ()
        seen = {name: await self._look(name, heard) for name in names}
        for name, look in seen.items():
            if (
                look
                and look.observation.seconds < _CONFIRM_WITHIN_SECONDS
                and await self._wants_confirmation(name)
            ):
                await self._look(name, heard, confirm=True)

    @property
    def _configuration(self) -> Configuration:
        return self._rounds.configuration

    def _timetable(self) -> Daily:
        audit = self._configuration.audit
        if audit is None:
            raise LookupError("no audit is configured")
        return Daily((audit.at,), self._configuration.site.timezone)

    def _slots(self, now: datetime) -> Iterator[Slot]:
        """Those of the last days and of today, the oldest first. A date that the zone skipped has
        none.
        """
        audit, zone = self._configuration.audit, self._configuration.site.zone
        today = now.astimezone(zone).date()
        for back in range(MADE_UP_DAYS, -1, -1):
            of = today - timedelta(days=back)
            midnights = [
                instant(datetime.combine(of - timedelta(days=ago), time()), zone) for ago in (1, 0)
            ]
            # A zone may skip a whole date (Samoa, 30 December 2011): both midnights are then one
            # instant.
            if audit and midnights[0] < midnights[1]:
                yield Slot(of.isoformat(), instant(datetime.combine(of, audit.at), zone))

    def _take_back_what_lies_ahead(self, ledger: Ledger, now: datetime) -> None:
        # A day and more ahead: within a day it may be the ordinary claim of a morning in another
        # zone.
        for slot in ledger.slots(self._claimed.job, now + _AHEAD):
            with ledger.transaction() as t:
                t.unclaim(self._claimed.job, slot.slot_key)
                t.happened(None, now, "audit-taken-back", {"slot": slot.slot_key})
            self._claimed.left_over.discard(slot.slot_key)

    async def _made(self, slot: Slot) -> Audit:
        configuration = self._configuration
        began = self._clock.now()
        day = date.fromisoformat(slot.key) - timedelta(days=1)
        late = max(0.0, (began - slot.at).total_seconds())
        today = began.astimezone(configuration.site.zone).date().isoformat() == slot.key
        whole = today and configuration.audit is not None and late <= configuration.audit.grace
        glances: tuple[AttemptResult, ...] = ()
        if whole:
            await self.parts()
        else:
            glances = tuple([seen async for seen in self._glances(day)])
        asked = Asked(day, late, made_up=not whole, glances=glances)
        # What is told of and what is kept are one: what changed in between is told tomorrow.
        inventory = await releases.taken(configuration)
        reporting = Reporting(self._ledger, configuration)
        report = await reporting.make(asked, self._clock.now(), inventory)
        await self._keep(report, slot, inventory)
        return report

    async def _look(
        self, name: str, heard: Callable[[str], None] | None, confirm: bool = False
    ) -> AttemptResult | None:
        entry = self._configuration.checks.get(name)
        if entry is None or name in self._rounds.running:
            # gone with a new configuration; or somebody is at it, and its look is the part's
            return None
        if heard:
            heard(name)
        try:
            return await self._rounds.look(Due(entry, "confirm" if confirm else "scheduled"))
        except Exception:  # rule 2: a part that breaks in our own hands stops no other
            log.exception("action=audit_part_broke check=%s", name)
            return None

    async def _wants_confirmation(self, name: str) -> bool:
        condition = await self._ledger.do(lambda ledger: store.condition_of(ledger, name))
        return condition.next_look is not None and condition.purpose == "confirm"

    async def _glances(self, day: date) -> AsyncIterator[AttemptResult]:
        """Ask the checks that count usage about a day long past: call records still know of it."""
        for entry in self._dated(day):
            try:
                yield await self._rounds.glance(entry)
            except Exception:  # rule 2
                log.exception("action=audit_part_broke check=%s", entry.name)

    def _dated(self, day: date) -> Iterator[CheckEntry]:
        audit = self._configuration.audit
        for name in audit.checks if audit else ():
            entry = self._configuration.checks[name]
            if entry.probe.COUNTS_USAGE and "date" in type(entry.probe).model_fields:
                yield replace(entry, probe=entry.probe.model_copy(update={"date": day}))

    async def _keep(self, report: Audit, slot: Slot, inventory: releases.Inventory) -> None:
        """Report, letters and the end of the slot: together or not at all."""
        now, body = self._clock.now(), report_body(report)
        letters = [
            OutboxMessage(None, KIND, report.number, desk, recipient, {"report": body}, now)
            for desk, recipient in recipients(self._configuration)
        ]

        def kept(ledger: Ledger) -> None:
            with ledger.transaction() as t:
                self._claimed.settle(t)
                # One by hand stands for the one that is owed.
                t.claim(self._claimed.job, slot.key, slot.at, now)
                t.happened(None, now, KIND, body)
                releases.keep(ledger, t, inventory, now)
                for letter in letters:
                    t.enqueue(letter)
                t.finish(self._claimed.job, slot.key, now, report.late_seconds)

        await self._ledger.do(kept)
        self._claimed.settled()
        log.info("action=audited day=%s number=%d tone=%s", report.day, report.number, report.tone)


def recipients(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Who gets the report, each with the desk that takes it there."""
    for recipient in configuration.audit.to if configuration.audit else ():
        # Only the first desk that takes people: a report by two desks would come twice.
        for desk in configuration.desks_taking("people")[:1]:
            yield desk, recipient
