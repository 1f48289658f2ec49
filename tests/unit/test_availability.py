"""How a check stood over a time: each second is counted once, and as what was known of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as some

from checks.contract import Observation
from monitor.core.availability import Availability, Run, Stretch, availability, stretches
from monitor.core.verdict import State, Verdict
from monitor.ledger import Ledger

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def run(first: float, last: float, state: State, planned: bool = False) -> Run:
    return Run(at(first), at(last), state, planned)


def test_a_look_holds_until_the_next_one_says_something_else() -> None:
    runs = (run(0, 20, State.OK), run(25, 30, State.FAILED), run(35, 60, State.OK))
    found = stretches(runs, at(0), at(60), timedelta(minutes=6))
    assert [(part.start, part.end, part.state) for part in found] == [
        (at(0), at(25), "OK"),
        (at(25), at(35), "FAILED"),
        (at(35), at(60), "OK"),
    ]
    assert availability(found) == Availability(up=50 * 60, down=600)


def test_what_is_overdue_is_neither_up_nor_down() -> None:
    found = stretches((run(0, 10, State.OK),), at(0), at(60), timedelta(minutes=5))
    assert availability(found) == Availability(up=900, unseen=2700)
    assert availability(found).percent == 100
    assert availability(found).known_percent == 25


def test_what_fails_within_a_maintenance_is_no_downtime() -> None:
    runs = (run(0, 10, State.OK), run(15, 30, State.FAILED, planned=True))
    shares = availability(stretches(runs, at(0), at(30), HOUR))
    assert (shares.up, shares.down, shares.planned) == (900, 0, 900)


def test_nothing_is_said_of_a_time_in_which_nobody_looked() -> None:
    shares = availability(stretches((), at(0), at(60), HOUR))
    assert shares == Availability(unseen=3600)
    assert shares.percent is None


looks = some.lists(
    some.tuples(some.integers(-120, 300), some.sampled_from(list(State)), some.booleans()),
    max_size=25,
    unique_by=lambda look: look[0],
)


@settings(max_examples=25, deadline=None)
@given(looks, some.integers(1, 60))
def test_every_minute_is_as_the_look_before_it_says(
    found: list[tuple[int, State, bool]], holds: int
) -> None:
    """Through a real ledger, against an oracle that asks of each minute which look it is under."""
    seen = sorted(found)
    with Ledger(":memory:") as ledger:
        with ledger.transaction() as t:
            for minute, state, muted in seen:
                t.record(
                    "portal",
                    "portal",
                    "scheduled",
                    at(minute),
                    Observation(),
                    Verdict(state),
                    muted,
                )
        patience = timedelta(minutes=holds)
        runs = ledger.runs("portal", at(0), at(240), patience)
    parts = stretches(runs, at(0), at(240), patience)
    assert sum(part.seconds for part in parts) == 240 * 60
    assert [part.end for part in parts[:-1]] == [part.start for part in parts[1:]]
    for minute in range(240):
        under = [look for look in seen if look[0] <= minute]
        told = under[-1] if under and minute - under[-1][0] < holds else None
        part = _under(parts, minute)
        assert (part.state, part.planned) == ((str(told[1]), told[2]) if told else ("", False)), (
            minute
        )


def _under(parts: tuple[Stretch, ...], minute: int) -> Stretch:
    return next(part for part in parts if part.start <= at(minute) < part.end)
