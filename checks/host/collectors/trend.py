"""Where a value is going: a robust slope through remembered values, and when it meets a limit.
Pure.

The slope is that of Theil and Sen: the median of the slopes between all pairs. Up to 29 % of the
values may be nonsense (a night's scratch file, a clean-up) without moving it.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

_DAY_SECONDS = 86400.0
# Nearly nine a day for two weeks; the slopes between all pairs are then some 7000.
_MOST_POINTS = 120
Points = Sequence[Sequence[float]]
"""[seconds since 1970, value], the oldest first"""


def kept(points: Points, now: float, value: float, days: float = 14.0) -> list[list[float]]:
    """The remembered values with a new one: of the last `days`, not closer to each other than the
    newest need be.
    """
    gap = days * _DAY_SECONDS / _MOST_POINTS
    young = [[float(at), float(v)] for at, v in points if now - days * _DAY_SECONDS <= at < now]
    # The newest value is kept at every look, and replaced by the next one until a gap has passed.
    spread = young[:-1] if len(young) > 1 and young[-1][0] - young[-2][0] < gap else young
    return [*spread[-_MOST_POINTS:], [now, float(value)]]


def slope_a_day(points: Points, least_points: int = 4, least_days: float = 0.5) -> float | None:
    """How much the value grows in a day; None where there is too little to tell."""
    if len(points) < least_points or points[-1][0] - points[0][0] < least_days * _DAY_SECONDS:
        return None
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for place, earlier in enumerate(points)
        for later in points[place + 1 :]
        if later[0] > earlier[0]
    ]
    return median(slopes) * _DAY_SECONDS if slopes else None


def days_until(points: Points, limit: float) -> float | None:
    """The days until the value meets the limit; 0 when it has, None when it does not go there."""
    if points and points[-1][1] >= limit:
        return 0.0
    slope = slope_a_day(points)
    return (limit - points[-1][1]) / slope if slope is not None and slope > 0 else None
