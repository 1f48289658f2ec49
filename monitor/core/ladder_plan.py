"""A ladder as a policy writes it: when a level's turn is may hang on what the severity promises.

A time is a duration ("2h"), a promise ("recovery": the level's turn is the very instant at which
that is due) or a part of one ("1/3 of resolution"). Where a severity promises nothing of that name,
its ladder ends below the level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.policy_terms import Condition, Ladder, Level, Severity, Target


@dataclass(frozen=True, slots=True)
class Moment:
    """So many seconds, or a part of a promise (`clock`)."""

    seconds: int = 0
    clock: str = ""
    part: Fraction = Fraction(1)

    def of(self, severity: Severity) -> Target | None:
        """What it comes to under a severity; None where that promises nothing of the name."""
        if not self.clock:
            return Target("", self.seconds)
        promised = severity.target(self.clock)
        if promised is None or promised.since != "opened":
            return None
        # Whole seconds, rounded down: a level is told early rather than late.
        seconds = int(promised.seconds * self.part)
        return Target(promised.name, seconds, promised.calendar, "opened", promised.since_level)


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """One level as written. `calendar` "" takes that of the promise it hangs on."""

    number: int
    name: str
    role: str
    after: Moment
    until: Moment | None
    condition: Condition
    since_level: int
    calendar: str


@dataclass(frozen=True, slots=True)
class LadderPlan:
    """A ladder for every severity."""

    name: str
    levels: tuple[LevelPlan, ...]
    catch_up: bool = False

    def under(self, severity: Severity) -> Ladder:
        """The ladder that a case of this severity climbs."""
        return Ladder(self.name, tuple(self._levels(severity)), self.catch_up)

    def _levels(self, severity: Severity) -> Iterator[Level]:
        for plan in self.levels:
            after = plan.after.of(severity)
            if after is None:
                return
            until = plan.until.of(severity) if plan.until else None
            yield Level(
                plan.number,
                plan.name,
                plan.role,
                after.seconds,
                until.seconds if until else None,
                plan.condition,
                after.since_level or plan.since_level,
                plan.calendar or after.calendar,
            )
