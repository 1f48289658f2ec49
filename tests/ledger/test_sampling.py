"""A picture of very many looks is drawn of some of them: of each sort as many, and each counts for
those that are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.contract import Observation
from monitor.core.verdict import State, Verdict
from monitor.ledger import Ledger
from monitor.ledger.sampling import EVERY_LOOK, SOME_LOOKS, Sampled

START, EVERY = datetime(2026, 11, 1, tzinfo=UTC), timedelta(seconds=15)
FLAPS = [State.OK, State.FAILED] * 120
ILL_FOR_A_WHILE = [State.OK] * 200 + [State.UNKNOWN] * 30 + [State.DEGRADED] * 10


def looked(ledger: Ledger, states: list[State]) -> tuple[datetime, datetime]:
    """Good looks take a second, others nine."""
    with ledger.transaction() as t:
        for place, state in enumerate(states):
            seconds = 1.0 if state is State.OK else 9.0
            seen = Observation(measures={"calls": place % 2}, seconds=seconds)
            moment = START + place * EVERY
            t.record("portal", "portal", "scheduled", moment, seen, Verdict(state), False)
    return START, START + len(states) * EVERY


def drawn(ledger: Ledger, states: list[State], cells: int, sampled: Sampled) -> list[float]:
    start, end = looked(ledger, states)
    measured = ledger.measured("portal", start, end, cells, sampled)
    return [mean for name, _, mean in measured if name == "seconds"]


@pytest.mark.parametrize("states", [FLAPS, ILL_FOR_A_WHILE])
@pytest.mark.parametrize("most", [1, 7, 40, 1000])
def test_no_more_are_read_than_wanted_and_each_counts_for_those_left_out(
    ledger: Ledger, states: list[State], most: int
) -> None:
    start, end = looked(ledger, states)
    sampled = ledger.sampled("portal", start, end, most)
    span = [int(one.timestamp() * 1000) for one in (start, end)]
    read = ledger._database.rows(SOME_LOOKS, (*sampled, "portal", *span, *sampled))
    assert 2 <= len(read) <= 2 * most
    assert len(states) <= sum(row["weight"] for row in read) <= len(states) + sum(sampled)
    if most == 1000:
        assert sampled == EVERY_LOOK and len(read) == len(states)


def test_a_check_that_flaps_shows_both(ledger: Ledger) -> None:
    (mean,) = drawn(ledger, FLAPS, 1, Sampled(4, 4))
    assert mean == 5.0


def test_the_mean_of_whole_numbers_need_not_be_one(ledger: Ledger) -> None:
    start, end = looked(ledger, FLAPS)
    measured = ledger.measured("portal", start, end, 1)
    assert [mean for name, _, mean in measured if name == "calls"] == [0.5]


def test_an_outage_shows_as_what_it_was(ledger: Ledger) -> None:
    means = drawn(ledger, ILL_FOR_A_WHILE, 6, Sampled(10, 1))
    assert means == [1.0] * 5 + [9.0]


def test_a_check_that_was_never_looked_at_has_no_picture(ledger: Ledger) -> None:
    assert ledger.sampled("portal", START, START + EVERY, 5) == EVERY_LOOK
    assert list(ledger.measured("portal", START, START + EVERY, 9)) == []
