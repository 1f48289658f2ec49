"""Times of the day as people write them: "08:30", and spans such as "22:00-06:30"."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from checks.settings import shown


def clock_time(written: object) -> time:
    """A time of day from "08:30". Raises ValueError."""
    if isinstance(written, time):
        return written
    # [0-9], not \d, which takes the digits of every script.
    match = re.fullmatch(r"([0-9]{2}):([0-9]{2})", written) if isinstance(written, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError(
            f"{shown(written)} is no time of day; write hours and minutes, as in '08:30'"
        )
    return time(int(match[1]), int(match[2]))


class Span(NamedTuple):
    """From one time of day to another, over midnight if the second is the earlier one."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def _span(written: object) -> Span:
    if isinstance(written, Span):
        return written
    parts = (
        re.fullmatch(r"([0-9:]{5})\s*-\s*([0-9:]{5})", written)
        if isinstance(written, str)
        else None
    )
    if parts is None:
        raise ValueError(f"{shown(written)} is no span of the day; write one as in '02:00-03:00'")
    span = Span(clock_time(parts[1]), clock_time(parts[2]))
    if span.start == span.end:
        raise ValueError(f"{shown(written)} begins when it ends; write one as in '02:00-03:00'")
    return span


ClockTime = Annotated[
    time,
    BeforeValidator(clock_time),
    PlainSerializer(lambda at: f"{at:%H:%M}"),
    WithJsonSchema(
        {"type": "string", "format": "clock-time", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
    ),
]
DailySpan = Annotated[
    Span,
    BeforeValidator(_span),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "span",
            "pattern": r"^[0-2][0-9]:[0-5][0-9]\s*-\s*[0-2][0-9]:[0-5][0-9]$",
        }
    ),
]
