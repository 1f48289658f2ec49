"""When a check is owed: both DST nights, gaps over midnight, downtime and clocks that jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.local_time import instant
from monitor.core.timetable import (
    Daily,
    Every,
    Slot,
    Timetable,
    newest_owed,
    next_after,
    phase_seconds,
)

ZONES = ["America/Chicago", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Nuuk"]
ODD_ZONES = [
    "Pacific/Apia",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
    "America/St_Johns",
    "Antarctica/Troll",
    "UTC",
]
MINUTE = timedelta(minutes=1)


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def walked(wall: datetime, zone: ZoneInfo) -> datetime:
    """By brute force: the first minute of UTC at which the wall clock shows the time or a later
    one.
    """
    at = wall.replace(tzinfo=UTC) - timedelta(hours=16)
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += MINUTE
    return at


def transitions(zone: ZoneInfo, year: int) -> list[date]:
    """The local dates of a year on which, or next to which, the offset changes."""
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
    offsets = [datetime(d.year, d.month, d.day, 12, tzinfo=zone).utcoffset() for d in days]
    return [d for d, old, new in zip(days[1:], offsets, offsets[1:], strict=False) if old != new]


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        ("America/Chicago", "2026-03-08T02:30", "2026-03-08T08:00"),  # skipped: 03:00 CDT
        ("America/Chicago", "2026-03-08T03:00", "2026-03-08T08:00"),
        ("America/Chicago", "2026-11-01T01:30", "2026-11-01T06:30"),  # twice: the first, CDT
        ("America/Chicago", "2026-11-01T04:00", "2026-11-01T10:00"),
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25T02:59", "2026-10-25T00:59"),
        ("Asia/Kolkata", "2026-03-29T04:00", "2026-03-28T22:30"),
        (
            "Australia/Lord_Howe",
            "2026-10-04T02:15",
            "2026-10-03T15:30",
        ),  # half an hour is skipped: 02:30 +11
        (
            "Australia/Lord_Howe",
            "2026-04-05T01:45",
            "2026-04-04T14:45",
        ),  # half an hour comes twice: the first, +11
        ("America/Nuuk", "2026-03-28T23:30", "2026-03-29T01:00"),  # the gap ends at midnight
        ("America/Nuuk", "2026-10-24T23:30", "2026-10-25T00:30"),
        ("Pacific/Apia", "2011-12-30T04:00", "2011-12-30T10:00"),  # a whole day is skipped
    ],
)
def test_a_wall_time_becomes_its_first_instant_or_the_end_of_the_gap(
    zone: str, wall: str, expected: str
) -> None:
    assert instant(datetime.fromisoformat(wall), ZoneInfo(zone)) == utc(expected)


@pytest.mark.parametrize("zone", [*ZONES, *ODD_ZONES])
def test_wall_times_around_every_change_of_clocks_agree_with_walking_minute_by_minute(
    zone: str,
) -> None:
    where = ZoneInfo(zone)
    for year in (2011, 2026):
        for day in transitions(where, year) or [date(year, 7, 1)]:
            start = datetime.combine(day, time()) - timedelta(hours=3)
            for minutes in range(0, 10 * 60, 35):
                wall = start + timedelta(minutes=minutes)
                assert instant(wall, where) == walked(wall, where), (zone, wall)


def lived(
    timetable: Timetable, moments: list[datetime], grace_seconds: float = 21600
) -> list[Slot]:
    """A daemon with a ledger that looks at these moments: what it runs. A key is claimed once, for
    ever.
    """
    ran: list[Slot] = []
    claimed: set[str] = set()
    newest: Slot | None = None
    for now in moments:
        slot = newest_owed(
            timetable,
            now,
            newest.at if newest else None,
            grace_seconds,
            newest.key if newest else "",
        )
        if slot is None or slot.key in claimed:
            continue
        claimed.add(slot.key)
        ran.append(slot)
        newest = slot if newest is None or slot.at >= newest.at else newest
    return ran


def woken(timetable: Timetable, start: datetime, end: datetime) -> list[datetime]:
    """The moments at which a daemon that sleeps until the next slot wakes."""
    moments, now = [start], start
    while (now := next_after(timetable, now)) <= end:
        moments.append(now)
    return moments


@pytest.mark.parametrize("zone", [*ZONES, *ODD_ZONES])
def test_over_a_year_each_daily_slot_runs_once_at_its_instant_under_its_date(zone: str) -> None:
    times = (time(1, 30), time(2, 30), time(4), time(23, 30))
    timetable = Daily(times, zone)
    start, end = utc("2026-01-01T12:00"), utc("2026-12-31T12:00")
    ran = [slot for slot in lived(timetable, woken(timetable, start, end)) if slot.at > start]
    walls = [
        datetime.combine(date(2025, 12, 31) + timedelta(days=n), at)
        for n in range(368)
        for at in times
    ]
    owed = {
        instant(wall, ZoneInfo(zone)): f"{wall:%Y-%m-%dT%H:%M}" for wall in walls
    }  # the last of one instant wins
    assert {slot.at: slot.key for slot in ran} == {
        at: key for at, key in owed.items() if start < at <= end
    }
    assert len({slot.at for slot in ran}) == len(ran)


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("America/Chicago", "2026-03-08"),
        ("America/Chicago", "2026-11-01"),
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Australia/Lord_Howe", "2026-10-04"),
        ("America/Nuuk", "2026-03-28"),
        ("America/Nuuk", "2026-10-24"),
        ("Asia/Kolkata", "2026-03-29"),
    ],
)
def test_on_a_night_of_changing_clocks_every_half_hour_of_the_wall_runs_once_or_is_taken_by_the_gap(
    zone: str, night: str
) -> None:
    times = tuple(time(minutes // 60, minutes % 60) for minutes in range(0, 1440, 30))
    timetable = Daily(times, zone)
    start = instant(datetime.fromisoformat(night), ZoneInfo(zone))
    minutes = [start + MINUTE * n for n in range(26 * 60)]
    ran = [slot for slot in lived(timetable, minutes) if slot.key.startswith(night)]
    walls = [datetime.combine(date.fromisoformat(night), at) for at in times]
    owed = {
        instant(wall, ZoneInfo(zone)): f"{wall:%Y-%m-%dT%H:%M}" for wall in walls
    }  # the last of one instant wins
    midnight = instant(
        datetime.combine(date.fromisoformat(night) + timedelta(days=1), time()), ZoneInfo(zone)
    )
    assert {slot.at: slot.key for slot in ran} == {
        at: key for at, key in owed.items() if at != midnight
    }
    assert len({slot.at for slot in ran}) == len(ran)


def test_a_gap_over_midnight_keeps_its_dates_key() -> None:
    slot = newest_owed(Daily((time(23, 30),), "America/Nuuk"), utc("2026-03-29T01:00"))
    assert slot == Slot("2026-03-28T23:30", utc("2026-03-29T01:00"))


def test_the_audit_of_four_oclock_is_owed_to_a_daemon_that_starts_at_five_past() -> None:
    audit = Daily((time(4),), "America/Chicago")
    yesterday = newest_owed(audit, utc("2026-11-01T12:00"))
    assert yesterday == Slot("2026-11-01T04:00", utc("2026-11-01T10:00"))
    today = newest_owed(audit, utc("2026-11-02T10:05"), yesterday.at, last_key=yesterday.key)
    assert today == Slot("2026-11-02T04:00", utc("2026-11-02T10:00"))
    assert newest_owed(audit, utc("2026-11-02T10:06"), today.at, last_key=today.key) is None
    assert newest_owed(audit, utc("2026-11-02T10:06"), last_key=today.key) is None


def test_three_days_off_owe_the_newest_slot_only() -> None:
    twice = Daily((time(8, 30), time(17, 30)), "Asia/Kolkata")
    before, after = utc("2026-05-01T03:00"), utc("2026-05-04T04:00")
    ran = lived(twice, [before, after, after + MINUTE, utc("2026-05-04T12:00")])
    assert [slot.key for slot in ran] == [
        "2026-05-01T08:30",
        "2026-05-04T08:30",
        "2026-05-04T17:30",
    ]


def test_a_slot_older_than_its_grace_is_not_owed_any_more() -> None:
    audit = Daily((time(4),), "UTC")
    assert newest_owed(audit, utc("2026-05-01T10:00"), None, 21600) == Slot(
        "2026-05-01T04:00", utc("2026-05-01T04:00")
    )
    assert newest_owed(audit, utc("2026-05-01T10:01"), None, 21600) is None


def test_service_that_begins_now_owes_nothing_older() -> None:
    assert newest_owed(Every(300), utc("2026-05-01T10:01"), last_at=utc("2026-05-01T10:01")) is None
    assert (
        newest_owed(Every(300), utc("2026-05-01T10:05"), last_at=utc("2026-05-01T10:01"))
        is not None
    )


def test_a_grid_does_not_drift_and_its_missed_slots_collapse() -> None:
    grid = Every(60, phase=7)
    slow = [
        utc("2026-05-01T10:00:07") + timedelta(seconds=67 * n) for n in range(100)
    ]  # each run takes 7 s too long
    assert all(slot.at.second == 7 for slot in lived(grid, slow))
    gap = lived(
        grid, [utc("2026-05-01T10:00:07"), utc("2026-05-01T11:00:08"), utc("2026-05-01T11:00:09")]
    )
    assert [slot.key for slot in gap] == ["2026-05-01T10:00:07.000Z", "2026-05-01T11:00:07.000Z"]


@pytest.mark.parametrize(
    "timetable", [Every(300, 12.5), Daily((time(1, 30), time(4)), "America/Chicago")]
)
def test_a_clock_that_steps_back_never_doubles_a_run(timetable: Timetable) -> None:
    start = utc("2026-10-31T20:00")
    moments = [start + MINUTE * n for n in range(16 * 60)]
    once = lived(timetable, moments)
    stepped = lived(timetable, moments[:700] + moments[640:])
    assert [slot.key for slot in stepped] == [slot.key for slot in once]


def test_a_clock_that_was_years_ahead_does_not_silence_the_checks_once_it_is_right() -> None:
    ran = lived(
        Every(300),
        [
            utc("2031-01-01T00:00"),
            utc("2026-05-01T10:00"),
            utc("2026-05-01T10:05"),
            utc("2026-05-01T10:06"),
        ],
    )
    assert [slot.key for slot in ran[1:]] == [
        "2026-05-01T10:00:00.000Z",
        "2026-05-01T10:05:00.000Z",
    ]


@settings(derandomize=True, deadline=None, database=None, max_examples=60)
@given(
    zone=st.sampled_from([*ZONES, *ODD_ZONES]),
    year=st.integers(2007, 2037),
    day=st.integers(0, 364),
    times=st.sets(st.integers(0, 1439), min_size=1, max_size=4),
    pauses=st.lists(st.integers(1, 3000), min_size=1, max_size=60),
)
def test_whatever_the_moments_no_key_runs_twice_and_the_newest_is_never_left_out(
    zone: str, year: int, day: int, times: set[int], pauses: list[int]
) -> None:
    timetable = Daily(tuple(time(m // 60, m % 60) for m in times), zone)
    moments = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)]
    for pause in pauses:
        moments.append(moments[-1] + timedelta(minutes=pause))
    ran = lived(timetable, moments, grace_seconds=86400 * 3)
    assert len({slot.key for slot in ran}) == len(ran)
    assert [slot.at for slot in ran] == sorted(slot.at for slot in ran)
    for now in moments:
        newest = timetable.newest(now)
        assert newest in ran
        assert newest.at <= now < next_after(timetable, now)


@settings(derandomize=True, deadline=None, database=None, max_examples=60)
@given(
    seconds=st.one_of(st.integers(1, 100000), st.sampled_from([0.25, 1.5, 86400.0])),
    name=st.text(),
    offset=st.integers(0, 10**10),
)
def test_a_grid_slot_is_the_last_multiple_of_the_interval_plus_the_phase(
    seconds: float, name: str, offset: int
) -> None:
    grid = Every(seconds, phase_seconds(name, seconds))
    now = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(milliseconds=offset)
    slot, following = grid.newest(now), next_after(grid, now)
    assert slot.at <= now < following
    assert following - slot.at == timedelta(seconds=seconds)
    assert (slot.at.timestamp() * 1000 - round(grid.phase * 1000)) % round(seconds * 1000) == 0


def test_phases_are_the_same_after_every_restart_and_spread_over_the_interval() -> None:
    assert phase_seconds("main-number", 300.0) == 235.995
    phases = [phase_seconds(f"check-{n}", 60.0) for n in range(600)]
    per_second = [sum(1 for phase in phases if int(phase) == second) for second in range(60)]
    assert max(per_second) < 30


@pytest.mark.parametrize("seconds", [0, -5, 0.0001])
def test_a_grid_without_an_interval_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="not a grid"):
        Every(seconds)


def test_a_day_without_times_or_with_an_offset_is_refused() -> None:
    for times in ((), (time(4, tzinfo=UTC),)):
        with pytest.raises(ValueError, match="wall time"):
            Daily(times, "UTC")
