"""report list, show, send: the morning reports that were made, as they were made."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from checks.body import Unreadable
from checks.web.browser.executable import NAMES as BROWSERS
from checks.web.browser.executable import find as browser_here
from monitor.audit.gathering import KIND, kept_report
from monitor.audit.round import recipients
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.desks.internet_message import is_address
from monitor.ledger import Ledger, OutboxMessage
from monitor.ledger.bodies import report_body
from monitor.report_printing import NotPrinted, pictures_of, printed, standalone
from monitor.service.heartbeat import heartbeat
from monitor.terminal import SCREEN, complain_of, say, show, show_json
from monitor.verbs.inside import awaited
from monitor.verbs.opening import Stop, ledger_of, sound_part_of
from reports.command_views import ReportLine, ReportLines
from reports.morning_report import Audit
from reports.render import render_audit

# The kind of a letter that was asked for by hand: the morning's own kind is unique for each report.
AGAIN = "audit-again"
# Ten years of mornings: to find a day by its number, all are gone through.
_ALL = 4000


def list_reports(arguments: Namespace) -> int:
    """The reports, the newest first, and what became of their letters. 0; 1 when one of them cannot
    be read.
    """
    configuration = sound_part_of(arguments)
    with ledger_of(configuration, read_only=True) as ledger:
        letters: dict[int, Counter[str]] = {}
        for row in ledger.outbox():
            if row.kind == KIND:
                letters.setdefault(row.sequence, Counter())[row.state] += 1
        found, wrong = _reports(ledger, getattr(arguments, "limit", 30))
    lines = tuple(_line(one, letters) for one in found)
    show("reports", arguments.json, ReportLines(configuration.site.timezone, lines))
    complain_of(wrong)
    return 1 if wrong else 0


def show_report(arguments: Namespace) -> int:
    """One report, the newest unless DAY says which; as text, or as HTML or PDF in a file. 0."""
    configuration = sound_part_of(arguments)
    with ledger_of(configuration, read_only=True) as ledger:
        report = kept_of(ledger, arguments.day)
    if arguments.json:
        show_json({**report.to_dict(), "tone": report.tone})
    elif arguments.to:
        content = _content(report, arguments.format)
        try:
            SCREEN.get().write(content, Path(arguments.to))
        except OSError as problem:
            raise Stop(f"{arguments.to}: {problem.strerror}") from None
        say(f"{arguments.to}: report {report.number} of {report.day}, {len(content) / 1000:.0f} kB")
    elif arguments.format == "pdf":
        raise Stop("a PDF is no text: say where to write it, with --to FILE")
    else:
        say(_content(report, arguments.format).decode().rstrip("\n"))
    return 0


def send_report(arguments: Namespace) -> int:
    """Send a report again: to whoever gets it every day, or to the addresses after --to. 0."""
    configuration = sound_part_of(arguments)
    with ledger_of(configuration) as ledger:
        report = kept_of(ledger, arguments.day)
        asked = arguments.format == "pdf"
        # Asked before the letter is queued: the outbox could only send it without what was asked
        # for.
        if asked and browser_here(None) is None:
            raise Stop(
                f"a PDF is printed by a browser, and none of {', '.join(BROWSERS)} is installed"
            )
        sent = _enqueue(ledger, configuration, report, arguments.to, asked)
    beat = heartbeat(configuration.state)
    later = "" if beat and beat.running else "; the daemon is not running, they go out when it does"
    say(f"report {report.number} of {report.day} goes to {', '.join(sent)}{later}")
    return 0


def kept_of(ledger: Ledger, day: str | None) -> Audit:
    """The report of a day ("2026-11-21") or a number ("12"), as it was made last; without either
    the newest. Raises Stop.
    """
    if day and not day.isdecimal():
        try:
            date.fromisoformat(day)
        except ValueError:
            raise Stop(f"{day!r} is no day; write it as in '2026-11-21'") from None
    found, wrong = _reports(ledger, _ALL if day else 1)
    for report in found:
        if not day or day in (report.day.isoformat(), str(report.number)):
            return report
    if wrong:
        raise Stop("; ".join(wrong))
    raise Stop(f"no report was made of {day}" if day else "no report was made yet")


def _reports(ledger: Ledger, limit: int) -> tuple[list[Audit], list[str]]:
    """The newest first, and why others cannot be read."""
    found, wrong = list[Audit](), list[str]()
    for row in ledger.newest(KIND, limit):
        try:
            found.append(kept_report(row))
        except Unreadable as why:
            wrong.append(str(why))
    return found, wrong


def _line(report: Audit, letters: Mapping[int, Counter[str]]) -> ReportLine:
    became = dict(letters.get(report.number, {}))
    return ReportLine(
        report.number, report.day, report.made_at, report.tone, render_audit(report).subject, became
    )


def _content(report: Audit, form: str) -> bytes:
    if form == "text":
        return render_audit(report).text.encode()
    if form == "html":
        return standalone(report, awaited(pictures_of(report))).html.encode()
    try:
        return awaited(printed(report))
    except NotPrinted as problem:
        raise Stop(str(problem)) from None


def _enqueue(
    ledger: Ledger, configuration: Configuration, report: Audit, to: list[str] | None, pdf: bool
) -> list[str]:
    """Put the letters into the outbox; returns to whom."""
    if wrong := [address for address in to or () if not is_address(address)]:
        raise Stop(f"{wrong[0]!r} is no mail address")
    mails = configuration.desks_taking("people")
    if not mails:
        raise Stop("no desk takes letters to people; write [desks.NAME] with kind = 'mail'")
    whom = [(mails[0], address) for address in to] if to else list(recipients(configuration))
    now = SystemClock().now()
    body = {"report": report_body(report), "pdf": pdf}
    with ledger.transaction() as t:
        for desk, address in whom:
            # The second as its number: a repetition is a letter of its own, and not a double of the
            # morning's.
            t.enqueue(OutboxMessage(None, AGAIN, int(now.timestamp()), desk, address, body, now))
    return [address for _, address in whom]
