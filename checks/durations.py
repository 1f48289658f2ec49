"""Durations as people write them: "250ms", "20s", "5m", "1h30m", "7d". In code they are seconds."""

from __future__ import annotations

import re
from typing import Annotated, get_args

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from checks.messages import shown

# A month and a year have no fixed length, so there is no unit for them.
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(?<!\d)(\d++(?:\.\d++)?)(ms|[smhdw])")


def parse_duration(written: object) -> float:
    """Seconds from "250ms", "20s", "5m", "1h30m", "7d". Raises ValueError."""
    text = written if isinstance(written, str) else ""
    # Bounded before the pattern is tried; forty characters write any honest duration.
    if len(text) > 40 or not re.fullmatch(f"(?:{_PART.pattern})+", text, re.ASCII):
        raise ValueError(
            f"{shown(written)} is not a duration; write a number with its unit, as in '20s', '5m',"
            " '1h30m'"
        )
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def write_duration(seconds: float) -> str:
    """The shortest way to write a duration: 90 -> "1m30s", 0.25 -> "250ms"."""
    left, text = round(seconds * 1000), ""
    for unit in ("w", "d", "h", "m", "s", "ms"):
        count, left = divmod(left, round(_UNITS[unit] * 1000))
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _duration(written: object, info: ValidationInfo) -> object:
    """Seconds of a written duration. A file must write the unit; code gives seconds."""
    in_a_file = "directory" in (info.context or {})
    # `within = 20` could be seconds, minutes (as in Nagios) or milliseconds, so a file always
    # writes the unit.
    return written if isinstance(written, float) and not in_a_file else parse_duration(written)


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    WithJsonSchema(
        {"type": "string", "format": "duration", "pattern": r"^(\d+(\.\d+)?(ms|[smhdw]))+$"}
    ),
]
"""Seconds; written as "20s", "5m", "1h30m"."""


def is_duration(annotation: object) -> bool:
    """Whether an annotation is a Duration, or may be one."""
    here = any(
        isinstance(mark, BeforeValidator) and mark.func is _duration
        for mark in get_args(annotation)
    )
    return here or any(is_duration(part) for part in get_args(annotation))
