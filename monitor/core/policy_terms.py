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
# The calendar that every policy has; a clock that nobody says otherwise of runs on it.
ROUND_THE_CLOCK = "24x7"
# The house's own issue for what no rule of a policy knows: it is not guessed whose that is.
UNSORTED = "unsorted"


Since = Literal["opened", "resolved", "escalated"]
"""From what a promise counts: the opening (or a level's turn), the moment since which it works, or
a formal escalation (without one there is no such promise).
"""


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: within so many seconds of a calendar. `since_level` counts from that level's
    turn on the ladder, where it is not 0.
    """

    name: str
    seconds: int
    calendar: str = ROUND_THE_CLOCK
    since: Since = "opened"
    since_level: int = 0
    by_level: int = 0
    """the level that owes it; 0 where the policy does not say"""
    waits_for_evidence: bool = False
    """whether it may wait for evidence: that time counts for nothing"""


@dataclass(frozen=True, slots=True)
class Severity:
    """How bad, and what is promised then. `rank` counts from 0, the worst."""

    id: str
    name: str
    definition: str
    rank: int
    targets: tuple[Target, ...] = ()
    """a resolution in the next release has none"""

    @property
    def said(self) -> str:
        """With its name, as in "P0 urgent"; once where they are the same."""
        return " ".join(dict.fromkeys((self.id, self.name)))

    def target(self, name: str) -> Target | None:
        """The promise of this name, if there is one."""
        return next((target for target in self.targets if target.name == name), None)


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
    """Whose problem it is: the vendor, the telco, the monitor's own people. What is out of the
    scope of the policy's promises (`promises` false) has no clocks.
    """

    id: str
    title: str
    promises: bool = True


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
    """One rung: `role` is told `after_seconds` from the opening, or from the turn of `since_level`,
    and has until `until_seconds` (None: open end), in the hours of `calendar`.
    """

    number: int
    name: str
    role: str
    after_seconds: int
    until_seconds: int | None = None
    condition: Condition = "not-resolved"
    since_level: int = 0
    calendar: str = ROUND_THE_CLOCK


@dataclass(frozen=True, slots=True)
class Ladder:
    """Who is told after how long, the first level first. `catch_up` tells every level whose turn
    came in a time of silence, not the highest alone.
    """

    name: str
    levels: tuple[Level, ...]
    catch_up: bool = False


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
