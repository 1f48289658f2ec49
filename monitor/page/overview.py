"""The first page: is anything wrong, what, whose, until when; and every check at a glance."""

from __future__ import annotations

from datetime import datetime, timedelta

from checks.body import Unreadable
from monitor.audit.gathering import KIND, kept_report
from monitor.clock import Clock
from monitor.config import CheckEntry, Configuration
from monitor.incidents import store
from monitor.incidents.ticket_view import view
from monitor.ledger import HistoryRow, Ledger
from monitor.page.course import Course
from monitor.page.ledger_reader import LedgerReader
from monitor.page.standings import drawn
from monitor.service.standing import standing
from reports.command_views import CheckLine, ReportLine
from reports.pages import CheckCard, Overview
from reports.render import render_audit
from reports.ticket import Ticket

DAYS = 7
# Beyond that nobody reads on; those that are not well are always among them.
MOST_CHECKS, _MOST_TICKETS = 150, 200
_ORDER = ("FAILED", "UNKNOWN", "DEGRADED", "-", "OK")


class Overviews:
    """Makes overviews of one site, and remembers what does not change."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration, self._course = configuration, Course()
        self._reports: dict[int, ReportLine] = {}
        self._drawn: tuple[CheckEntry, ...] = tuple(configuration.checks.values())[:MOST_CHECKS]

    async def watch(self, reader: LedgerReader, clock: Clock) -> None:
        """Keep the strips of the first page read, until it is cancelled."""
        await self._course.watch(reader, lambda: self._drawn, lambda: _span(clock.now()))

    def made(self, ledger: Ledger, now: datetime, everything: bool = False) -> Overview:
        """How all of it stands now; `everything`: with every check that is well."""
        status = standing(ledger, self._configuration, now, calls=False)
        rows = ledger.open_incidents()
        lines = sorted(status.checks, key=_place)
        bad = sum(1 for line in lines if line.state != "OK" or line.overdue)
        shown = lines if everything else lines[: max(MOST_CHECKS, bad)]
        self._drawn = tuple(self._configuration.checks[line.name] for line in shown[:MOST_CHECKS])
        self._course.keep_up(ledger, self._drawn, *_span(now))
        return Overview(
            status=status,
            tickets=self._tickets(ledger, now),
            checks=tuple(self._card(line, now, n < MOST_CHECKS) for n, line in enumerate(shown)),
            more=len(lines) - len(shown),
            report=self.newest_report(ledger),
            wrong=tuple(store.unreadable_of(rows)),
            days=DAYS,
        )

    def newest_report(self, ledger: Ledger) -> ReportLine | None:
        """The last morning report, if there is one that can be read."""
        return next((self.report_line(row) for row in ledger.newest(KIND)), None)

    def report_line(self, row: HistoryRow) -> ReportLine | None:
        """One morning report in a list; None for one that cannot be read."""
        if row.id not in self._reports:
            try:
                made = kept_report(row)
            except Unreadable:
                return None
            subject = render_audit(made).subject
            self._reports[row.id] = ReportLine(
                made.number, made.day, made.made_at, made.tone, subject
            )
        return self._reports[row.id]

    def _tickets(self, ledger: Ledger, now: datetime) -> tuple[Ticket, ...]:
        found = store.incidents_of(ledger.open_incidents()[:_MOST_TICKETS])
        tickets = [view(ledger, self._configuration, one, now) for one in found]
        # What works again stands last, and is there because it may come back.
        tickets.sort(key=lambda t: (t.state == "recovered", t.muted, t.rank, t.opened_at))
        return tuple(tickets)

    def _card(self, line: CheckLine, now: datetime, strip: bool) -> CheckCard:
        if not strip:
            return CheckCard(line)
        start, end = _span(now)
        parts = self._course.of(self._configuration.checks[line.name], start, end)
        if parts is None:
            return CheckCard(line, reading=True)
        drawing, shares = drawn(parts, start, end, self._configuration.site.timezone)
        return CheckCard(line, drawing, shares.percent)


def _span(now: datetime) -> tuple[datetime, datetime]:
    """What the strips show."""
    return now - timedelta(days=DAYS), now


def _place(line: CheckLine) -> tuple[bool, int]:
    order = _ORDER.index(line.state) if line.state in _ORDER else 0
    return (not (line.overdue or line.incident), order)
