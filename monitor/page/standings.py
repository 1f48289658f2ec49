"""A check's strip, and how much of the time it was up."""

from __future__ import annotations

from datetime import datetime

from monitor.core.availability import Availability, Stretch, availability
from reports.strips import Moments, Strip, strip


def drawn(
    parts: tuple[Stretch, ...], start: datetime, end: datetime, zone: str
) -> tuple[Strip, Availability]:
    """A strip, and what it comes to."""
    shown = [
        Moments(part.start, part.end, "planned" if _in_maintenance(part) else part.state)
        for part in parts
    ]
    return strip(shown, start, end, zone), availability(parts)


def _in_maintenance(part: Stretch) -> bool:
    return part.planned and part.state == "FAILED"
