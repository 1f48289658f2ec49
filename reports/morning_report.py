"""The morning report as plain data: how was yesterday, is anything wrong now, could we go back to
yesterday.

Rule: what is red has its ticket, and is counted once: an open ticket, or a part that failed and has
none yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from reports.checklist import Answer, Duty, Release
from reports.maintenance import MaintenanceLine
from reports.plain_lines import day_of, line_of, moment_of
from reports.rca import RcaLine
from reports.ticket import Plain

Tone = Literal["OK", "WARN", "FAIL"]
# A day and a half: last night's proof is fresh all day, and one missed night is seen the next
# morning.
PROOF_IS_FRESH = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen of one check on the day. Seconds are the median and the longest of its whole
    attempts.
    """

    check: str
    kind: str
    ok: int
    degraded: int
    failed: int
    unknown: int
    median_seconds: float | None = None
    longest_seconds: float | None = None
    tickets: tuple[str, ...] = ()

    @property
    def looks(self) -> int:
        """How often it was looked at."""
        return self.ok + self.degraded + self.failed + self.unknown

    @property
    def bad(self) -> int:
        """How many of them were not well."""
        return self.looks - self.ok

    @property
    def worst(self) -> str:
        """The worst that was seen."""
        # UNKNOWN before DEGRADED: a check that cannot tell may hide a failure.
        counts = {"FAILED": self.failed, "UNKNOWN": self.unknown, "DEGRADED": self.degraded}
        return next((state for state, count in counts.items() if count), "OK")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the audit itself: a check that it ran. `state` is a verdict's, `fault` is "stage:
    code".
    """

    check: str
    kind: str
    state: str
    seconds: float
    text: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)
    fault: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ticket: str = ""
    ran: bool = True
    """whether it was looked at for this report"""
    topic: str = ""
    """the part of the report that tells of it at length: "usage", "backups", or "" for none"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A ticket: open now, or opened or closed on the day."""

    number: str
    severity: str
    title: str
    state: str
    owner: str
    opened_at: datetime
    closed_at: datetime | None = None
    summary: str = ""
    checks: tuple[str, ...] = ()
    rank: int = 0
    closing: str = ""
    """why it is closed (reports.ticket.Closing)"""
    goes_on_as: str = ""
    request: str = ""  # "change" or "feature": somebody asks for it, and nothing is wrong


@dataclass(frozen=True, slots=True)
class BackupState:
    """What there is to go back to, of one source. `proof_seconds` is how long its last proof took,
    whole.
    """

    check: str
    source: str
    data_as_of: datetime | None = None
    proven_at: datetime | None = None
    restore_seconds: float = 0.0
    proof_seconds: float = 0.0
    backup_seconds: float = 0.0
    bytes: int = 0
    rows: int = 0
    kept: int = 0
    proven: int = 0
    fault: str = ""
    rehearsed: str = ""
    """the day on which somebody last went the real way, by RESTORE.md on a fresh host (ISO 8601)"""

    def fresh(self, at: datetime) -> bool:
        """Whether it was proven lately."""
        return self.proven_at is not None and at - self.proven_at <= PROOF_IS_FRESH


