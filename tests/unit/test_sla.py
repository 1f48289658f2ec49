"""What was promised by when: open hours against a minute by minute oracle, and the clocks of an
incident.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.open_hours import Span, merged, without
from monitor.core.sla import (
    ALWAYS,
    Calendar,
    Clock,
    ClockState,
    Event,
    Hours,
    Promise,
    clocks,
    due,
    elapsed,
    next_deadline,
    unrecorded_breaches,
)

MINUTE = timedelta(minutes=1)
OFFICE = tuple(Hours(day, 8 * 60, 18 * 60) for day in range(5))
XOP = Calendar("America/Chicago", OFFICE)
TARGETS = (("response", 1800), ("resolution", 7200))


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def at(written: str, zone: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone))


# --------------------------------------------------------------------------------------------------
# open hours


def test_round_the_clock_a_target_is_due_by_the_stopwatch_also_when_clocks_change() -> None:
    start = at("2026-03-28T23:30", "Europe/Berlin")
    assert due(start, 2 * 3600) == at("2026-03-29T01:30", "Europe/Berlin")
    assert due(start, 4 * 3600) == at("2026-03-29T04:30", "Europe/Berlin")


@pytest.mark.parametrize(
    ("opened", "hours", "expected"),
    [
        ("2026-06-01T09:00", 2, "2026-06-01T11:00"),
        (
            "2026-06-01T16:00",
            2,
            "2026-06-01T18:00",
        ),  # ends at closing time: due at closing time, not next morning
        ("2026-06-01T16:00", 3, "2026-06-02T09:00"),
        ("2026-06-05T17:00", 8, "2026-06-08T15:00"),  # over the weekend
        ("2026-06-06T12:00", 1, "2026-06-08T09:00"),  # opened while closed
        ("2026-06-01T18:00", 10, "2026-06-02T18:00"),
        ("2026-03-06T17:00", 2, "2026-03-09T09:00"),  # the clocks changed on the Sunday between
    ],
)
def test_a_target_counts_open_hours_only(opened: str, hours: int, expected: str) -> None:
    assert due(at(opened, "America/Chicago"), hours * 3600, XOP) == at(expected, "America/Chicago")


def test_a_holiday_does_not_count() -> None:
    calendar = Calendar("America/Chicago", OFFICE, frozenset({date(2026, 7, 3)}))
    start = at("2026-07-02T17:00", "America/Chicago")
    assert due(start, 2 * 3600, calendar) == at("2026-07-06T09:00", "America/Chicago")
    assert elapsed(start, at("2026-07-06T09:00", "America/Chicago"), calendar) == timedelta(hours=2)


def test_a_night_shift_belongs_to_the_day_on_which_it_begins_and_is_an_hour_shorter_in_spring() -> (
    None
):
    night = Calendar("Europe/Berlin", (Hours(5, 22 * 60, 6 * 60),))
    spring, ordinary = (
        at("2026-03-28T20:00", "Europe/Berlin"),
        at("2026-03-21T20:00", "Europe/Berlin"),
    )
    assert elapsed(spring, spring + timedelta(days=1), night) == timedelta(hours=7)
    assert elapsed(ordinary, ordinary + timedelta(days=1), night) == timedelta(hours=8)


def test_hours_that_end_when_they_begin_are_a_whole_day_and_touching_ones_are_one() -> None:
    day = Calendar("UTC", (Hours(0, 540, 540), Hours(1, 540, 600)))
    monday, tuesday = date(2026, 6, 1), date(2026, 6, 2)
    assert day.open_spans(monday, tuesday) == ((utc("2026-06-01T09:00"), utc("2026-06-02T10:00")),)


def test_a_target_of_nothing_is_due_at_once_also_when_closed() -> None:
    closed = at("2026-06-06T12:00", "America/Chicago")
    assert due(closed, 0, XOP) == closed


def test_a_calendar_that_never_opens_says_so_instead_of_searching_for_ever() -> None:
    never = Calendar(
        "UTC",
        (Hours(0, 540, 600),),
        frozenset(date(2026, 1, 5) + timedelta(weeks=n) for n in range(4000)),
    )
    with pytest.raises(ValueError, match="fewer than 60 open seconds"):
        due(utc("2026-01-06T00:00"), 60, never)


@pytest.mark.parametrize("hours", [(7, 0, 60), (0, 1440, 60), (0, 0, 0), (0, -1, 60), (0, 0, 1441)])
def test_hours_that_are_no_part_of_a_week_are_refused(hours: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="not a part of a week"):
        Hours(*hours)


HOURS = st.builds(
    Hours,
    st.integers(0, 6),
    st.integers(0, 23).map(lambda h: h * 60 + 30),
    st.integers(1, 24).map(lambda h: h * 60),
)
CHANGES = [  # days on which the clocks change, and one on which they do not
    ("America/Chicago", date(2026, 3, 8)),
    ("America/Chicago", date(2026, 11, 1)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Asia/Kolkata", date(2026, 8, 15)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Nuuk", date(2026, 3, 28)),
    ("America/Nuuk", date(2026, 10, 24)),
]


def open_minutes(calendar: Calendar, first: date, days: int) -> list[bool]:
    """By brute force: for each minute of UTC from `first` on, whether some shift has begun and not
    ended.

    A shift begins (ends) in the first minute at which the wall clock shows its time or a later one.
    """
    zone, start = ZoneInfo(calendar.zone), datetime(first.year, first.month, first.day, tzinfo=UTC)
    walls = [
        (start + MINUTE * n).astimezone(zone).replace(tzinfo=None)
        for n in range(-3 * 1440, (days + 3) * 1440)
    ]
    opened = [False] * len(walls)
    for day in (first + timedelta(days=n) for n in range(-2, days + 3)):
        for hours in calendar.weekly:
            if hours.weekday != day.weekday() or day in calendar.holidays:
                continue
            midnight = datetime.combine(day, time())
            overnight = 1440 if hours.end_minute <= hours.start_minute else 0
            begin = next(
                n for n, wall in enumerate(walls) if wall >= midnight + MINUTE * hours.start_minute
            )
            until = midnight + MINUTE * (hours.end_minute + overnight)
            end = next((n for n, wall in enumerate(walls) if wall >= until), len(walls))
            opened[begin:end] = [True] * (end - begin)
    return opened[3 * 1440 : -3 * 1440]


@settings(derandomize=True, deadline=None, database=None, max_examples=25)
@given(
    change=st.sampled_from(CHANGES),
    weekly=st.lists(HOURS, min_size=1, max_size=4),
    holiday=st.integers(-1, 1),
    start=st.integers(0, 2 * 1440),
    minutes=st.integers(1, 1440),
)
def test_open_hours_agree_with_counting_minutes(
    change: tuple[str, date], weekly: list[Hours], holiday: int, start: int, minutes: int
) -> None:
    zone, day = change
    first, days = day - timedelta(days=1), 3
    calendar = Calendar(
        zone, tuple(weekly), frozenset({day + timedelta(days=holiday)}) if holiday else frozenset()
    )
    opened = open_minutes(calendar, first, days)
    zero = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = min(start + minutes, len(opened))
    assert elapsed(zero + MINUTE * start, zero + MINUTE * end, calendar) == MINUTE * sum(
        opened[start:end]
    )
    counted = [n for n in range(start, len(opened)) if opened[n]]
    if len(counted) >= minutes:
        assert due(zero + MINUTE * start, minutes * 60, calendar) == zero + MINUTE * (
            counted[minutes - 1] + 1
        )


INTERVALS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


@settings(derandomize=True, deadline=None, database=None, max_examples=150)
@given(spans=INTERVALS, cuts=INTERVALS)
def test_merging_and_cutting_intervals_agree_with_sets_of_minutes(
    spans: list[tuple[int, int]], cuts: list[tuple[int, int]]
) -> None:
    zero = utc("2026-01-01T00:00")

    def dated(pairs: list[tuple[int, int]]) -> list[Span]:
        return [(zero + MINUTE * a, zero + MINUTE * b) for a, b in pairs]

    def counted(pairs: list[tuple[int, int]]) -> set[int]:
        return {n for a, b in pairs for n in range(a, b)}

    left = list(without(merged(dated(spans)), dated(cuts)))
    shown = [((a - zero) // MINUTE, (b - zero) // MINUTE) for a, b in left]
    assert counted(shown) == counted(spans) - counted(cuts)
    assert all(a < b for a, b in shown)
    assert all(b <= c for (_, b), (c, _) in pairwise(shown))


# --------------------------------------------------------------------------------------------------
# clocks

OPENED = utc("2026-05-01T10:00")


def promises(*targets: tuple[str, int], calendar: Calendar = ALWAYS) -> list[Promise]:
    return [Promise(name, OPENED, seconds, calendar) for name, seconds in targets]


def shown(now: str, *events: Event, calendar: Calendar = ALWAYS) -> dict[str, Clock]:
    return {
        clock.name: clock
        for clock in clocks(promises(*TARGETS, calendar=calendar), events, utc(f"2026-05-01T{now}"))
    }


def event(written: str, kind: str, clock: str = "") -> Event:
    return Event(utc(f"2026-05-01T{written}"), kind, clock)


def test_both_clocks_run_from_the_opening_and_the_nearer_is_the_next_deadline() -> None:
    now = shown("10:10")
    assert [(c.state, c.due_at) for c in now.values()] == [
        (ClockState.RUNNING, utc("2026-05-01T10:30")),
        (ClockState.RUNNING, utc("2026-05-01T12:00")),
    ]
    assert next_deadline(now.values()) == utc("2026-05-01T10:30")


@pytest.mark.parametrize("kind", ["acknowledged", "answered"])
def test_a_humans_answer_stops_the_response_clock_and_not_the_resolution(kind: str) -> None:
    now = shown("11:00", event("10:20", kind))
    assert (now["response"].state, now["response"].at) == (ClockState.MET, utc("2026-05-01T10:20"))
    assert now["resolution"].state is ClockState.RUNNING


@pytest.mark.parametrize("kind", ["auto-acknowledged", "told", "opened"])
def test_an_automatic_acknowledgement_stops_nothing(kind: str) -> None:
    now = shown("11:00", event("10:00", kind))
    assert (now["response"].state, now["response"].at) == (
        ClockState.BREACHED,
        utc("2026-05-01T10:30"),
    )


def test_an_answer_at_the_due_instant_is_in_time_and_a_second_later_is_not() -> None:
    assert shown("11:00", event("10:30", "answered"))["response"].state is ClockState.MET
    assert shown("11:00", event("10:30:01", "answered"))["response"].state is ClockState.BREACHED


def test_a_clock_that_still_runs_at_its_due_instant_is_breached_so_waking_then_has_a_use() -> None:
    assert shown("10:29:59")["response"].state is ClockState.RUNNING
    late = shown("10:30")
    assert [clock.name for clock in unrecorded_breaches(late.values())] == ["response"]
    assert next_deadline(late.values()) == utc("2026-05-01T12:00")


def test_resolving_stops_both_and_leaves_no_deadline() -> None:
    now = shown("13:00", event("10:20", "resolved"))
    assert {clock.state for clock in now.values()} == {ClockState.MET}
    assert next_deadline(now.values()) is None


def test_a_resolution_that_did_not_hold_lets_the_clock_run_on_from_the_opening() -> None:
    events = (
        event("10:20", "acknowledged"),
        event("10:40", "resolved"),
        event("11:10", "reopened"),
    )
    now = shown("11:30", *events)
    assert now["response"].state is ClockState.MET
    assert (now["resolution"].state, now["resolution"].due_at) == (
        ClockState.RUNNING,
        utc("2026-05-01T12:00"),
    )
    again = shown("11:30", *events, event("11:20", "resolved"))
    assert again["resolution"].at == utc("2026-05-01T11:20")


def test_a_pause_is_removed_time_and_a_paused_clock_waits_without_a_deadline() -> None:
    paused = shown("10:25", event("10:10", "paused"))
    assert (paused["response"].due_at, paused["response"].paused) == (utc("2026-05-01T10:45"), True)
    assert next_deadline(paused.values()) is None
    resumed = shown("11:00", event("10:10", "paused"), event("11:00", "resumed"))
    assert (resumed["response"].due_at, resumed["response"].paused) == (
        utc("2026-05-01T11:20"),
        False,
    )
    assert elapsed(
        OPENED,
        utc("2026-05-01T11:20"),
        ALWAYS,
        [(utc("2026-05-01T10:10"), utc("2026-05-01T11:00"))],
    ) == (timedelta(minutes=30))


def test_pauses_of_an_office_calendar_move_the_due_time_over_the_night() -> None:
    opened = at("2026-06-01T16:00", "America/Chicago")
    pause = (at("2026-06-01T16:30", "America/Chicago"), at("2026-06-01T17:30", "America/Chicago"))
    assert due(opened, 7200, XOP, [pause]) == at("2026-06-02T09:00", "America/Chicago")


def test_a_reclassification_counts_from_the_original_start() -> None:
    events = (event("10:40", "acknowledged"),)
    lenient = clocks(promises(("response", 14400)), events, utc("2026-05-01T11:00"))
    strict = clocks(promises(("response", 1800)), events, utc("2026-05-01T11:00"))
    assert [clock.state for clock in (*lenient, *strict)] == [ClockState.MET, ClockState.BREACHED]


def test_a_recorded_breach_is_never_cleared() -> None:
    events = (event("10:30", "breached", "response"), event("10:40", "acknowledged"))
    (clock,) = clocks(promises(("response", 8 * 3600)), events, utc("2026-05-01T11:00"))
    assert (clock.state, clock.at, clock.recorded) == (
        ClockState.BREACHED,
        utc("2026-05-01T10:30"),
        True,
    )
    assert unrecorded_breaches([clock]) == ()
