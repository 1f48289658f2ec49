"""A calendar as a policy writes it: weekly hours, in a zone and without holidays that may be the
site's.

    [calendars.support]
    hours = ["Mon-Fri 08:00-18:00"]
    zone = "America/Chicago"        # without it the site's
    holidays = "site"               # without it none; or dates, ["2026-12-25"]

Three are always there: "24x7"; "mon-fri", Monday to Friday round the clock in the site's zone; and
"business-days", the same without the site's holidays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor.core.open_hours import Calendar, Calendars, Hours
from monitor.core.policy_terms import ROUND_THE_CLOCK
from monitor.core.table_reader import Table

SITE = "site"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHOLE_DAY = 1440
_HOURS = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?"
    r" (?P<from_h>\d{1,2}):(?P<from_m>\d{2})-(?P<to_h>\d{1,2}):(?P<to_m>\d{2})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CalendarPlan:
    """Weekly hours; `zone` and the holidays may be the site's own."""

    name: str
    weekly: tuple[Hours, ...] = ()
    zone: str = SITE
    holidays: frozenset[date] = frozenset()
    site_holidays: bool = False

    def at(self, zone: str, holidays: frozenset[date]) -> Calendar:
        """The calendar of a site."""
        own = self.holidays | (holidays if self.site_holidays else frozenset())
        return Calendar(zone if self.zone == SITE else self.zone, self.weekly, own)


_WORKDAYS = tuple(Hours(day, 0, _WHOLE_DAY) for day in range(5))
KNOWN = (
    CalendarPlan(ROUND_THE_CLOCK),
    CalendarPlan("mon-fri", _WORKDAYS),
    CalendarPlan("business-days", _WORKDAYS, site_holidays=True),
)


def at_site(plans: Sequence[CalendarPlan], zone: str, holidays: frozenset[date]) -> Calendars:
    """All of them at a site."""
    return Calendars(tuple((plan.name, plan.at(zone, holidays)) for plan in plans))


def read_calendar(name: str, table: Table) -> CalendarPlan:
    """One table of [calendars]; what is wrong is noted in the table."""
    weekly: list[Hours] = []
    for written in table.texts("hours"):
        weekly.extend(_hours(written, table))
    if not weekly:
        table.fault("hours", "no hours are given", 'write hours = ["Mon-Fri 08:00-18:00"]')
    return CalendarPlan(name, tuple(weekly), _zone(table), *_holidays(table))


def _hours(written: str, table: Table) -> Iterator[Hours]:
    found = _HOURS.fullmatch(written.strip())
    first = found["first"].lower() if found else ""
    last = (found["last"] or first).lower() if found else ""
    if found is None or first not in _DAYS or last not in _DAYS:
        right = 'write days and times, as in "Mon-Fri 08:00-18:00" or "Sat 09:00-13:00"'
        table.fault("hours", f"{written!r} does not do", right)
        return
    begin = int(found["from_h"]) * 60 + int(found["from_m"])
    end = int(found["to_h"]) * 60 + int(found["to_m"])
    start_day, days = _DAYS.index(first), (_DAYS.index(last) - _DAYS.index(first)) % 7 + 1
    try:
        for day in range(days):
            yield Hours((start_day + day) % 7, begin, end)
    except ValueError:
        table.fault("hours", f"{written!r} does not do", "write times from 00:00 to 24:00")


def _zone(table: Table) -> str:
    zone = table.text("zone", default=SITE)
    try:
        if zone != SITE:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        table.fault("zone", f"there is no zone {zone!r}", 'write one as in "America/Chicago"')
    return zone


def _holidays(table: Table) -> tuple[frozenset[date], bool]:
    """The dates that are written, and whether the site's own are left out too."""
    if table.field("holidays") == SITE:
        return frozenset(), True
    days: set[date] = set()
    for written in table.texts("holidays"):
        try:
            days.add(date.fromisoformat(written))
        except ValueError:
            table.fault("holidays", f"{written!r} is no date", 'write dates as in "2026-12-25"')
    return frozenset(days), False
