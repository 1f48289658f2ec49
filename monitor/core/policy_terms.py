"""The words of a support policy as values: severity, owner, issue, ladder, contact; and what a case
came out as.

A shipped policy speaks of roles and of published desks, never of a person: people are the site's
own configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Condition = Literal["not-resolved", "not-acknowledged"]
"""What must still hold for a level to be told."""


@dataclass(frozen=True, slots=True)
class Severity:
    """How bad, and the targets that follow. `rank` counts from 0, the worst; targets in seconds of
    the calendar, 0 for none.
    """

    id: str
    name: str
    definition: str
    rank: int
    response_seconds: int
    resolution_seconds: int

    def targets(self) -> tuple[tuple[str, int], ...]:
        """Each clock's name and target in seconds; a resolution in the next release has no
        clock.
        """
        both = (("response", self.response_seconds), ("resolution", self.resolution_seconds))
        return tuple((name, seconds) for name, seconds in both if seconds)


@dataclass(frozen=True, slots=True)
class LossLimit:
    """From so much production loss on it is so bad: lost · 100 >= percent · of, in whole
    numbers.
    """

    percent: int
    severity: str

    def reached(self, lost: int, of: int) -> bool:
        """Whether a counted loss is as large as that."""
        # Whole numbers: 30 % of 90 calls are exactly 27, where a fraction in binary would fall on
        # one side or the other.
        return lost * 100 >= self.percent * of


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose problem it is: the vendor, the telco, the monitor's own people."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Issue:
    """One row of the policy's matrix. `owner`, `severity` and `ladder` are the ids that it refers
    to.

    `by_loss` decides the severity where the loss of production was counted, the largest limit
    first.
    """

    id: str
    title: str
    owner: str
    severity: str
    ladder: str
    by_loss: tuple[LossLimit, ...] = ()

    def severity_of(self, lost: int, of: int) -> str:
        """The severity's id for a loss; `of` is 0 where none was counted."""
        reached = (limit.severity for limit in self.by_loss if of and limit.reached(lost, of))
        return next(reached, self.severity)


@dataclass(frozen=True, slots=True)
class Level:
    """One rung: `role` is told `after_seconds` from the opening and has until `until_seconds`
    (None: open end).
    """

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
    """A published desk. `region` "" stands for every region that has no desk of its own; `mail` may
    be "".
    """

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
