"""What stands out, what a ratio is worth, and Erlang's formulas against published tables."""

from __future__ import annotations

from fractions import Fraction
from statistics import median as plain_median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.data.usage.traffic import channels_for, erlang_b
from checks.data.usage.weekday_baseline import Usual, median, standouts, stands_out, usual
from checks.ratio import Ratio

COUNTED = frozenset({"offered"})


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1))
def test_the_median_is_the_plain_one(figures: list[int]) -> None:
    middle = Fraction(plain_median(map(Fraction, figures)))
    assert median(figures) == middle
    known = usual(figures)
    assert known == Usual(
        middle, Fraction(plain_median(abs(one - middle) for one in figures)), len(figures)
    )


@pytest.mark.parametrize(
    ("value", "weeks", "out"),
    [
        (1000, [1000, 1000, 1000, 1000], False),
        (1094, [1000, 1000, 1000, 1000], False),  # within a tenth, and within chance
        (1101, [1000, 1000, 1000, 1000], True),
        (1100, [1000, 1000, 1000, 1000], False),  # the border itself does not stand out
        (600, [1000, 1100, 900, 1000], True),
        (800, [1000, 1200, 800, 1000], False),  # days stray so far
        (0, [9, 9, 9, 9], False),  # chance alone
        (0, [10, 10, 10, 10], True),
        (3, [0, 0, 0, 0], False),
        (4, [0, 0, 0, 0], True),
        (0, [1000], False),  # one day is no habit
    ],
)
def test_a_count_stands_out_or_not(value: int, weeks: list[int], out: bool) -> None:
    known = usual(weeks)
    assert known is not None
    assert stands_out(value, known, counted=True) is out


def test_a_trunk_that_fell_silent_stands_out_and_the_day_goes_first() -> None:
    today = {("offered", ""): 100, ("offered", "trunk:a"): 100}
    before = [{("offered", ""): 300, ("offered", "trunk:a"): 100, ("offered", "trunk:b"): 200}] * 3
    found = standouts(today, before, COUNTED)
    assert [(one.part, int(one.value), one.above) for one in found] == [
        ("", 100, False),
        ("trunk:b", 0, False),
    ]


def test_a_ratio_that_could_not_be_taken_says_nothing() -> None:
    today = {("asr", ""): None}
    assert standouts(today, [{("asr", ""): Fraction(90)}] * 3, COUNTED) == []
    assert standouts({("asr", ""): Fraction(90)}, [today] * 3, COUNTED) == []


def test_nothing_of_nothing_is_no_data() -> None:
    assert Ratio(0, 0).told() == {"hits": 0, "of": 0, "percent": None, "low": None, "high": None}


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (10, 10, 72.25, 100.0),
        (0, 10, 0.0, 27.75),
        (81, 263, 25.53, 36.62),
        (1, 29, 0.61, 17.18),
    ],  # Newcombe 1998
)
def test_wilsons_interval_as_published(hits: int, of: int, low: float, high: float) -> None:
    told = Ratio(hits, of).told()
    assert (told["low"], told["high"]) == (low, high)


@pytest.mark.parametrize(
    ("erlangs", "channels", "blocked"),
    [(10.0, 18, 0.0071), (4.46, 10, 0.01), (1.0, 1, 0.5), (0.0, 5, 0.0)],
)
def test_erlang_b_as_in_the_tables(erlangs: float, channels: int, blocked: float) -> None:
    assert erlang_b(erlangs, channels) == pytest.approx(blocked, abs=0.0002)


def test_channels_for_one_percent_as_in_the_tables() -> None:
    assert [channels_for(load) for load in (0.0, 4.46, 12.0, 20.3)] == [0, 10, 20, 30]
