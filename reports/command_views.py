"""What the command line shows, as plain data: one attempt, the daemon's standing, a policy's
answer.

Each has `to_dict` for `--json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from reports.checklist import Answer, Duty
from reports.maintenance import MaintenanceLine
from reports.rca import RcaLine
from reports.ticket import Plain, RungLine, StageLine


@dataclass(frozen=True, slots=True)
class Once(Plain):
    """One attempt, and the orders that would go out. `fault` is "" or "stage: code text", `said` is
    it in plain words.
    """

    check: str
    kind: str
    timezone: str
    started_at: datetime
    seconds: float
    state: str
    stages: tuple[StageLine, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    fault: str = ""
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    exhibits: tuple[tuple[str, str], ...] = ()
    orders: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True)
class CheckLine(Plain):
    """Where one check stands. `cadence` is as configured ("every 5m", "08:30, 17:30")."""

    name: str
    kind: str
    state: str
    since: datetime | None = None
    last_at: datetime | None = None
    next_at: datetime | None = None
    cadence: str = ""
    text: str = ""
    incident: str = ""
    muted: str = ""
    overdue: bool = False
    """a look was owed for some time and has not been made: what stands here is old"""
    left_to: tuple[str, ...] = ()
    """the names and tags that it leaves its looks to, where no host at work has any of them"""

    @property
    def stale(self) -> bool:
        """Whether it was well, and that is not known to hold any more."""
        return self.overdue and self.state == "OK"


@dataclass(frozen=True, slots=True)
class IncidentLine(Plain):
    """One incident in a list."""

    number: str
    severity: str
    title: str
    state: str
    owner: str
    opened_at: datetime
    due_at: datetime | None = None
    rank: int = 0
    request: str = ""
    """what somebody asks for: "change", "feature" or nothing"""


@dataclass(frozen=True, slots=True)
class RatioLine:
    """A ratio with its n: percent and 95 % interval are None for a ratio of nothing."""

    hits: int
    of: int
    percent: float | None = None
    low_percent: float | None = None
    high_percent: float | None = None


@dataclass(frozen=True, slots=True)
class DelayLine:
    """A delay with its n."""

    n: int
    mean_seconds: float | None = None
    longest_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CallWindow:
    """What the test calls of one check came to within the last hours: RFC 6076 and telecom ratios
    by their names.
    """

    check: str
    hours: int
    attempts: int
    ratios: Mapping[str, RatioLine]
    delays: Mapping[str, DelayLine]


@dataclass(frozen=True, slots=True)
class Status(Plain):
    """How the daemon and what it looks at stand. `heartbeat_at` is when the daemon last said that
    it lives.
    """

    site: str
    timezone: str
    now: datetime
    heartbeat_at: datetime | None = None
    running: bool = False
    stalled: bool = False
    """the daemon is there, but has not said for too long that it lives"""
    checks: tuple[CheckLine, ...] = ()
    incidents: tuple[IncidentLine, ...] = ()
    outbox: Mapping[str, int] = field(default_factory=dict)
    undelivered: tuple[str, ...] = ()
    """letters that wait or failed, each with its last error"""
    calls: tuple[CallWindow, ...] = ()
    maintenance: tuple[MaintenanceLine, ...] = ()
    """what people have begun and runs now"""
    analyses: tuple[RcaLine, ...] = ()
    """root cause analyses that were due and are owed"""
    barrier: str = ""
    """what keeps the daemon from writing anything, its sign of life included"""


@dataclass(frozen=True, slots=True)
class DialLine:
    """What one attempt dials over a line, and the line's caps of 24 hours."""

    line: str
    to: str
    calls: int
    seconds: float
    """the longest that each of the calls can last"""
    calls_a_day: int
    minutes_a_day: int
    may_dial: tuple[str, ...] = ()
    """the numbers that the line may dial; (): those that its checks are written with"""


@dataclass(frozen=True, slots=True)
class ChecklistView(Plain):
    """The daily checklist, and what people have answered, newest."""

    timezone: str
    now: datetime
    lines: tuple[Duty, ...]
    answers: tuple[Answer, ...] = ()

    def answer(self, line: str) -> Answer | None:
        """What was last said of a line that a person answers."""
        return next((one for one in self.answers if one.name == line), None)

    def state(self, line: Duty) -> str:
        """How it stands: of its checks, or as a person said; "" where nobody has."""
        said = self.answer(line.name)
        holds = not line.state and said is not None and said.stands(self.now)
        return line.state or (("OK" if said and said.done else "FAILED") if holds else "")

    @property
    def asked(self) -> tuple[Duty, ...]:
        """The lines that no check sees to."""
        return tuple(line for line in self.lines if not line.state)

    def counted(self, *states: str) -> int:
        """How many lines stand so."""
        return sum(self.state(line) in states for line in self.lines)


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who of a role is on call until when, and who is next ("": there is nobody else)."""

    role: str
    who: str
    until: datetime
    then: str = ""


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """A promise of a policy: so many seconds `since` the ticket was "opened" (or since a level's
    turn, where `since_level` is not 0), "resolved" or formally "escalated"; `due_at` is known of
    the first alone.
    """

    name: str
    seconds: int
    since: str
    due_at: datetime | None = None
    since_level: int = 0
    working_time: bool = False


@dataclass(frozen=True, slots=True)
class Explained(Plain):
    """What a policy says of a case: issue, severity, owner, dated targets and ladder."""

    site: str
    timezone: str
    policy: str
    rule: str
    case: Mapping[str, str]
    issue: str
    title: str
    severity: str
    severity_name: str
    definition: str
    owner: str
    opened_at: datetime
    clocks: tuple[PromiseLine, ...] = ()
    ladder: tuple[RungLine, ...] = ()
    operators: tuple[str, ...] = ()
    """who of the site is told of every step, beside the ladder"""
    rank: int = 0
    dials: tuple[DialLine, ...] = ()
    on_call: tuple[OnCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One morning report in a list; `letters` says how many are in which state."""

    number: int
    day: date
    made_at: datetime
    tone: str
    subject: str
    letters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportLines(Plain):
    """The reports, the newest first."""

    timezone: str
    reports: tuple[ReportLine, ...]
