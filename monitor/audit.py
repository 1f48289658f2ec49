"""The morning round: its checks one after the other, then one report of yesterday, mailed through the outbox.

Rule 1: one report per local date, exactly: its slot is claimed before, its letters are unique, and what a crash cut off
is begun again. Rule 2: each part has its own time limit, and its failure stops no other. Rule 3: a part is an ordinary
look: a failed backup becomes a ticket by the same road as a dead trunk; the report only tells of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from statistics import median

from monitor import casebook
from monitor.clock import Clock
from monitor.config import Configuration
from monitor.core.incident import Incident
from monitor.core.timetable import Daily, Slot, newest_owed, next_after
from monitor.core.verdict import State
from monitor.core.wall import instant
from monitor.ledger import AttemptRow, Ledger, OutboxMessage
from monitor.rounds import Due, Rounds
from monitor.tickets import named, state_of
from reports.audit import Audit, Looks, Part, Trouble

log = logging.getLogger(__name__)

JOB = "@audit"
KIND = "audit"
_MOST_LOOKS = 200_000


class AuditRound:
    """The audit of one site."""

    def __init__(self, ledger: Ledger, rounds: Rounds, clock: Clock) -> None:
        self._ledger, self._rounds, self._clock = ledger, rounds, clock
        self._running = False
        self._left_over = [slot for slot in ledger.unfinished_slots() if slot.job == JOB]

    def owed(self, now: datetime) -> Slot | None:
        """The audit that is owed now; the first ever is that of the next morning."""
        audit = self._configuration.audit
        if audit is None or self._running:
            return None
        if self._left_over:
            return Slot(self._left_over[0].slot_key, self._left_over[0].slot_at)
        newest = self._ledger.newest_slot(JOB)
        if newest is None:
            with self._ledger.transaction() as t:
                t.claim(JOB, "first-sight", now, now)
                t.finish(JOB, "first-sight", now)
            return None
        return newest_owed(self._timetable(), now, newest.slot_at, audit.grace, newest.slot_key)

    def next_moment(self, now: datetime) -> datetime | None:
        """When it is owed next."""
        return next_after(self._timetable(), now) if self._configuration.audit else None

    async def run(self, slot: Slot) -> Audit | None:
        """Run the parts, make the report and order its mails. None if somebody else has claimed it."""
        if not self._claim(slot):
            return None
        self._running = True
        try:
            await self.parts()
            now = self._clock.now()
            return self._keep(slot, now)
        finally:
            self._running = False

    async def parts(self, heard: Callable[[str], None] | None = None) -> None:
        """Look at every part, one after the other."""
        audit = self._configuration.audit
        for name in audit.checks if audit else ():
            if heard:
                heard(name)
            try:
                await self._rounds.look(Due(self._configuration.checks[name], "scheduled"))
            except Exception:  # rule 2: a part that breaks in our own hands stops no other
                log.exception("action=audit_part_broke check=%s", name)

    def report(self, day: date, now: datetime, late_seconds: float = 0.0) -> Audit:
        """The report of a local day, as far as the ledger knows it."""
        site = self._configuration.site
        start, end = (instant(datetime.combine(d, time()), site.zone) for d in (day, day + timedelta(days=1)))
        kept = [row.body for row in self._ledger.history(None) if row.kind == KIND]
        before = [body for body in kept if body["day"] < day.isoformat()]
        return Audit(
            site=site.name,
            timezone=site.timezone,
            day=day,
            made_at=now,
            number=len(before) + 1,
            previous=date.fromisoformat(before[-1]["day"]) if before else None,
            late_seconds=late_seconds,
            open=tuple(_trouble(casebook.incident_of(row)) for row in self._ledger.open_incidents()),
            past=tuple(self._past(start, end)),
            looks=tuple(self._looks(start, end)),
            parts=tuple(self._parts(now)),
        )

    def kept(self, day: date) -> Audit | None:
        """The report that was made of a day."""
        rows = [row for row in self._ledger.history(None) if row.kind == KIND and row.body["day"] == day.isoformat()]
        return Audit.from_dict(rows[-1].body) if rows else None

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _configuration(self) -> Configuration:
        return self._rounds.configuration

    def _timetable(self) -> Daily:
        audit = self._configuration.audit
        if audit is None:
            raise LookupError("no audit is configured")
        return Daily((audit.at,), self._configuration.site.timezone)

    def _claim(self, slot: Slot) -> bool:
        if self._left_over:
            self._left_over.pop(0)
            return True
        with self._ledger.transaction() as t:
            return t.claim(JOB, slot.key, slot.at, self._clock.now())

    def _keep(self, slot: Slot, now: datetime) -> Audit:
        """Report, letters and the end of the slot: together or not at all."""
        day = slot.at.astimezone(self._configuration.site.zone).date() - timedelta(days=1)
        late = max(0.0, (self._clock.now() - slot.at).total_seconds())
        audit = self.report(day, now, late)
        body = audit.to_dict()
        with self._ledger.transaction() as t:
            t.happened(None, now, KIND, body)
            for desk, recipient in self._recipients():
                t.enqueue(OutboxMessage(None, KIND, day.toordinal(), desk, recipient, {"report": body}, now))
            t.finish(JOB, slot.key, now, late)
        log.info("action=audited day=%s tone=%s", day, audit.tone)
        return audit

    def _recipients(self) -> Iterator[tuple[str, str]]:
        configuration = self._configuration
        mails = [name for name, settings in configuration.desks.items() if settings.KIND == "mail"]
        for recipient in configuration.audit.to if configuration.audit else ():
            for desk in mails[:1]:
                yield desk, recipient

    def _past(self, start: datetime, end: datetime) -> Iterator[Trouble]:
        for row in self._ledger.incidents(limit=1000):
            incident = casebook.incident_of(row)
            closed = incident.closed_at is not None and start <= incident.closed_at < end
            if closed or start <= incident.opened_at < end:
                yield _trouble(incident)

    def _looks(self, start: datetime, end: datetime) -> Iterator[Looks]:
        for name, entry in self._configuration.checks.items():
            rows = self._ledger.attempts(name, limit=_MOST_LOOKS, since=start)
            seen = [row for row in rows if row.started_at < end]
            if seen:
                yield _looks_of(name, entry.probe.KIND, seen)

    def _parts(self, now: datetime) -> Iterator[Part]:
        audit = self._configuration.audit
        for name in audit.checks if audit else ():
            newest = next(iter(self._ledger.attempts(name, limit=1)), None)
            kind = self._configuration.checks[name].probe.KIND
            if newest is None or (now - newest.started_at) > timedelta(hours=24):
                yield Part(name, kind, str(State.UNKNOWN), 0.0, "it did not run")
                continue
            seen, verdict = newest.observation, newest.verdict
            text = "; ".join(verdict.reasons) or "; ".join(seen.notes)
            yield Part(name, kind, str(verdict.state), seen.seconds, text, dict(seen.measures))


def _looks_of(name: str, kind: str, rows: list[AttemptRow]) -> Looks:
    states = [row.verdict.state for row in rows]
    lengths = [row.observation.seconds for row in rows]
    return Looks(
        check=name,
        kind=kind,
        ok=states.count(State.OK),
        degraded=states.count(State.DEGRADED),
        failed=states.count(State.FAILED),
        unknown=states.count(State.UNKNOWN),
        median_seconds=median(lengths),
        longest_seconds=max(lengths),
    )


def _trouble(incident: Incident) -> Trouble:
    return Trouble(
        number=named(incident.number),
        severity=incident.severity.id,
        title=incident.title,
        state=state_of(incident),
        owner=incident.owner_title,
        opened_at=incident.opened_at,
        closed_at=incident.closed_at,
        summary=incident.evidence.reasons[0] if incident.evidence.reasons else "",
    )
