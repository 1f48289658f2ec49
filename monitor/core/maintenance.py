"""Maintenance windows: a time in which checks are looked at and judged as ever, and nobody is told.

Wall times are the site's. A window once goes from start to end; a daily one may cross midnight and
belongs to the day on which it begins. Windows that overlap or touch are one: the end of maintenance
is the end of the last of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from monitor.core.local_time import instant
from monitor.core.open_hours import Span

# Daily windows that touch each other never end. For a ticket a year ahead is as good as never, and
# it bounds the search.
_LONGEST_CHAIN_DAYS = 366


@dataclass(frozen=True, slots=True)
class Once:
    """From one wall date and time to another."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo or self.end.tzinfo or self.end <= self.start:
            raise ValueError(
                "a window needs a start and a later end, both as wall times without an offset"
            )

    # A window that is written with dates is the same whatever day it is asked for.
    def spans(self, today: date, zone: ZoneInfo) -> Iterator[Span]:  # noqa: ARG002 - own dates
        """The interval from start to end, as half-open UTC instants."""
        yield instant(self.start, zone), instant(self.end, zone)


@dataclass(frozen=True, slots=True)
class Daily:
    """From one wall time to another, on the given weekdays (0 is Monday). An end not after the
    start is next day's.
    """

    start: time
    end: time
    weekdays: frozenset[int] = frozenset(range(7))

    def __post_init__(self) -> None:
        if self.start == self.end or not self.weekdays or not self.weekdays <= frozenset(range(7)):
            raise ValueError("a daily window needs two different times and at least one weekday")

    def spans(self, today: date, zone: ZoneInfo) -> Iterator[Span]:
        """The intervals that may hold an instant of this local date."""
        # A night window of yesterday may still run; two days back, because zones have skipped a
        # whole date (Samoa, 30 December 2011).
        for day in (today + timedelta(days=n) for n in range(-2, 2)):
            if day.weekday() in self.weekdays:
                until = day if self.start < self.end else day + timedelta(days=1)
                yield (
                    instant(datetime.combine(day, self.start), zone),
                    instant(datetime.combine(until, self.end), zone),
                )


@dataclass(frozen=True, slots=True)
class Between:
    """From one instant to another, both aware: what a person began beside the configuration."""

    begin: datetime
    end: datetime

    def spans(self, today: date, zone: ZoneInfo) -> Iterator[Span]:  # noqa: ARG002 - own instants
        """The interval from begin to end; none where it was stopped as it began."""
        if self.begin < self.end:
            yield self.begin, self.end


@dataclass(frozen=True, slots=True)
class Window:
    """When, for which checks (globs of their names), and why."""

    checks: tuple[str, ...]
    when: Once | Daily | Between
    zone: str
    reason: str = ""

    def covers(self, check: str) -> bool:
        """Whether it speaks of this check."""
        return any(fnmatchcase(check, pattern) for pattern in self.checks)

    def current(self, now: datetime) -> Span | None:
        """The interval that is under way, half-open, in UTC."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        return next(
            (span for span in self.when.spans(today, zone) if span[0] <= now < span[1]), None
        )

    def begins_within(self, now: datetime, ahead: timedelta) -> Span | None:
        """The first interval that begins after `now`, and within so much time; in UTC."""
        zone = ZoneInfo(self.zone)
        first, last = (at.astimezone(zone).date() for at in (now, now + ahead))
        # A day more: a zone may skip one.
        days = (first + timedelta(days=n) for n in range((last - first).days + 2))
        spans = (span for day in days for span in self.when.spans(day, zone))
        return min((span for span in spans if now < span[0] <= now + ahead), default=None)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A check is under maintenance, until when, and why (of the window that ends first)."""

    until: datetime
    reason: str


def active(windows: Sequence[Window], check: str, now: datetime) -> Maintenance | None:
    """Whether a check is under maintenance now. `until` is at most about a year ahead where windows
    never end.
    """
    speaking = [window for window in windows if window.covers(check)]
    reasons = [(span[1], window.reason) for window in speaking if (span := window.current(now))]
    if not reasons:
        return None
    # The next window may begin while this one runs: follow them to the end of the last, or the
    # recovery is told too early.
    until, horizon = min(reasons)[0], now + timedelta(days=_LONGEST_CHAIN_DAYS)
    while until < horizon and (
        later := [span[1] for window in speaking if (span := window.current(until))]
    ):
        until = max(later)
    return Maintenance(until, min(reasons)[1])
