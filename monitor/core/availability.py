"""How a check stood over a time: looks into stretches, and stretches into shares of the time.

Rules:
1. A look holds until the next one, and never longer than the timetable lets it (`holds`): beyond
   that nobody knows, and what nobody knows is neither up nor down.
2. What failed within an agreed maintenance is no downtime (ITIL: availability is measured within
   the agreed service time).
3. DEGRADED is up, and worse than agreed; UNKNOWN is as if nobody had looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.core.verdict import State

# What was said of a stretch in which nobody looked.
UNSEEN = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Looks in a row that said the same: the first and the last of them."""

    first: datetime
    last: datetime
    state: State
    planned: bool = False
    """within a maintenance"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a check stood in one way; `state` is UNSEEN where nobody knows."""

    start: datetime
    end: datetime
    state: str
    planned: bool = False

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Availability:
    """Seconds of a time, by how the check stood in them."""

    up: float = 0.0
    """of these `degraded` were worse than agreed"""
    degraded: float = 0.0
    down: float = 0.0
    planned: float = 0.0
    """failed within a maintenance"""
    unseen: float = 0.0

    @property
    def percent(self) -> float | None:
        """Up, of the time that is known; None where nothing is."""
        known = self.up + self.down
        return 100 * self.up / known if known else None

    @property
    def known_percent(self) -> float:
        """How much of the time is known."""
        whole = self.up + self.down + self.planned + self.unseen
        return 100 * (whole - self.unseen) / whole if whole else 0.0


def stretches(
    runs: Sequence[Run], start: datetime, end: datetime, holds: timedelta
) -> tuple[Stretch, ...]:
    """The time from `start` to `end` without a gap, by runs in the order of their looks."""
    return tuple(_joined(_clipped(_laid(runs, start, end, holds), start, end)))


def availability(parts: Iterable[Stretch]) -> Availability:
    """What stretches come to."""
    seconds = dict.fromkeys(("up", "degraded", "down", "planned", "unseen"), 0.0)
    for part in parts:
        kind = _kind(part)
        seconds[kind] += part.seconds
        if part.state == State.DEGRADED:
            seconds["degraded"] += part.seconds
    return Availability(**seconds)


def _kind(part: Stretch) -> str:
    if part.state in (State.OK, State.DEGRADED):
        return "up"
    if part.state == State.FAILED:
        return "planned" if part.planned else "down"
    return "unseen"


def _laid(
    runs: Sequence[Run], start: datetime, end: datetime, holds: timedelta
) -> Iterator[Stretch]:
    """Runs and the gaps between them, from `start` or before to `end` or after."""
    at = min([start, *(run.first for run in runs[:1])])
    for number, run in enumerate(runs):
        following = runs[number + 1].first if number + 1 < len(runs) else end
        over = min(max(following, run.last), run.last + holds)
        if run.first > at:
            yield Stretch(at, run.first, UNSEEN)
        yield Stretch(run.first, over, str(run.state), run.planned)
        at = max(at, over)
    if at < end:
        yield Stretch(at, end, UNSEEN)


def _clipped(parts: Iterable[Stretch], start: datetime, end: datetime) -> Iterator[Stretch]:
    for part in parts:
        begins, ends = max(part.start, start), min(part.end, end)
        if begins < ends:
            yield Stretch(begins, ends, part.state, part.planned)


def _joined(parts: Iterable[Stretch]) -> Iterator[Stretch]:
    """Those that follow each other and say the same, as one."""
    last: Stretch | None = None
    for part in parts:
        if last is None:
            last = part
        elif (last.state, last.planned, last.end) == (part.state, part.planned, part.start):
            last = Stretch(last.start, part.end, last.state, last.planned)
        else:
            yield last
            last = part
    if last is not None:
        yield last
