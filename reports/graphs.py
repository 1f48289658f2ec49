"""A measure over time as a line. Pure: positions are thousandths of the width, heights are in a
viewBox of 200 whose 0 is the top.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from reports.pages import Graph

WIDTH, HEIGHT = 1000.0, 200.0
# As many as there are pixels: what falls between two of them is drawn as its lowest and highest.
_COLUMNS = 500
_BOUND = re.compile(r"(<=|>=|<|>|==|!=)\s*(-?[0-9.]+)")


def graph(
    name: str,
    meaning: str,
    values: Sequence[tuple[datetime, float]],
    start: datetime,
    end: datetime,
    zone: str,
    expected: str = "",
) -> Graph | None:
    """One measure, oldest first; None where there are fewer than two points. A gap of more than
    three usual steps is a gap in the line. `expected` is written as in `mos >= 3.6`.
    """
    if len(values) < 2:
        return None
    bound = _bound(expected)
    heights = [value for _, value in values] + ([bound] if bound is not None else [])
    # From nought where all of it is above: half a second more is then seen to be little, or much.
    least, most = min(0.0, *heights), max(heights)
    scale = (most - least) or 1.0
    whole = (end - start).total_seconds()

    def place(at: datetime, value: float) -> tuple[float, float]:
        left = WIDTH * (at - start).total_seconds() / whole
        return left, HEIGHT - (value - least) / scale * (HEIGHT - 10)

    return Graph(
        name=name,
        meaning=meaning,
        path=_line([place(*one) for one in values], _gap(values, whole)),
        points=len(values),
        least=min(value for _, value in values),
        most=max(value for _, value in values),
        last=values[-1][1],
        bound=None if bound is None else round(place(start, bound)[1], 1),
        bound_words=expected,
        ticks=_ticks(start, end, zone),
    )


def _bound(expected: str) -> float | None:
    found = _BOUND.search(expected)
    return float(found[2]) if found else None


def _gap(values: Sequence[tuple[datetime, float]], whole: float) -> float:
    steps = sorted((after[0] - before[0]).total_seconds() for before, after in pairwise(values))
    return 3 * max(steps[len(steps) // 2], 1.0) / whole * WIDTH


def _line(places: Sequence[tuple[float, float]], gap: float) -> str:
    """A path; where there are more points than columns, the lowest and highest of each column."""
    drawn, before = [], None
    for left, height in _thinned(places):
        command = "M" if before is None or left - before > max(gap, WIDTH / _COLUMNS * 2) else "L"
        drawn.append(f"{command}{left:.1f},{height:.1f}")
        before = left
    return " ".join(drawn)


def _thinned(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(places) <= 2 * _COLUMNS:
        return list(places)
    columns: dict[int, list[tuple[float, float]]] = {}
    for place in places:
        columns.setdefault(int(place[0] / WIDTH * _COLUMNS), []).append(place)
    thinned = []
    for found in columns.values():
        low, high = min(found, key=lambda p: p[1]), max(found, key=lambda p: p[1])
        thinned += sorted({low, high})
    return thinned


def _ticks(start: datetime, end: datetime, zone: str) -> tuple[tuple[float, str], ...]:
    """At most eight days, by their midnights."""
    days = (end - start).days + 1
    step = max(1, -(-days // 8))
    first = start.astimezone(ZoneInfo(zone)).date()
    whole, found = (end - start).total_seconds(), []
    for number in range(1, days + 1, step):
        day = first + timedelta(days=number)
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        if start < midnight < end:
            left = WIDTH * (midnight - start).total_seconds() / whole
            found.append((round(left, 1), f"{midnight.day} {midnight:%b}"))
    return tuple(found)
