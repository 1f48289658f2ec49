"""What a policy would make of things, as plain data: months of made-up incidents, and the tickets
that there were, judged anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reports.ticket import Plain


@dataclass(frozen=True, slots=True)
class Told:
    """Who would have been told, and when."""

    at: datetime
    level: int
    who: str


@dataclass(frozen=True, slots=True)
class MadeUpTicket:
    """One made-up incident and its life; `missed` names the promises that it would have missed."""

    opened_at: datetime
    resolved_at: datetime
    severity: str
    title: str
    of: str
    """the check, and how it fails"""
    told: tuple[Told, ...]
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeverityLine:
    """How many incidents a severity had, how often somebody was told, and what was missed how often
    (promise -> incidents)."""

    severity: str
    name: str
    rank: int
    incidents: int
    told: int
    missed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LevelLine:
    """How often a level of a ladder was told, or reached nobody."""

    ladder: str
    level: int
    name: str
    who: str
    told: int
    empty: int


@dataclass(frozen=True, slots=True)
class Simulated(Plain):
    """Months of made-up incidents under a policy."""

    site: str
    timezone: str
    policy: str
    months: int
    seed: int
    incidents: int
    severities: tuple[SeverityLine, ...]
    levels: tuple[LevelLine, ...]
    rules_never_reached: tuple[str, ...]
    tickets: tuple[MadeUpTicket, ...] = ()
    """dated lines, where they were asked for"""


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A ticket that a policy would have judged otherwise: issue, severity, owner and ladder, as
    they were and as they would be."""

    number: str
    opened_at: datetime
    title: str
    was: tuple[str, str, str, str]
    would_be: tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Replayed(Plain):
    """The tickets of a ledger under a policy."""

    site: str
    timezone: str
    policy: str
    tickets: int
    differing: tuple[Rejudged, ...]
    untold: tuple[str, ...] = ()
    """tickets whose failure is not kept any more, or that people opened: they cannot be judged"""
