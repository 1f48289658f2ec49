"""The words of an incident as values: what is told of it, why it ends, what a look had to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from checks.contract import Layer
from monitor.core.diagnosis import Finding

MONITOR = "monitor"
"""the owner of what Reveille says of itself (monitor/policies/house.toml)"""
CUSTOMER = "customer"
"""the role of the end user: it stands on no ladder, and follows every ticket"""


class Tell(StrEnum):
    """The kinds of message about an incident; each has its template."""

    OPENED = "opened"
    UPDATED = "updated"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    REOPENED = "reopened"
    RCA = "rca"
    RCA_DUE = "rca-due"
    RECLASSIFIED = "reclassified"
    BREACHED = "breached"
    NOTE = "note"
    RECOVERED = "recovered"
    CLOSED = "closed"


Request = Literal["", "change", "feature"]
"""what somebody asks for: no incident, so nothing of it is promised"""


class Closing(StrEnum):
    """Why an incident is over. Only the first says that it works again."""

    RECOVERED = "recovered"  # looks have seen every cause of it good
    EXPLAINED = "explained"  # what it was goes on under another ticket
    WITHDRAWN = "withdrawn"  # nothing looks at it any more
    RESOLVED = "resolved"  # a human has closed it


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
    roles: tuple[str, ...] = ()
    """to these roles alone; () for all who follow it"""


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
    layer: Layer | None = None
    """where it broke"""
    lost: int = 0
    of: int = 0
    """how much production was lost, of how much; 0 of 0 where it was not counted"""


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which no promise counts: it waits for somebody, or a maintenance hides it."""

    since: datetime
    until: datetime | None
    why: str
    by: str = ""
    """who said so; "" for a maintenance"""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an incident's history."""

    kind: str
    facts: Mapping[str, object] = field(default_factory=dict)


def key_of(site: str, issue: str) -> str:
    """One cause, one ticket: the key under which only one incident is open at a time."""
    return f"{site}/{issue}"
