"""An incident as a value: one open incident per site and issue, one ticket, whatever fails under
it.

What may become of one is told in monitor/core/incident_transitions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from monitor.core.diagnosis import Finding
from monitor.core.policy_terms import Ladder, Severity
from monitor.core.sla import Calendar, Clock, Event, clocks


class Tell(StrEnum):
    """The kinds of message about an incident; each has its template."""

    OPENED = "opened"
    UPDATED = "updated"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    REOPENED = "reopened"
    RECLASSIFIED = "reclassified"
    BREACHED = "breached"
    NOTE = "note"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Order:
    """What to tell. `levels` are the ladder levels that hear it for the first time; all told before
    hear it too.
    """

    tell: Tell
    sequence: int
    reason: str
    levels: tuple[int, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a failed look had to show: the ticket's "why"."""

    check: str
    kind: str
    reasons: tuple[str, ...] = ()
    stages: tuple[tuple[str, float, bool], ...] = ()
    exhibits: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A run of bad verdicts under one key. Times are aware UTC."""

    key: str
    site: str
    issue: str
    title: str
    severity: Severity
    """as the policy had it when the incident was classified; so is the ladder: a new policy changes
    no running one
    """
    owner: str
    owner_title: str
    ladder: Ladder
    rule: str
    policy: str
    opened_at: datetime
    counts_from: datetime
    """where the clocks and the ladder start: the opening, or the end of the maintenance that hid it"""
    evidence: Evidence
    number: int | None = None
    causes: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    recovered_at: datetime | None = None
    closed_at: datetime | None = None
    resolution: str = ""
    times_bad: int = 1
    flapping: bool = False
    told: bool = False
    roles_told: tuple[str, ...] = ()
    """everybody on a ladder who has heard of it, also on a ladder that it has left"""
    levels_told: tuple[int, ...] = ()
    levels_skipped: tuple[int, ...] = ()
    breaches: tuple[tuple[str, datetime], ...] = ()
    sequence: int = 0
    classified_by_human: bool = False

    @property
    def open(self) -> bool:
        """Whether it is not over."""
        return self.closed_at is None

    @property
    def levels_done(self) -> tuple[int, ...]:
        """The ladder levels whose turn is past: told, or passed over."""
        return (*self.levels_told, *self.levels_skipped)

    def clocks(self, now: datetime, calendar: Calendar) -> tuple[Clock, ...]:
        """What was promised by when, and how that stands."""
        moments = [
            (self.acknowledged_at, "acknowledged", ""),
            *((at, "breached", clock) for clock, at in self.breaches),
            (self.closed_at, "resolved", ""),
        ]
        events = [Event(at, kind, clock) for at, kind, clock in moments if at is not None]
        return clocks(self.severity.targets(), self.counts_from, events, now, calendar)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an incident's history."""

    kind: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """An incident after something happened, with what to tell and what to remember."""

    incident: Incident
    orders: tuple[Order, ...] = ()
    happenings: tuple[Happening, ...] = ()

    def then(self, after: Change) -> Change:
        """This change followed by another of the same incident."""
        return Change(
            after.incident, self.orders + after.orders, self.happenings + after.happenings
        )


def key_of(site: str, issue: str) -> str:
    """One cause, one ticket: the key under which only one incident is open at a time."""
    return f"{site}/{issue}"
