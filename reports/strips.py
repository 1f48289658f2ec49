"""A check's last days as one strip: stretches of time as rectangles, days as ticks. Pure.

Positions are thousandths of the width. A strip says in words what it shows, for those who do not
see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reports.formats import local, span

WIDTH = 1000.0
# A bad minute in a week is 0.1 thousandths wide: it must be seen all the same.
_LEAST_BAD = 5.0
# More rectangles than a screen has pixels show nothing more, and a flapping check has thousands.
_CELLS = 250
# The worst of a cell is what it shows: what is worse stands further back.
_ORDER = ("", "OK", "planned", "UNKNOWN", "DEGRADED", "FAILED")


@dataclass(frozen=True, slots=True)
class Moments:
    """A time in which a check stood in one way: "OK", "DEGRADED", "FAILED", "UNKNOWN", "planned",
    or "" where nobody knows.
    """

    start: datetime
    end: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One rectangle; `words` say when it was, and how long."""

    left: float
    width: float
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A strip, ready to be drawn."""

    marks: tuple[Mark, ...]
    days: tuple[tuple[float, str], ...]
    """where each day begins, and what it is called"""
    words: str
    """all of it in one sentence's worth of facts: what was bad, the last first"""


def strip(parts: Sequence[Moments], start: datetime, end: datetime, zone: str) -> Strip:
    """Draw stretches that go from `start` to `end`."""
    shown = parts if len(parts) <= _CELLS else _cells(parts, start, end)
    whole = (end - start).total_seconds()

    def at(moment: datetime) -> float:
        return WIDTH * (moment - start).total_seconds() / whole

    marks = [Mark(*_seen(at(p.start), at(p.end), p.state), p.state, _words(p, zone)) for p in shown]
    # What is bad is drawn last, so that no good neighbour covers its least width.
    marks.sort(key=lambda mark: _ORDER.index(mark.state))
    bad = [p for p in parts if p.state in ("FAILED", "DEGRADED", "UNKNOWN")]
    words = "; ".join(_words(p, zone) for p in reversed(bad[-3:]))
    return Strip(tuple(marks), tuple(_days(start, end, zone, at)), words)


def _seen(left: float, right: float, state: str) -> tuple[float, float]:
    width = right - left
    if state in ("FAILED", "DEGRADED", "UNKNOWN"):
        width = max(width, _LEAST_BAD)
    return round(min(left, WIDTH - width), 2), round(width, 2)


def _words(part: Moments, zone: str) -> str:
    length = span((part.end - part.start).total_seconds())
    return f"{part.state or 'not looked at'} from {local(part.start, zone)} for {length}"


def _days(
    start: datetime, end: datetime, zone: str, at: Callable[[datetime], float]
) -> Iterable[tuple[float, str]]:
    there = start.astimezone(ZoneInfo(zone))
    day = there.date()
    for _ in range((end - start).days + 1):
        day += timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        if midnight < end:
            yield round(at(midnight), 2), f"{midnight:%a} {midnight.day}"


def _cells(parts: Sequence[Moments], start: datetime, end: datetime) -> list[Moments]:
    """The worst of each cell of a grid; equal neighbours are one."""
    size = (end - start) / _CELLS
    worst = [""] * _CELLS
    for part in parts:
        first = int((part.start - start) / size)
        last = min(_CELLS - 1, int((part.end - start) / size))
        for number in range(first, last + 1):
            worst[number] = max(worst[number], part.state, key=_ORDER.index)
    found: list[Moments] = []
    for number, state in enumerate(worst):
        begins, ends = start + number * size, start + (number + 1) * size
        if found and found[-1].state == state:
            found[-1] = Moments(found[-1].start, ends, state)
        else:
            found.append(Moments(begins, ends, state))
    return found
