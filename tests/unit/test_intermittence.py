"""The odds of `BAD_LOOKS` of `COUNTED_LOOKS`: a rare failure stays untold, what fails often is
found without a row.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.condition import Condition, Patience, Signal, confirming, step
from monitor.core.intermittence import BAD_LOOKS, LONGEST_HOLD_SECONDS, hold_seconds, misses
from monitor.core.verdict import State

START = datetime(2026, 11, 22, tzinfo=UTC)
GRID = timedelta(minutes=5)


def breaks(
    share: float, days: int, chance: random.Random, patience: Patience
) -> list[tuple[datetime, bool]]:
    """When a check that fails at random broke, and whether by its misses; looked at as the daemon
    does.
    """
    seen, now, slot, found = Condition("x"), START, START, list[tuple[datetime, bool]]()
    while now < START + timedelta(days=days):
        state = State.FAILED if chance.random() < share else State.OK
        seen, signal = step(seen, state, patience, now)
        if signal is Signal.BROKE:
            found.append((now, seen.broken_by_misses(patience)))
        while slot <= now:
            slot += GRID
        now = min(slot, seen.next_look or slot)
    return found


@pytest.mark.parametrize(
    ("share", "least_a_day", "most_a_day"),
    [(0.05, 0.0, 0.02), (0.10, 0.03, 0.25), (0.20, 0.15, 0.6)],
)
def test_by_misses_alone_it_breaks_as_often_as_the_table_says(
    share: float, least_a_day: float, most_a_day: float
) -> None:
    found = breaks(share, 300, random.Random(11), Patience())
    a_day = sum(by_misses for _, by_misses in found) / 300
    assert least_a_day <= a_day <= most_a_day


@pytest.mark.parametrize(("share", "hours"), [(0.2, 8), (0.5, 1)])
def test_what_fails_often_is_found_soon(share: float, hours: int) -> None:
    for seed in range(20):
        first, _ = breaks(share, 2, random.Random(seed), Patience())[0]
        assert first - START <= timedelta(hours=hours)


@pytest.mark.parametrize(("every", "minutes"), [(2, 25), (3, 50), (4, 75), (5, None), (20, None)])
def test_a_dead_backend_of_so_many_is_found_after(every: int, minutes: int | None) -> None:
    seen, now, slot, looks = Condition("x"), START, START, 0
    first: datetime | None = None
    while now < START + timedelta(days=2):
        seen, signal = step(seen, State.FAILED if looks % every == 0 else State.OK, Patience(), now)
        looks += 1
        first = first or (now if signal is Signal.BROKE else None)
        while slot <= now:
            slot += GRID
        now = min(slot, seen.next_look or slot)
    assert (first - START if first else None) == (timedelta(minutes=minutes) if minutes else None)


@given(
    st.lists(st.sampled_from((State.OK, State.FAILED, State.UNKNOWN)), max_size=60),
    st.integers(1, 30),
)
def test_the_layers_below_are_looked_at_whenever_a_look_breaks_it(
    states: list[State], confirm: int
) -> None:
    """And more patience is never less: it takes at least `confirm` failures."""
    seen, patience, failed = Condition("x"), Patience(confirm=confirm), 0
    for number, state in enumerate(states):
        expected = confirming(seen, state, patience)
        seen, signal = step(seen, state, patience, START + number * GRID)
        failed += state is State.FAILED
        if signal is Signal.BROKE:
            assert expected
            assert failed >= min(confirm, BAD_LOOKS) if confirm < BAD_LOOKS else failed >= confirm


def test_misses_are_counted_since_the_first_of_them() -> None:
    assert misses("OOFOF", 5, "F") == (2, 3)
    assert misses("OOFOF", 1, "F") == (1, 1)
    assert misses("OOO", 3, "F") == (0, 0)
    assert misses("FFF", 0, "F") == (0, 0)


def test_the_hold_doubles_up_to_its_longest() -> None:
    assert [hold_seconds(returns) / 3600 for returns in range(8)] == [0, 0, 1, 2, 4, 8, 12, 12]
    assert hold_seconds(200) == LONGEST_HOLD_SECONDS
