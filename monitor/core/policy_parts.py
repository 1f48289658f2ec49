"""What a policy is made of while it is being read: its parts so far, its examples, every fault."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.core.calendar_plan import CalendarPlan
from monitor.core.failure import Case
from monitor.core.ladder_plan import LadderPlan
from monitor.core.policy_rules import Rule
from monitor.core.policy_terms import (
    ROUND_THE_CLOCK,
    Contact,
    Issue,
    Owner,
    Severity,
)
from monitor.core.table_reader import PolicyFault


@dataclass(frozen=True, slots=True)
class Example:
    """A case with what it must come out as; `path` says where it stands."""

    path: str
    case: Case
    issue: str
    severity: str


@dataclass(slots=True)
class Parts:
    """What a policy is made of, as it is being read."""

    name: str = ""
    version: str = ""
    title: str = ""
    source: str = ""
    calendars: dict[str, CalendarPlan] = field(default_factory=dict)
    calendar: str = ROUND_THE_CLOCK
    """the one on which a promise runs that names none"""
    formal: str = ""
    """the ladder of a formal escalation"""
    requests: str = ""
    """the ladder of a change or feature request"""
    severities: list[Severity] = field(default_factory=list)
    owners: dict[str, Owner] = field(default_factory=dict)
    issues: dict[str, Issue] = field(default_factory=dict)
    ladders: dict[str, LadderPlan] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    faults: list[PolicyFault] = field(default_factory=list)
