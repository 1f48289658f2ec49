"""What a time column holds, and what it means: seconds since 1970, or wall times of some zone, as
the job says.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from checks.data.hygiene.stores import Bound
from checks.data.usage.day import Day
from checks.data.usage.source_faults import SourceFault


def column_zone(job: Mapping[str, Any]) -> str:
    """The zone that the column's wall times are of; seconds since 1970 have none."""
    # Seconds since 1970 are read as if in UTC: they have no zone of their own.
    return {"site": str(job["zone"]), "utc": "UTC", "epoch": "UTC"}.get(
        job["times"], str(job["times"])
    )


def span_of(job: Mapping[str, Any], day: Day) -> tuple[Bound, Bound]:
    """A day as the column would have it: its first instant, and the first one after it."""
    return bound_of(job, day.begin), bound_of(job, day.end)


def bound_of(job: Mapping[str, Any], instant: int) -> Bound:
    """An instant as the column would have it."""
    if job["times"] == "epoch":
        return instant
    wall = datetime.datetime.fromtimestamp(instant, ZoneInfo(column_zone(job)))
    return wall.strftime("%Y-%m-%d %H:%M:%S")


def instant_of(job: Mapping[str, Any], value: Any) -> float:
    """UTC seconds of a time as the column holds it. Raises SourceFault."""
    zone = ZoneInfo(column_zone(job))
    try:
        # Numbers first: a driver may give an epoch as a number whatever the job says.
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, datetime.datetime):
            return (value if value.tzinfo else value.replace(tzinfo=zone)).timestamp()
        # A column of dates has whole days: its records are of local midnight.
        if isinstance(value, datetime.date):
            return datetime.datetime.combine(value, datetime.time(), zone).timestamp()
        if job["times"] == "epoch":
            return float(value)
        told = datetime.datetime.fromisoformat(str(value))
        return (told if told.tzinfo else told.replace(tzinfo=zone)).timestamp()
    except ValueError:
        raise SourceFault(
            "not-records", f"{job['time']} holds {str(value)[:40]!r}, which is no time"
        ) from None
