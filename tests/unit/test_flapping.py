"""Flapping, with the vectors of the 21 weighted states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.flapping import STATES, Flap, FlapLimits

START = datetime(2026, 5, 1, tzinfo=UTC)
NEVER_QUIET = FlapLimits(quiet_seconds=10**9)


def history(changes: int) -> tuple[str, ...]:
    """21 states of which the newest `changes` transitions all changed."""
    states = ["OK"] * (STATES - changes)
    for _ in range(changes):
        states.append("FAILED" if states[-1] == "OK" else "OK")
    return tuple(states)


def after(
    flap: Flap,
    *states: str,
    limits: FlapLimits = NEVER_QUIET,
    seconds: float = 300,
    since: float = 0,
) -> Flap:
    for place, state in enumerate(states):
        flap = flap.seen(state, START + timedelta(seconds=since + seconds * place), limits)
    return flap


@pytest.mark.parametrize(
    ("changes", "percent"),
    [
        (0, 0),
        (1, 6.250),
        (2, 12.368),
        (3, 18.355),
        (4, 24.211),
        (5, 29.934),
        (6, 35.526),
        (7, 40.987),
        (8, 46.316),
        (20, 100),
    ],
)
def test_the_newest_changes_weigh_as_in_the_vectors(changes: int, percent: float) -> None:
    assert Flap(history(changes)).percent() == pytest.approx(percent, abs=0.0005)


def test_one_change_in_the_oldest_place_weighs_least() -> None:
    assert Flap(("FAILED", *["OK"] * 20)).percent() == pytest.approx(3.75)


def test_a_short_history_weighs_as_the_newest_part_of_a_stable_one() -> None:
    assert Flap(("OK", "FAILED", "OK", "FAILED")).percent() == pytest.approx(18.355, abs=0.0005)
    assert (Flap().percent(), Flap(("OK",)).percent()) == (0, 0)


def test_flapping_begins_above_twenty_percent_with_the_fourth_change_in_a_row() -> None:
    three = after(Flap(), *history(3))
    assert not three.flapping
    assert three.seen(
        "OK" if three.states[-1] == "FAILED" else "FAILED", START, NEVER_QUIET
    ).flapping


def test_it_goes_on_between_the_limits_and_ends_below_five_percent() -> None:
    flap, stable = after(Flap(), *history(6)), 0
    assert flap.flapping
    while flap.flapping:
        assert flap.percent() >= 5 or stable == 0
        flap, stable = flap.seen(flap.states[-1], START, NEVER_QUIET), stable + 1
    assert flap.percent() < 5
    assert stable == 19  # until only the last of the six changes is left, in the oldest place


def test_leaving_at_twenty_percent_takes_sixteen_stable_checks() -> None:
    limits = FlapLimits(30, 20, 10**9)
    flap, stable = after(Flap(), *history(6), limits=limits), 0
    assert flap.flapping
    while flap.flapping:
        flap, stable = flap.seen(flap.states[-1], START, limits), stable + 1
    assert stable == 16


def test_the_limits_themselves_neither_begin_nor_end_it() -> None:
    limits = FlapLimits(6.25, 3.75, 10**9)
    assert not Flap(history(0)).seen("FAILED", START, limits).flapping  # 6.250
    oldest = Flap(("OK", "FAILED", *["OK"] * 19), flapping=True)
    assert oldest.seen("OK", START, limits).percent() == 3.75
    assert oldest.seen("OK", START, limits).flapping


def test_a_quiet_time_ends_it_long_before_the_weights_do_and_it_does_not_begin_again_at_once() -> (
    None
):
    limits = FlapLimits(quiet_seconds=900)
    flap = after(Flap(), *history(6), limits=limits)
    last = START + timedelta(seconds=300 * (STATES - 1))
    state = flap.states[-1]
    flap = flap.seen(state, last + timedelta(seconds=899), limits)
    assert flap.flapping
    flap = flap.seen(state, last + timedelta(seconds=900), limits)
    assert (flap.flapping, flap.states) == (False, (state,))
    assert not flap.seen(state, last + timedelta(seconds=1200), limits).flapping


def test_a_check_that_breaks_once_does_not_flap() -> None:
    assert not after(Flap(), *["OK"] * 30, *["FAILED"] * 5, *["OK"] * 30).flapping


def test_only_the_last_states_are_kept_and_they_survive_the_ledger() -> None:
    flap = after(Flap(), *history(6), *history(5))
    assert len(flap.states) == STATES
    assert Flap.from_dict(flap.to_dict()) == flap
    assert Flap.from_dict({}) == Flap()


@pytest.mark.parametrize("limits", [(5, 20, 60), (20, 0, 60), (101, 5, 60), (20, 5, 0)])
def test_limits_that_make_no_sense_are_refused(limits: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="0 < stop <= start"):
        FlapLimits(*limits)
