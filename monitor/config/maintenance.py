"""[[maintenance]] as it is written; what a window means is in `monitor.core.maintenance`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from checks.settings import Settings
from monitor.config.day_span import DailySpan
from monitor.core.maintenance import Daily, Once, Window

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _site_time(written: datetime) -> datetime:
    # An offset beside the site's zone would be two answers to one question: which of them counts in
    # summer?
    if written.tzinfo is not None:
        raise ValueError(
            "has an offset; write it in the site's own time, as in 2026-12-24T22:00:00"
        )
    return written


SiteTime = Annotated[
    datetime,
    AfterValidator(_site_time),
    WithJsonSchema({"type": "string", "format": "local-date-time"}),
]


class Maintenance(Settings):
    """A time in which failures are expected: once (`start`, `end`) or again and again (`daily`)."""

    checks: tuple[str, ...] = Field(default=("*",), min_length=1, examples=[["trunk", "*-portal"]])
    """names of checks, or patterns with * and ?"""
    start: SiteTime | None = Field(default=None, examples=["2026-12-24T22:00:00"])
    """when it begins, in site time"""
    end: SiteTime | None = Field(default=None, examples=["2026-12-25T02:00:00"])
    """when it ends, in site time"""
    daily: DailySpan | None = Field(default=None, examples=["02:00-03:00"])
    """the span of every day; one that ends before it begins ends on the next day"""
    days: tuple[Day, ...] = Field(default=(), examples=[["sun"]])
    """the days of the week on which `daily` begins; without it every day"""
    reason: str = Field(default="", examples=["weekly database work"])
    """why, for tickets and mails"""

    @model_validator(mode="after")
    def _once_or_daily(self) -> Maintenance:
        if self.daily is None and self.start is None and self.end is None:
            raise ValueError("says no time; write either 'start' and 'end', or 'daily'")
        if self.daily is not None and (self.start is not None or self.end is not None):
            raise ValueError("is both once and daily; write either 'start' and 'end', or 'daily'")
        if self.daily is None and self.days:
            raise ValueError(
                "has 'days' without 'daily'; write 'daily', as in daily = \"02:00-03:00\""
            )
        if self.daily is None and (self.start is None or self.end is None):
            raise ValueError("has only one of 'start' and 'end'; write both")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("ends before it begins; write an 'end' after its 'start'")
        return self

    def window(self, zone: str) -> Window:
        """The window itself, in the site's time zone."""
        weekdays = frozenset(_DAYS.index(day) for day in self.days or _DAYS)
        when: Once | Daily
        if self.daily is not None:
            when = Daily(self.daily.start, self.daily.end, weekdays)
        else:
            # The validator has seen to it that a window which is not daily has both ends.
            assert self.start is not None and self.end is not None  # noqa: S101 - validated
            when = Once(self.start, self.end)
        return Window(self.checks, when, zone, self.reason)