@dataclass(frozen=True, slots=True)
class Trend:
    """A measure over hours or days, for a picture: `values` has None where nothing was measured."""

    name: str
    measure: str
    labels: tuple[str, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A report that has not reached somebody: `state` is "queued" (it is still tried) or
    "failed".
    """

    number: int
    day: date
    recipient: str
    state: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Audit(Plain):
    """One local day's report. `number` counts the site's reports and `previous` is the day of
    number - 1, so that a missing one is noticed.
    """

    site: str
    timezone: str
    day: date
    made_at: datetime
    number: int
    previous: date | None = None
    late_seconds: float = 0.0
    made_up: bool = False
    """made afterwards, of what was known: nobody looked at its parts when it was owed"""
    replaces: int | None = None
    """the number of an earlier report of the same day"""
    by_hand: bool = False
    open: tuple[Trouble, ...] = ()
    past: tuple[Trouble, ...] = ()
    looks: tuple[Looks, ...] = ()
    parts: tuple[Part, ...] = ()
    usage: tuple[Mapping[str, Any], ...] = ()
    """what the checks of kind `usage` found: reports/usage.py"""
    backups: tuple[BackupState, ...] = ()
    trends: tuple[Trend, ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()
    """what is not as in the report before: subject, what it was, what it is; reports/changes.py"""
    undelivered: tuple[Undelivered, ...] = ()
    missing: tuple[date, ...] = ()
    """days before it of which there is no report"""
    checklist: tuple[Duty, ...] = ()
    answers: tuple[Answer, ...] = ()
    """what people have said of lines that no check sees to"""
    releases: tuple[Release, ...] = ()
    """what is another than at `compared_with`; None: there was nothing to compare with"""
    compared_with: datetime | None = None
    planned: tuple[MaintenanceLine, ...] = ()
    """maintenances that begin within the next day"""
    maintenance: tuple[MaintenanceLine, ...] = ()
    """what people hid on the day, or hide now; below: the root cause analyses that are owed"""
    rca: tuple[RcaLine, ...] = ()

    @property
    def crossed(self) -> tuple[Answer, ...]:
        """The lines of which a person says that they are not well."""
        return tuple(one for one in self.answers if not one.done and self.fresh(one))

    def fresh(self, one: Answer) -> bool:
        """Whether that still holds."""
        return one.stands(self.made_at)

    def answer(self, line: str) -> Answer | None:
        """What was last said of a line that a person answers."""
        return next((one for one in self.answers if one.name == line), None)

    @property
    def overdue(self) -> tuple[RcaLine, ...]:
        """The analyses that were not sent in time."""
        return tuple(one for one in self.rca if one.state == "overdue")

    @property
    def not_run(self) -> tuple[Part, ...]:
        """The parts that nobody looked at for it: then it is partial."""
        return tuple(part for part in self.parts if not part.ran)

    @property
    def failed_parts(self) -> tuple[Part, ...]:
        """The parts that failed, as they stand in the list."""
        return tuple(part for part in self.parts if part.state == "FAILED")

    @property
    def doubtful_parts(self) -> tuple[Part, ...]:
        """The parts that deserve a look."""
        return tuple(part for part in self.parts if part.state in ("DEGRADED", "UNKNOWN"))

    @property
    def unproven(self) -> tuple[BackupState, ...]:
        """The backups that nobody has restored lately."""
        return tuple(backup for backup in self.backups if not backup.fresh(self.made_at))

    @property
    def wrong(self) -> int:
        """How many things are wrong now: open tickets, and parts of the audit that failed and have
        none.
        """
        numbers = {one.number for one in self.open}
        # A failed part whose ticket is open is one trouble, not two.
        return sum(not one.request for one in self.open) + sum(
            part.ticket not in numbers for part in self.failed_parts
        )

    @property
    def doubtful(self) -> int:
        """How many things deserve a look: doubtful parts, checks with a bad look, backups without a
        fresh proof, reports that did not arrive or were never made, what a person has crossed.
        """
        ticketed = {check for one in self.open for check in one.checks}
        parts = sum(part.check not in ticketed for part in self.doubtful_parts)
        backed = {part.check for part in (*self.failed_parts, *self.doubtful_parts)}
        unproven = sum(backup.check not in backed for backup in self.unproven)
        letters = len({letter.number for letter in self.undelivered}) + bool(self.missing)
        letters += len(self.overdue) + len(self.crossed)
        return parts + unproven + letters + sum(bool(line.bad) for line in self.looks)

    @property
    def tone(self) -> Tone:
        """The verdict in a word."""
        return "FAIL" if self.wrong else "WARN" if self.doubtful else "OK"

    @property
    def total(self) -> int:
        """How many looks there were on the day."""
        return sum(line.looks for line in self.looks)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(line.failed for line in self.looks)

    @property
    def calls(self) -> int | None:
        """How many calls were offered on the day; None where nobody counts them."""
        return sum(told["calls"]["offered"] for told in self.usage) if self.usage else None

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Audit:
        """The report again. Raises TypeError, KeyError, ValueError for data that is none."""
        values = dict(body)
        values["day"], values["previous"] = day_of(body["day"]), day_of(body.get("previous"))
        values["made_at"] = moment_of(body["made_at"])
        values["compared_with"] = moment_of(body.get("compared_with"))
        values["missing"] = tuple(filter(None, map(day_of, body.get("missing", ()))))
        values["changes"] = tuple(tuple(one) for one in body.get("changes", ()))
        values["usage"] = tuple(body.get("usage", ()))
        for name, line in _LINES.items():
            values[name] = tuple(line_of(line, written) for written in body.get(name, ()))
        return cls(**values)


_LINES: Mapping[str, type] = {
    "open": Trouble,
    "past": Trouble,
    "looks": Looks,
    "parts": Part,
    "backups": BackupState,
    "trends": Trend,
    "undelivered": Undelivered,
    "checklist": Duty,
    "answers": Answer,
    "releases": Release,
    "planned": MaintenanceLine,
    "maintenance": MaintenanceLine,
    "rca": RcaLine,
}
