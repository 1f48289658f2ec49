"""What stands in a morning report, gathered from the ledger, from the evidence of its parts and
from the backups' own manifests. Nothing here decides or sends.

Rule: whatever cannot be read leaves its place empty and a line in the log; the report is made all
the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from checks.body import Unreadable
from monitor.audit import checklist_lines, releases
from monitor.audit.backup_states import backup_states
from monitor.audit.day_history import daily_trends, looks_and_trends
from monitor.audit.releases import Inventory
from monitor.audit.report_parts import part, topic, trouble, usage_of
from monitor.config import Configuration
from monitor.core.incident import Incident
from monitor.core.local_time import instant
from monitor.core.verdict import State
from monitor.incidents import checklist_answers, store
from monitor.incidents.analyses import Analyses
from monitor.incidents.correlation import AttemptResult
from monitor.incidents.maintenances import between
from monitor.incidents.ticket_view import ticket_name
from monitor.ledger import HistoryRow, Ledger, LedgerAccess
from monitor.ledger.bodies import REPORT
from reports.changes import changes
from reports.morning_report import Audit, Looks, Part, Undelivered

log = logging.getLogger(__name__)

# The kind under which the history keeps reports, and the outbox their letters.
KIND = "audit"
# A part that was looked at within the last day counts for the report, also when the round itself
# was cut short.
_FRESH = timedelta(hours=24)
# A month of reports is what the charts of the days show, and what a change is compared with.
_REMEMBERED = 31
_MOST_INCIDENTS, _MOST_MISSING = 1000, 31


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report is to be made: of a local day, and how it came to it."""

    day: date
    late_seconds: float = 0.0
    made_up: bool = False
    by_hand: bool = False
    glances: tuple[AttemptResult, ...] = ()
    """what was looked at for it alone"""


class Reporting:
    """The reports of one site."""

    def __init__(self, ledger: LedgerAccess, configuration: Configuration) -> None:
        self._ledger, self._configuration = ledger, configuration

    async def make(self, asked: Asked, now: datetime, inventory: Inventory) -> Audit:
        """The report of a local day, as far as the ledger knows it, of a host with this on it."""
        configuration, site = self._configuration, self._configuration.site
        # Two midnights by the zone, and not 24 hours: the day on which clocks change has 23 or 25.
        start, end = (
            instant(datetime.combine(asked.day + timedelta(days=after), time()), site.zone)
            for after in (0, 1)
        )
        looks, trends = await looks_and_trends(self._ledger, configuration, start, end)

        def gathered(ledger: Ledger) -> tuple[Audit, list[Audit]]:
            gathering = _Gathering(ledger, configuration)
            before = gathering.last(_REMEMBERED)
            span = (start, end)
            return gathering.made(asked, now, before, span, looks, inventory), before

        made, before = await self._ledger.read(gathered)
        made = replace(made, backups=await backup_states(configuration, made.parts))
        made = replace(made, trends=(*trends, *daily_trends(made, before)))
        return replace(made, changes=changes(before[0], made) if before else ())

    async def last(self, limit: int) -> list[Audit]:
        """The reports that were made last, the newest first, without those that cannot be read."""
        return await self._ledger.read(
            lambda ledger: _Gathering(ledger, self._configuration).last(limit)
        )


