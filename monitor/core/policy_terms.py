"""The words of a support policy as values: severity, owner, issue, ladder, contact; and what a case came out as.

A shipped policy speaks of roles and of published desks, never of a person: people are the site's own configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Condition = Literal["not-resolved", "not-acknowledged"]
"""What must still hold for a level to be told."""


@dataclass(frozen=True, slots=True)
class Severity:
    """How bad, and the targets that follow. `rank` counts from 0, the worst; targets in seconds of the calendar."""

    id: str
    name: str
    definition: str
    rank: int
    response_seconds: int
    resolution_seconds: int

    def targets(self) -> tuple[tuple[str, int], ...]:
        """Each clock's name and target in seconds."""
        return (("response", self.response_seconds), ("resolution", self.resolution_seconds))


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose problem it is: the vendor, the telco, the monitor's own people."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Issue:
    """One row of the policy's matrix. `owner`, `severity` and `ladder` are the ids that it refers to."""

    id: str
    title: str
    owner: str
    severity: str
    ladder: str


@dataclass(frozen=True, slots=True)
class Level:
    """One rung: `role` is told `after_seconds` from the opening and has until `until_seconds` (None: open end)."""

    number: int
    name: str
    role: str
    after_seconds: int
    until_seconds: int | None = None
    condition: Condition = "not-resolved"


@dataclass(frozen=True, slots=True)
class Ladder:
    """Who is told after how long, the first level first."""

    name: str
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """A published desk. `region` "" stands for every region that has no desk of its own; `mail` may be ""."""

    role: str
    region: str
    title: str
    mail: str = ""
    phones: tuple[str, ...] = ()

    @property
    def phone(self) -> str:
        """All its numbers on one line, the first to be tried first."""
        return " / ".join(self.phones)


@dataclass(frozen=True, slots=True)
class Classification:
    """What a case came out as, and the name of the rule that fitted it."""

    issue: Issue
    severity: Severity
    owner_title: str
    ladder: Ladder
    rule: str
