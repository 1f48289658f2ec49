"""What the status page shows, as plain data. Moments are aware; nothing here decides anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reports.command_views import CheckLine, ChecklistView, IncidentLine, ReportLine, Status
from reports.maintenance import MaintenanceLine
from reports.strips import Strip
from reports.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Visit:
    """Who reads a page, where it is, and what may be done there."""

    site: str
    timezone: str
    now: datetime
    at: str = "/"
    """the path of the page, without what stands after `?`"""
    user: str = ""
    proof: str = ""
    """what a form has to bring along (CSRF); "" where nobody is logged in"""
    log_in: bool = False
    """whether there is anybody who may log in"""
    everybody_reads: bool = False
    """whether that needs no log-in"""
    root: str = ""
    """the path that all pages of this site begin with; "" where there is one site"""
    whole: bool = False
    """whether it is the page of all sites, which has none of the pages of one"""
    message: str = ""
    """what came of the form that was sent before: a word of templates/page/words.html.j2"""

    @property
    def reads(self) -> bool:
        """Whether this reader is shown how things stand: else there is nothing to be live."""
        return bool(self.user) or self.everybody_reads or not self.log_in


@dataclass(frozen=True, slots=True)
class CheckCard:
    """One check at a glance: where it stands, and how it stood for some days."""

    line: CheckLine
    strip: Strip | None = None
    percent: float | None = None
    """of the time that is known, how much it was up"""
    reading: bool = False
    """whether its days are still being read"""


@dataclass(frozen=True, slots=True)
class Glance:
    """Another site in one line; `tone` is "good", "warn", "bad", or "blind" where nobody knows."""

    name: str
    url: str
    tone: str
    headline: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Is anything wrong, what, whose, until when."""

    status: Status
    tickets: tuple[Ticket, ...] = ()
    """the open ones, the gravest first"""
    checks: tuple[CheckCard, ...] = ()
    """those that are not well first"""
    more: int = 0
    """checks that are well and not shown"""
    report: ReportLine | None = None
    wrong: tuple[str, ...] = ()
    """what this program cannot read of the ledger"""
    days: int = 7
    """that the strips go back"""
    sites: tuple[Glance, ...] = ()
    """other sites"""


@dataclass(frozen=True, slots=True)
class TicketPage:
    """One ticket, and which of its evidence can be opened."""

    ticket: Ticket
    evidence: tuple[tuple[str, str], ...] = ()
    """what it is, and its address"""
    look: str = ""
    """the address of the look that says why"""


@dataclass(frozen=True, slots=True)
class TicketList:
    """The tickets, the newest first."""

    tickets: tuple[IncidentLine, ...]
    all: bool = False
    closed_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MaintenancePage:
    """What is hidden, planned and over; and what was written into the form that begins one."""

    lines: tuple[MaintenanceLine, ...]
    checks: tuple[str, ...] = ()
    """all names, to choose from"""
    written: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""
    """why the form was not taken"""


@dataclass(frozen=True, slots=True)
class ChecklistPage:
    """The daily checklist, and what was written into the answer that was not taken."""

    list: ChecklistView
    looking: bool = True
    """whether the monitor looks: else what it has seen is old"""
    line: str = ""
    """the line that was answered"""
    text: str = ""
    wrong: str = ""
    """why the answer was not taken"""


@dataclass(frozen=True, slots=True)
class OpeningPage:
    """What a ticket can be opened for: (id, title) of the policy's issues, (id, name) of its
    severities; and what was written into the form.
    """

    issues: tuple[tuple[str, str], ...]
    severities: tuple[tuple[str, str], ...]
    written: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""
    """why the form was not taken"""


@dataclass(frozen=True, slots=True)
class Graph:
    """One measure over time, drawn; `bound` is the height of what is expected of it."""

    name: str
    meaning: str
    path: str
    points: int
    least: float
    most: float
    last: float
    bound: float | None = None
    bound_words: str = ""
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LookLine:
    """One look in a list; `address` is its page."""

    at: datetime
    state: str
    purpose: str
    seconds: float
    text: str
    address: str


@dataclass(frozen=True, slots=True)
class CheckPage:
    """One check: how it stood, what it measured, what it said."""

    card: CheckCard
    target: str
    days: int
    spans: tuple[int, ...] = ()
    """other lengths of time that can be chosen, in days"""
    known_percent: float = 0.0
    graphs: tuple[Graph, ...] = ()
    of_good: int = 1
    """of how many good looks one is drawn"""
    of_others: int = 1
    looks: tuple[LookLine, ...] = ()
    bad: tuple[tuple[datetime, datetime, str, bool], ...] = ()
    """when it was not well: from, until, how, and whether that was planned"""


@dataclass(frozen=True, slots=True)
class LookPage:
    """One look, whole."""

    check: str
    at: datetime
    state: str
    said: str
    seconds: float
    stages: tuple[tuple[str, float, bool], ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    evidence: tuple[tuple[str, str, str], ...] = ()
    """what it is, its address, its media type"""


@dataclass(frozen=True, slots=True)
class MonthLine:
    """One check in a month. Seconds, and percent of what is known."""

    check: str
    percent: float | None
    down_seconds: float
    degraded_seconds: float
    planned_seconds: float
    known_percent: float
    outages: int


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """What was promised for tickets of one severity, and how often it was kept."""

    severity: str
    promise: str
    met: int
    breached: int
    open: int


@dataclass(frozen=True, slots=True)
class MonthPage:
    """Uptime and promises of a calendar month, in the site's time zone."""

    month: str
    """as in 2026-11"""
    start: datetime
    end: datetime
    running: bool
    """whether the month is not over"""
    checks: tuple[MonthLine, ...] = ()
    promises: tuple[PromiseLine, ...] = ()
    tickets: int = 0
    others: tuple[str, ...] = ()
    """other months that can be shown"""


@dataclass(frozen=True, slots=True)
class Reports:
    """The morning reports, the newest first."""

    reports: tuple[ReportLine, ...]
