"""Lines of a report, read again out of plain data: dates and moments by their fields' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Any

_MOMENTS = ("opened_at", "closed_at", "data_as_of", "proven_at", "since", "until", "due_at", "at")


def line_of(line: type, written: Mapping[str, Any]) -> Any:
    """A line of a class, out of plain data. Raises TypeError, ValueError."""
    values = dict(written)
    for one in fields(line):
        # A report of an older release lacks fields that came later: their defaults say what was not
        # known then.
        if one.name not in values:
            continue
        value = values[one.name]
        if one.name in _MOMENTS:
            values[one.name] = moment_of(value)
        elif one.name == "day":
            values[one.name] = day_of(value)
        elif isinstance(value, list):
            values[one.name] = tuple(value)
    return line(**values)


def day_of(written: str | None) -> date | None:
    """A date, out of ISO 8601."""
    return date.fromisoformat(written) if written else None


def moment_of(written: str | None) -> datetime | None:
    """A moment, out of ISO 8601."""
    return datetime.fromisoformat(written) if written else None
