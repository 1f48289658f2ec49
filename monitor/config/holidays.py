"""The days on which nobody at a site works: dates, and the public holidays of a country or of one
of its parts (ISO 3166), less those that the site works on.

    holidays = ["IN-MH", "2026-10-30", "not 2026-08-15"]
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

# A ticket outlives no decade, and each year of a country takes a millisecond to work out.
_YEARS = range(2020, 2051)
_NOT = "not "


def holidays_of(written: Sequence[str]) -> frozenset[date]:
    """The days. Raises ValueError for what is neither a date nor a country."""
    days: set[date] = set()
    worked: set[date] = set()
    for entry in written:
        kept = worked if entry.startswith(_NOT) else days
        kept.update(_days(entry.removeprefix(_NOT).strip()))
    return frozenset(days - worked)


def _days(written: str) -> set[date]:
    try:
        return {date.fromisoformat(written)}
    except ValueError:
        return _of_country(written)


def _of_country(written: str) -> set[date]:
    # Imported where a site names a country: its tables are large, and most sites write dates.
    import holidays

    country, _, part = written.upper().partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=_YEARS)
    except NotImplementedError:
        raise ValueError(
            f"{written!r} is no date and no country whose holidays are known; write dates as in"
            ' "2026-12-25", or a country as in "IN", "US-TX" or "DE-BY"'
        ) from None
    return set(found)
