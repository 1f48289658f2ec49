"""Maintenance windows at the site's wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.core.maintenance import Daily, Maintenance, Once, Window, active

CHICAGO, BERLIN = "America/Chicago", "Europe/Berlin"


def at(written: str, zone: str = CHICAGO, fold: int = 0) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def once(start: str, end: str, *checks: str, zone: str = CHICAGO, reason: str = "") -> Window:
    return Window(
        checks or ("*",),
        Once(datetime.fromisoformat(start), datetime.fromisoformat(end)),
        zone,
        reason,
    )


def daily(
    start: str, end: str, *days: int, zone: str = CHICAGO, reason: str = "", checks: str = "*"
) -> Window:
    weekdays = frozenset(days or range(7))
    return Window(
        (checks,), Daily(time.fromisoformat(start), time.fromisoformat(end), weekdays), zone, reason
    )


def test_a_window_once_holds_from_its_start_until_just_before_its_end() -> None:
    window = once("2026-05-01T22:00", "2026-05-02T02:00", reason="new PBX")
    assert active([window], "main", at("2026-05-01T21:59:59")) is None
    assert active([window], "main", at("2026-05-01T22:00")) == Maintenance(
        at("2026-05-02T02:00"), "new PBX"
    )
    assert active([window], "main", at("2026-05-02T01:59:59")) is not None
    assert active([window], "main", at("2026-05-02T02:00")) is None


@pytest.mark.parametrize(
    ("check", "covered"), [("trunk-a", True), ("trunk-b", True), ("portal", True), ("main", False)]
)
def test_a_window_speaks_of_the_checks_that_its_globs_name(check: str, covered: bool) -> None:
    window = once("2026-05-01T22:00", "2026-05-02T02:00", "trunk-*", "portal")
    assert (active([window], check, at("2026-05-01T23:00")) is not None) is covered


def test_a_daily_window_on_some_days_belongs_to_the_day_on_which_it_begins() -> None:
    night = daily("23:00", "01:00", 6)  # Sunday night
    assert active([night], "main", at("2026-05-03T23:30")) is not None
    assert active([night], "main", at("2026-05-04T00:30")) == Maintenance(
        at("2026-05-04T01:00"), ""
    )
    assert active([night], "main", at("2026-05-03T00:30")) is None
    assert active([night], "main", at("2026-05-04T23:30")) is None


def test_windows_that_touch_or_overlap_end_with_the_last_of_them() -> None:
    windows = [
        once("2026-05-01T22:00", "2026-05-02T00:00", reason="first"),
        once("2026-05-02T00:00", "2026-05-02T01:00", "other"),
        once("2026-05-01T23:30", "2026-05-02T01:30", reason="second"),
        daily("01:30", "02:00", reason="third"),
    ]
    assert active(windows, "main", at("2026-05-01T23:00")) == Maintenance(
        at("2026-05-02T02:00"), "first"
    )
    assert active(windows, "main", at("2026-05-01T23:45")) == Maintenance(
        at("2026-05-02T02:00"), "first"
    )


def test_windows_that_never_end_are_followed_for_about_a_year() -> None:
    windows = [daily("00:00", "12:00", zone="UTC"), daily("12:00", "00:00", zone="UTC")]
    now = datetime(2026, 5, 1, 13, tzinfo=UTC)
    found = active(windows, "main", now)
    assert found is not None
    assert timedelta(days=366) <= found.until - now <= timedelta(days=368)


def test_in_spring_a_window_in_the_gap_is_nothing_and_one_over_it_is_an_hour_shorter() -> None:
    gap = daily("02:15", "02:45")
    minutes = [at("2026-03-08T00:00") + timedelta(minutes=n) for n in range(6 * 60)]
    assert not any(active([gap], "main", minute) for minute in minutes)
    over = daily("01:30", "03:30")
    assert sum(1 for minute in minutes if active([over], "main", minute)) == 60


def test_in_autumn_a_window_in_the_repeated_hour_holds_at_its_first_coming_only() -> None:
    window = daily("01:00", "01:30")
    assert active([window], "main", at("2026-11-01T01:15", fold=0)) is not None
    assert active([window], "main", at("2026-11-01T01:15", fold=1)) is None


@pytest.mark.parametrize(
    "zone", [CHICAGO, BERLIN, "Australia/Lord_Howe", "America/Nuuk", "Asia/Kolkata"]
)
def test_a_nightly_window_comes_once_every_local_date_over_the_whole_year(zone: str) -> None:
    window = daily("02:30", "04:30", zone=zone)
    starts = set()
    now = datetime(2025, 12, 30, tzinfo=UTC)
    while now < datetime(2027, 1, 3, tzinfo=UTC):
        if span := window.current(now):
            starts.add(span[0])
            assert span[0] <= now < span[1]
        now += timedelta(minutes=45)
    dates = [start.astimezone(ZoneInfo(zone)).date() for start in sorted(starts)]
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [day for day in dates if day.year == 2026] == year


def test_windows_that_are_none_are_refused() -> None:
    noon = datetime(2026, 5, 1, 12)  # noqa: DTZ001 - a wall time
    for start, end in (
        (noon, noon),
        (noon, noon - timedelta(hours=1)),
        (noon.replace(tzinfo=UTC), noon),
    ):
        with pytest.raises(ValueError, match="a start and a later end"):
            Once(start, end)
    for days in (frozenset[int](), frozenset({7})):
        with pytest.raises(ValueError, match="at least one weekday"):
            Daily(time(2), time(3), days)
    with pytest.raises(ValueError, match="two different times"):
        Daily(time(2), time(2))
