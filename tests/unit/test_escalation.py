"""The dated ladder: each level once, only the highest after a silence, nobody by an empty level."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.escalation import Due, due_levels, ladder_times, next_rung, standings
from monitor.core.open_hours import Calendars
from monitor.core.policy import Ladder, Level
from monitor.core.sla import Calendar, Hours

OPENED = datetime(2026, 5, 1, 16, 0, tzinfo=UTC)  # a Friday
LADDER = Ladder(
    "general",
    (
        Level(1, "desk", "desk", 0, 3600),
        Level(2, "shift team leader", "lead", 3600, 7200),
        Level(3, "director", "director", 4 * 3600),
    ),
)
REMINDING = Ladder(
    "r",
    (
        Level(1, "desk", "desk", 0),
        Level(2, "nobody answered", "lead", 900, None, "not-acknowledged"),
    ),
)


def after(minutes: float) -> datetime:
    return OPENED + timedelta(minutes=minutes)


def numbers(due: Due) -> tuple[int | None, list[int], list[int]]:
    return (
        due.tell[-1].level.number if due.tell else None,
        [rung.level.number for rung in due.skipped],
        [rung.level.number for rung in due.empty],
    )


def asked(
    minutes: float, *told: int, empty: str = "", ladder: Ladder = LADDER, acknowledged: bool = False
) -> Due:
    return due_levels(
        ladder,
        OPENED,
        after(minutes),
        told,
        acknowledged,
        reachable=lambda role: role not in empty.split(),
    )


def test_the_ladder_is_dated_from_the_opening() -> None:
    assert [rung.at for rung in ladder_times(LADDER, OPENED)] == [after(0), after(60), after(240)]


def test_a_ladder_of_business_hours_waits_over_the_weekend() -> None:
    office = Calendar("UTC", tuple(Hours(day, 8 * 60, 18 * 60) for day in range(5)))
    hours = Calendars((("office", office),))
    levels = tuple(replace(level, calendar="office") for level in LADDER.levels)
    assert [rung.at for rung in ladder_times(replace(LADDER, levels=levels), OPENED, hours)] == [
        OPENED,
        after(60),
        datetime(2026, 5, 4, 10, 0, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("minutes", "told", "expected"),
    [
        (0, (), 1),
        (0, (1,), None),
        (59, (1,), None),
        (60, (1,), 2),
        (61, (1, 2), None),
        (240, (1, 2), 3),
        (999, (1, 2, 3), None),
    ],
)
def test_each_level_is_told_at_its_time_and_once(
    minutes: float, told: tuple[int, ...], expected: int | None
) -> None:
    assert numbers(asked(minutes, *told)) == (expected, [], [])


def test_after_downtime_only_the_highest_overdue_level_is_told_and_the_skipped_are_named() -> None:
    due = asked(300, 1)
    assert numbers(due) == (3, [2], [])
    assert due.numbers == (2, 3)
    assert asked(300, 1, *due.numbers) == Due()


def test_what_is_resolved_is_told_to_no_level() -> None:
    assert due_levels(LADDER, OPENED, after(300), (), resolved=True) == Due()
    assert next_rung(LADDER, OPENED, (), resolved=True) is None


def test_an_acknowledgement_stops_the_levels_that_wait_for_one_and_no_other() -> None:
    assert numbers(asked(20, 1, ladder=REMINDING)) == (2, [], [])
    assert numbers(asked(20, 1, ladder=REMINDING, acknowledged=True)) == (None, [], [])
    assert numbers(asked(60, 1, acknowledged=True)) == (2, [], [])


def test_a_level_that_reaches_nobody_passes_its_turn_at_once_and_is_named() -> None:
    at_opening = asked(0, empty="desk")
    assert numbers(at_opening) == (2, [], [1])
    assert asked(60, *at_opening.numbers, empty="desk") == Due()
    assert numbers(asked(240, *at_opening.numbers, empty="desk")) == (3, [], [])


def test_two_empty_levels_in_a_row_fall_through_to_the_third() -> None:
    assert numbers(asked(0, empty="desk lead")) == (3, [], [1, 2])


def test_an_empty_top_after_downtime_still_tells_the_highest_that_reaches_somebody() -> None:
    assert numbers(asked(300, 1, empty="director")) == (2, [], [3])


def test_only_the_highest_of_them_is_told_then() -> None:
    assert numbers(asked(300, empty="director")) == (2, [1], [3])


def test_a_level_below_one_already_told_never_comes_up() -> None:
    assert asked(30, 2) == Due()


def test_an_empty_top_alone_is_named_and_nobody_is_told() -> None:
    due = asked(240, 1, 2, empty="director")
    assert numbers(due) == (None, [], [3])
    assert asked(999, 1, 2, *due.numbers, empty="director") == Due()


def test_a_ladder_of_nobody_is_named_whole_once() -> None:
    due = asked(0, empty="desk lead director")
    assert numbers(due) == (None, [], [1, 2, 3])
    assert asked(999, *due.numbers, empty="desk lead director") == Due()


def test_the_next_rung_is_the_first_whose_condition_still_holds() -> None:
    first = next_rung(LADDER, OPENED, (1,))
    assert first is not None
    assert (first.level.number, first.at) == (2, after(60))
    assert next_rung(LADDER, OPENED, (1, 2, 3)) is None
    assert next_rung(REMINDING, OPENED, (1,), acknowledged=True) is None


def test_a_tickets_ladder_shows_told_skipped_next_and_later() -> None:
    rungs = ladder_times(LADDER, OPENED)
    assert [state for _, state in standings(rungs, (1,))] == ["told", "next", "later"]
    assert [state for _, state in standings(rungs, (1, 3))] == ["told", "skipped", "told"]
    assert [state for _, state in standings(rungs, (1, 2), skipped=(1,))] == [
        "skipped",
        "told",
        "next",
    ]


@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(
    looks=st.lists(st.integers(0, 400), min_size=1, max_size=12).map(sorted),
    empty=st.sets(st.sampled_from(["desk", "lead", "director"])),
)
def test_whenever_the_daemon_looks_no_level_comes_up_twice_and_none_below_one_already_told(
    looks: list[int], empty: set[str]
) -> None:
    done: list[int] = []
    told: list[int] = []
    for minutes in looks:
        due = due_levels(
            LADDER, OPENED, after(minutes), done, reachable=lambda role: role not in empty
        )
        assert not set(due.numbers) & set(done)
        assert all(rung.level.role not in empty for rung in due.tell)
        told += due.levels
        done += due.numbers
    assert told == sorted(set(told))
    assert bool(told) is (
        len(empty) < 3
    )  # level 1 is due at the opening: somebody hears of it at the first look


def test_levels_of_the_same_instant_are_told_together() -> None:
    ladder = Ladder(
        "x",
        (
            Level(1, "staff", "staff", 0),
            Level(2, "support", "support", 0),
            Level(3, "e", "e", 7200),
        ),
    )
    assert asked(0, ladder=ladder).levels == (1, 2)
    assert asked(0, ladder=ladder, empty="support").levels == (1,)
    assert asked(0, ladder=ladder, empty="staff").levels == (2,)
    assert asked(0, 1, 2, ladder=ladder) == Due()
    late = asked(150, ladder=ladder)
    assert (late.levels, late.passed) == ((3,), (1, 2)), "after downtime the highest instant alone"


def test_levels_of_a_later_instant_are_told_together_too() -> None:
    ladder = Ladder("x", (Level(1, "a", "a", 0), Level(2, "b", "b", 600), Level(3, "c", "c", 600)))
    assert asked(10, 1, ladder=ladder).levels == (2, 3)
    assert asked(5, ladder=ladder, empty="a").levels == (2, 3), (
        "an empty level falls through to both of the next"
    )
