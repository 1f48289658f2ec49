"""An extra look is owed after its own wait, whatever the wall clock does meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.condition import Condition, Phase
from monitor.scheduling.extra_looks import ExtraLooks

START = datetime(2026, 11, 22, tzinfo=UTC)


def broken(wait: float = 300.0) -> Condition:
    return Condition("x", Phase.BROKEN, looked_at=START, next_look=START + timedelta(seconds=wait))


@given(
    st.lists(st.tuples(st.floats(0, 60), st.floats(-1e6, 1e6)), min_size=1, max_size=12),
    st.floats(1, 3600),
)
def test_no_wait_is_longer_than_it_was_meant(steps: list[tuple[float, float]], wait: float) -> None:
    """Time passes and the clock is set, on or back, any number of times: it is owed when its wait
    has passed.
    """
    looks, condition, passed, wall = ExtraLooks(), broken(wait), 0.0, START
    looks.at(condition, wall, passed)
    for seconds, jump in steps:
        passed += seconds
        wall += timedelta(seconds=seconds + jump)
        left = (looks.at(condition, wall, passed) - wall).total_seconds()
        assert left <= max(0.0, wait - passed) + 1e-3


def test_a_clock_that_was_set_back_while_nobody_ran_costs_one_wait() -> None:
    wall = START - timedelta(hours=3)
    assert ExtraLooks().at(broken(), wall, 0.0) == wall + timedelta(seconds=300)


def test_an_undisturbed_wait_ends_at_its_instant() -> None:
    looks = ExtraLooks()
    assert looks.at(broken(), START, 0.0) == START + timedelta(seconds=300)
    assert looks.at(broken(), START + timedelta(seconds=299), 299.0) == START + timedelta(
        seconds=300
    )
