"""What is kept of looks once they are too old to be kept one by one: runs, which say exactly how a
check stood at every moment, and hours, which say how often and how much.

Rule: uptime worked out of runs is that worked out of the looks themselves (a property of the
tests); a mean over hours weighs each by its looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from monitor.core.availability import Run
from monitor.core.verdict import State

# The whole look, beside what the check measured.
SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Look:
    """What a roll-up has to know of a look; `measures` are in their own units."""

    at: datetime
    kind: str
    state: State
    muted: bool
    seconds: float
    measures: Mapping[str, float] = field(default_factory=dict)


class Spread(NamedTuple):
    """What many values of a measure come to: a tuple, of which months have ten thousand."""

    n: int
    mean: float
    least: float
    most: float

    def joined(self, other: Spread) -> Spread:
        """Both together."""
        n = self.n + other.n
        mean = self.mean + (other.mean - self.mean) * other.n / n
        return Spread(n, mean, min(self.least, other.least), max(self.most, other.most))


@dataclass(frozen=True, slots=True)
class Counts:
    """What looks come to."""

    states: Mapping[str, int]
    """state -> how many"""
    muted: int
    """how many of them a maintenance hid"""
    measures: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class Hour:
    """The looks of one check within one hour UTC."""

    at: datetime
    kind: str
    counts: Counts


def hours(looks: Iterable[Look]) -> Iterator[Hour]:
    """Looks of one check, in the order of time, hour by hour."""
    for (at, kind), found in groupby(looks, lambda look: (_hour(look.at), look.kind)):
        yield Hour(at, kind, counted(found))


def counted(looks: Iterable[Look]) -> Counts:
    """What they come to; "seconds" is the whole look."""
    states: dict[str, int] = {}
    measures: dict[str, Spread] = {}
    muted = 0
    for look in looks:
        states[look.state.value] = states.get(look.state.value, 0) + 1
        muted += look.muted
        for name, value in {**look.measures, SECONDS: look.seconds}.items():
            one = Spread(1, value, value, value)
            measures[name] = measures[name].joined(one) if name in measures else one
    return Counts(states, muted, measures)


def runs(looks: Iterable[Look], holds: timedelta) -> Iterator[Run]:
    """Looks of one check, in the order of time, that say the same in a row, none later than `holds`
    after the one before.
    """
    return continued((), looks, holds)


def continued(known: Sequence[Run], looks: Iterable[Look], holds: timedelta) -> Iterator[Run]:
    """Runs of one check, and after them those of its looks since; the newest goes on with them."""
    yield from known[:-1]
    run = known[-1] if known else None
    for look in looks:
        same = run is not None and (run.state, run.planned) == (look.state, look.muted)
        if run is not None and same and look.at - run.last <= holds:
            run = Run(run.first, look.at, run.state, run.planned)
            continue
        if run is not None:
            yield run
        run = Run(look.at, look.at, look.state, look.muted)
    if run is not None:
        yield run


def until(known: Iterable[Run], moment: datetime) -> tuple[Run, ...]:
    """What is known of runs up to a moment: that which goes on over it ends there, and with the
    looks after it (`continued`) it is what it was.
    """
    return tuple(
        Run(run.first, min(run.last, moment), run.state, run.planned)
        for run in known
        if run.first <= moment
    )


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
