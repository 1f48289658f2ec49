"""The body of an hour of a check (monitor/core/rollup.py): kept for months, and read by later
releases.
"""

from __future__ import annotations

from typing import Any, TypedDict

from checks.body import Body
from monitor.core.rollup import Counts, Spread


class HourBody(TypedDict):
    """State -> how many looks; how many of them a maintenance hid; measure -> how many values,
    mean, least, most.
    """

    states: dict[str, int]
    muted: int
    measures: dict[str, list[float]]


def _counts(told: dict[str, Any]) -> Counts:
    measures = {name: Spread(int(n), *spread) for name, (n, *spread) in told["measures"].items()}
    return Counts(told["states"], told["muted"], measures)


HOUR: Body[Counts] = Body("hour", HourBody, _counts)


def hour_body(counts: Counts) -> dict[str, Any]:
    """As JSON data; numbers to a microsecond, as observations have them."""
    measures = {
        name: [one.n, *(round(value, 6) for value in (one.mean, one.least, one.most))]
        for name, one in counts.measures.items()
    }
    return HOUR.numbered(
        {"states": dict(counts.states), "muted": counts.muted, "measures": measures}
    )
