"""The first page: is anything wrong, what, whose, until when; and every check at a glance."""

from __future__ import annotations

from datetime import datetime, timedelta

from checks.body import Unreadable
from monitor.audit.gathering import KIND, kept_report
from monitor.config import Configuration
from monitor.incidents import store
from monitor.incidents.ticket_view import view
from monitor.ledger import HistoryRow, Ledger
from monitor.page.standings import Course, drawn
from monitor.service.standing import standing
from reports.command_views import CheckLine, ReportLine
from reports.pages import CheckCard, Overview
from reports.render import render_audit
from reports.ticket import Ticket

DAYS = 7
# Beyond that nobody reads on; those that are not well are always among them.
_MOST_CHECKS, _MOST_TICKETS = 150, 200
_ORDER = ("FAILED", "UNKNOWN", "DEGRADED", "-", "OK")


class Overviews:
    """Makes overviews of one site, and remembers what does not change."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration, self._course = configuration, Course()
        self._reports: dict[int, ReportLine] = {}

    def made(self, ledger: Ledger, now: datetime, everything: bool = False) -> Overview:
        """How all of it stands now; `everything`: with every check that is well."""
        status = standing(ledger, self._configuration, now, calls=False)
        rows = ledger.open_incidents()
        lines = sorted(status.checks, key=_place)
        bad = sum(1 for line in lines if line.state != "OK" or line.overdue)
        shown = lines if everything else lines[: max(_MOST_CHECKS, bad)]
        return Overview(
            status=status,
            tickets=self._tickets(ledger, now),
            checks=tuple(
                self._card(ledger, line, now, n < _MOST_CHECKS) for n, line in enumerate(shown)
            ),
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

    def _card(self, ledger: Ledger, line: CheckLine, now: datetime, strip: bool) -> CheckCard:
        if not strip:
            return CheckCard(line)
        start, entry = now - timedelta(days=DAYS), self._configuration.checks[line.name]
        parts = self._course.of(ledger, entry, line.last_at, start, now)
        drawing, shares = drawn(parts, start, now, self._configuration.site.timezone)
        return CheckCard(line, drawing, shares.percent)


def _place(line: CheckLine) -> tuple[bool, int]:
    order = _ORDER.index(line.state) if line.state in _ORDER else 0
    return (not (line.overdue or line.incident), order)
