"""When a cookie ends, as browsers read it (RFC 6265 section 5.1.1): a time, a day, a month and a
year, wherever they stand among whatever else; the zone is not looked at.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

# What may stand between two words: blanks and most signs, but no colon.
_BETWEEN = re.compile(r"[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?!\d)", re.A)
_DAY = re.compile(r"\d{1,2}(?!\d)", re.A)
_YEAR = re.compile(r"\d{2,4}(?!\d)", re.A)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST = 100


def seconds(written: str) -> float | None:
    """Seconds since 1970; None for what browsers cannot read."""
    clock = day = month = year = None
    for word in _BETWEEN.split(written[:_LONGEST]):
        if clock is None and (clock := _TIME.match(word)):
            continue
        if day is None and (day := _DAY.match(word)):
            continue
        if month is None and word[:3].lower() in _MONTHS:
            month = 1 + _MONTHS.index(word[:3].lower())
            continue
        year = year or _YEAR.match(word)
    if not (clock and day and month and year):
        return None
    full = int(year[0])
    full += 1900 if 70 <= full <= 99 else 2000 if full < 70 else 0
    hour, minute, second = map(int, clock.groups())
    try:
        return datetime(full, month, int(day[0]), hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
