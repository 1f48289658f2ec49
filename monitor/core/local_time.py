"""From the clock on the wall to an instant: the first one at which that clock shows the time, or a
later one.

So a time that comes twice (autumn) means its first coming (fold=0, PEP 495), and a time that never
comes (spring, or a day that a zone skipped) means the first instant after the gap. Instants are
aware UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a naive wall time in a zone."""
    # PEP 495: within a gap fold=0 has the offset from before it and fold=1 the one from after it,
    # so the two enclose it.
    before, after = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    found = before.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return found
    return _end_of_gap(after.astimezone(UTC), found, zone)


def _end_of_gap(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The change of offset after `early` and not after `late`, to the second (as the zone database
    has them).
    """
    # The zone database has its changes on whole seconds (RFC 8536 stores integers), so the search
    # may end at one second.
    early, old = early.replace(microsecond=0), early.astimezone(zone).utcoffset()
    low, high = 0, int((late - early).total_seconds()) + 1
    while high - low > 1:
        middle = (low + high) // 2
        unchanged = (early + timedelta(seconds=middle)).astimezone(zone).utcoffset() == old
        low, high = (middle, high) if unchanged else (low, middle)
    return early + timedelta(seconds=high)