class _Gathering:
    """One report, out of one connection."""

    def __init__(self, ledger: Ledger, configuration: Configuration) -> None:
        self._ledger, self._configuration = ledger, configuration

    def made(
        self,
        asked: Asked,
        now: datetime,
        before: list[Audit],
        span: tuple[datetime, datetime],
        looks: Iterable[Looks],
        inventory: Inventory,
    ) -> Audit:
        """The report as far as the ledger knows it; `span` is its day."""
        site, day = self._configuration.site, asked.day
        tickets = self._tickets(*span)
        parts, usage = self._parts(asked, now)
        # Of a day long past nobody knows what was another then.
        before_now = None if asked.made_up else releases.known(self._ledger, now)
        return Audit(
            site=site.name,
            timezone=site.timezone,
            day=day,
            made_at=now,
            number=self._next_number(before),
            previous=before[0].day if before else None,
            late_seconds=asked.late_seconds,
            made_up=asked.made_up,
            by_hand=asked.by_hand,
            replaces=next((report.number for report in before if report.day == day), None),
            open=tuple(trouble(self._configuration, incident) for incident in self._open()),
            past=tuple(trouble(self._configuration, incident) for incident in tickets),
            looks=tuple(
                replace(line, tickets=self._tickets_of(line.check, tickets)) for line in looks
            ),
            parts=parts,
            usage=usage,
            undelivered=self._undelivered(before),
            missing=_missing(day, before),
            checklist=checklist_lines.lines(
                self._ledger,
                self._configuration,
                {part.check: part.state for part in parts},
                compared=before_now is not None,
                now=now,
            ),
            answers=checklist_answers.answers(self._ledger),
            releases=releases.changed(before_now[1], inventory) if before_now else (),
            compared_with=before_now[0] if before_now else None,
            planned=tuple(checklist_lines.planned(self._configuration, now)),
            rca=tuple(Analyses(self._ledger, self._configuration, now).owed()),
            maintenance=tuple(between(self._ledger, *span, now)),
        )

    def last(self, limit: int) -> list[Audit]:
        """The reports that were made last, the newest first, without those that cannot be read."""
        return list(_readable(self._ledger.newest(KIND, limit)))

    def _next_number(self, before: list[Audit]) -> int:
        """One more than the last; reports that cannot be read have had numbers too."""
        rows = self._ledger.newest(KIND, _REMEMBERED)
        passed = next((ago for ago, row in enumerate(rows) if any(_readable([row]))), len(rows))
        return (before[0].number if before else 0) + passed + 1

    def _open(self) -> list[Incident]:
        found = store.incidents_of(self._ledger.open_incidents())
        return sorted(found, key=lambda one: (one.severity.rank, one.opened_at))

    def _tickets(self, start: datetime, end: datetime) -> list[Incident]:
        """Those that were opened, or closed, on the day."""
        found = store.incidents_of(self._ledger.incidents(limit=_MOST_INCIDENTS))
        return [
            one
            for one in found
            if any(at and start <= at < end for at in (one.opened_at, one.closed_at))
        ]

    def _tickets_of(self, check: str, incidents: Iterable[Incident]) -> tuple[str, ...]:
        return tuple(
            ticket_name(self._configuration, one.number)
            for one in incidents
            if check in (one.evidence.check, *one.causes, *one.attached)
        )

    def _parts(
        self, asked: Asked, now: datetime
    ) -> tuple[tuple[Part, ...], tuple[Mapping[str, Any], ...]]:
        audit = self._configuration.audit
        names = audit.checks if audit else ()
        glances = {seen.name: seen for seen in asked.glances}
        tickets = {
            name: ticket_name(self._configuration, one.number)
            for one in reversed(self._open())
            for name in (*one.causes, *one.attached)
        }
        parts, usage = [], []
        for name in names:
            # What is made up for tells of a day long past: the newest look of a part was at another
            # one.
            seen = glances.get(name) or (None if asked.made_up else self._newest(name, now))
            probe = self._configuration.checks[name].probe
            if seen is None:
                parts.append(
                    Part(name, probe.KIND, str(State.UNKNOWN), 0.0, ran=False, topic=topic(probe))
                )
                continue
            told = usage_of(name, seen.observation) if probe.COUNTS_USAGE else None
            # Call records that lag behind give another day than the one that is reported: better
            # none than a wrong one.
            if told and told["date"] == asked.day.isoformat():
                usage.append(told)
            parts.append(part(name, probe, seen.observation, seen.verdict, tickets.get(name, "")))
        return tuple(parts), tuple(usage)

    def _newest(self, name: str, now: datetime) -> AttemptResult | None:
        row = next(iter(self._ledger.attempts(name, limit=1)), None)
        if row is None or abs(now - row.started_at) > _FRESH:
            return None
        entry = self._configuration.checks[name]
        return AttemptResult(entry, row.purpose, row.started_at, row.observation, row.verdict)

    def _undelivered(self, before: list[Audit]) -> tuple[Undelivered, ...]:
        """Reports that still wait, and those that failed and of which no report has told yet."""
        told = {
            (one.number, one.recipient)
            for report in before
            for one in report.undelivered
            if one.state == "failed"
        }
        # What a person has dismissed is known to him.
        failed = [row for row in self._ledger.undelivered_letters() if row.state == "failed"]
        letters = [*failed, *self._ledger.outbox("queued")]
        days = {report.number: report.day for report in before}
        return tuple(
            Undelivered(
                row.sequence,
                days[row.sequence],
                row.recipient,
                row.state,
                # A desk may answer with a whole page; the report names the reason, the ledger has
                # the rest.
                (row.last_error or "")[:200],
            )
            for row in letters
            if row.kind == KIND
            and row.sequence in days
            and (row.sequence, row.recipient) not in told
        )


def kept_report(row: HistoryRow) -> Audit:
    """The report that a row of the history holds. Raises Unreadable."""
    return REPORT.read(row.body, f"{row.at:%Y-%m-%d}")


def _readable(rows: Iterable[HistoryRow]) -> Iterator[Audit]:
    for row in rows:
        try:
            yield kept_report(row)
        # An older release's report that nobody can read any more must not keep today's from being
        # made.
        except Unreadable as why:
            log.error("action=report_not_read %s", why)


def _missing(day: date, before: Iterable[Audit]) -> tuple[date, ...]:
    """The days before it, back to the last that has one, of which there is no report."""
    made = {report.day for report in before}
    earlier = [other for other in made if other < day]
    if not earlier:
        return ()
    gap = (day - max(earlier)).days
    return tuple(day - timedelta(days=back) for back in range(min(gap - 1, _MOST_MISSING), 0, -1))
