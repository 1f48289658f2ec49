"""In which hours a clock runs: a calendar of weekly hours in a zone, without its holidays, or round
the clock.

Wall times become half-open UTC intervals at once, merged and summed up, so that elapsed time and
due times are two bisections and right on the nights when clocks change. A target that ends at
closing time is due at closing time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from monitor.core.local_time import instant

Span = tuple[datetime, datetime]
"""From, until: half-open, aware UTC."""

_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
# A horizon is computed whole, so the short ones come first. Beyond 64 years the calendar is a
# mistake, and is said to be.
_HORIZONS_YEARS = (1, 4, 16, 64)


@dataclass(frozen=True, slots=True)
class Hours:
    """Open hours of one weekday (0 is Monday), in minutes of its wall clock; 1440 is the midnight
    at its end.

    An end that is not after the start is the next day's: a night shift belongs to the day on which
    it begins.
    """

    weekday: int
    start_minute: int
    end_minute: int

    def __post_init__(self) -> None:
        if not (
            0 <= self.weekday <= 6 and 0 <= self.start_minute < 1440 and 0 < self.end_minute <= 1440
        ):
            raise ValueError(
                f"{self} is not a part of a week: weekday 0-6, start 0-1439, end 1-1440"
            )

    def span(self, day: date, zone: ZoneInfo) -> Span:
        """These hours on one date, as a half-open UTC interval."""
        # A wall clock has no offset yet: the zone is asked for each end by itself, on nights of
        # change too.
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall clock
        overnight = timedelta(days=1) if self.end_minute <= self.start_minute else timedelta()
        start = midnight + timedelta(minutes=self.start_minute)
        end = midnight + overnight + timedelta(minutes=self.end_minute)
        return instant(start, zone), instant(end, zone)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekly hours in a zone; a holiday's date loses the hours that begin on it. Without hours:
    round the clock.
    """

    zone: str = "UTC"
    weekly: tuple[Hours, ...] = ()
    holidays: frozenset[date] = frozenset()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked for by every deadline; years of holidays are long to hash.
        object.__setattr__(self, "_hash", hash((self.zone, self.weekly, self.holidays)))

    def __hash__(self) -> int:
        return self._hash

    def open_spans(self, first: date, last: date) -> tuple[Span, ...]:
        """The open intervals that begin on the dates from `first` to `last`, merged and in
        order.
        """
        if not self.weekly:
            return ((_BEGINNING, _END),)
        zone = ZoneInfo(self.zone)
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        opened = ((day, hours) for day in days if day not in self.holidays for hours in self.weekly)
        return merged(
            hours.span(day, zone) for day, hours in opened if hours.weekday == day.weekday()
        )


ALWAYS = Calendar()


@dataclass(frozen=True, slots=True)
class Calendars:
    """The calendars of a policy by name. One that is not known (any more) is round the clock: a
    clock that runs too soon is seen, one that stands still is not.
    """

    named: tuple[tuple[str, Calendar], ...] = ()

    def get(self, name: str) -> Calendar:
        """The calendar of this name."""
        return next((calendar for known, calendar in self.named if known == name), ALWAYS)


NO_CALENDARS = Calendars()


class _Open:
    """Merged spans with their sums, for bisection."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.starts = [start for start, _ in spans]
        self.ends = [end for _, end in spans]
        self.sums = list(accumulate((end - start for start, end in spans), initial=timedelta()))

    def until(self, at: datetime) -> timedelta:
        """The open time from the beginning of the calendar to an instant."""
        place = bisect_right(self.starts, at)
        if place and at < self.ends[place - 1]:
            return self.sums[place] - (self.ends[place - 1] - at)
        return self.sums[place]

    def after(self, start: datetime, needed: timedelta, cuts: Sequence[Span]) -> datetime | None:
        """The first instant by which `needed` open time outside the cuts (in order) has passed
        since `start`; None beyond the horizon.
        """
        for cut_start, cut_end in cuts:
            if cut_end <= start:
                continue
            if start < cut_start:
                counted = self.until(cut_start) - self.until(start)
                if counted >= needed:
                    break
                needed -= counted
            start = cut_end
        goal = self.until(start) + needed
        # The first sum that reaches the goal: a target that ends at closing time is due then, and
        # not at the next opening.
        place = bisect_left(self.sums, goal, lo=1)
        if place >= len(self.sums):
            return None
        return self.starts[place - 1] + (goal - self.sums[place - 1])


def elapsed(
    start: datetime, end: datetime, calendar: Calendar = ALWAYS, pauses: Iterable[Span] = ()
) -> timedelta:
    """The time that counts between two instants; negative time is none."""
    opened = _opened(calendar, start.year, end.year)
    counted = (
        opened.until(until) - opened.until(since)
        for since, until in without([(start, end)], pauses)
    )
    return sum(counted, timedelta())


def due(
    start: datetime, seconds: float, calendar: Calendar = ALWAYS, pauses: Iterable[Span] = ()
) -> datetime:
    """The first instant by which `seconds` have counted since `start`. Raises ValueError if they
    never will.
    """
    if seconds <= 0:
        return start
    needed, cuts = timedelta(seconds=seconds), merged(pauses) if pauses else ()
    for years in _HORIZONS_YEARS:
        if found := _opened(calendar, start.year, start.year + years).after(start, needed, cuts):
            return found
    raise ValueError(
        f"the calendar has fewer than {seconds:g} open seconds in {_HORIZONS_YEARS[-1]} years"
    )


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Overlapping and touching spans joined, empty ones dropped, in order."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def without(spans: Iterable[Span], removed: Iterable[Span]) -> Iterator[Span]:
    """The spans with the removed intervals cut out."""
    cuts = merged(removed)
    for start, end in spans:
        for cut_start, cut_end in cuts:
            if cut_end <= start or cut_start >= end:
                continue
            if start < cut_start:
                yield start, cut_start
            # The cuts are in order, so whatever is left of the span begins after this one.
            start = cut_end  # noqa: PLW2901 - what is left of the span
        if start < end:
            yield start, end


# Every open incident asks again at every watch, for the same years: one entry serves them all.
# Pauses are not cut out of it: one that goes on has another end each time.
@lru_cache(maxsize=256)
def _opened(calendar: Calendar, first_year: int, last_year: int) -> _Open:
    """The open time of whole years, with a margin of a week for zones and night shifts."""
    first, last = (
        date(first_year, 1, 1) - timedelta(days=7),
        date(last_year, 12, 31) + timedelta(days=7),
    )
    return _Open(calendar.open_spans(first, last))
