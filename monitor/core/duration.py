"""Durations as policies write them: "30m", "2h", "7d". Whole seconds, so that due times are exact."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"([0-9]+)([smhdw])")


def duration_seconds(written: object) -> int:
    """Seconds from "30m", "1h30m" or "7d". Raises ValueError with the right form."""
    text = written if isinstance(written, str) else ""
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise ValueError(f"{written!r} is not a duration")
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def written_duration(seconds: float) -> str:
    """The shortest writing of a duration in days, hours, minutes and seconds: 5400 -> "1h30m"."""
    rest, parts = round(seconds), []
    for unit in "dhms":
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
