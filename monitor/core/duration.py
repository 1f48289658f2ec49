"""Durations as policies write them, in the grammar of the configuration ("30m", "1h30m", "7d").

Rule: whole seconds, so that due times are exact.
"""

from __future__ import annotations

from checks.durations import parse_duration

_EXACT = 1e-6  # what a sum of decimal parts (1.1m) may differ from whole seconds by


class NotWhole(ValueError):
    """A duration that ends within a second."""


def duration_seconds(written: object) -> int:
    """Seconds from "30m", "1h30m" or "7d". Raises NotWhole, or ValueError for what is no
    duration."""
    seconds = parse_duration(written)
    if abs(seconds - round(seconds)) > _EXACT:
        raise NotWhole(f"{written!r} is no whole number of seconds")
    return round(seconds)
