"""The strips of the first page: read in part, kept, and told on, they show what the whole ledger
says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from checks.contract import Observation
from monitor.config import CheckEntry, load
from monitor.core.availability import stretches
from monitor.core.rollup import Look, continued, runs, until
from monitor.core.verdict import State, Verdict
from monitor.ledger import Ledger
from monitor.page import course
from monitor.page.course import Course
from monitor.service.standing import holds

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SITE = """
[site]
name = "Testville"
timezone = "UTC"
region = "uk"
[checks.portal]
kind = "portal"
url = "http://127.0.0.1:9/"
every = "5m"
"""


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> CheckEntry:
    file = tmp_path_factory.mktemp("course") / "reveille.toml"
    file.write_text(SITE, encoding="utf-8")
    return load(file).checks["portal"]


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger(":memory:") as found:
        yield found


def looked(ledger: Ledger, *looks: tuple[float, State, bool], of: str = "portal") -> None:
    """Minutes after the start, what they came to, and whether within a maintenance."""
    with ledger.transaction() as t:
        for minute, state, muted in looks:
            at = START + minute * MINUTE
            t.record(of, "portal", "scheduled", at, Observation(), Verdict(state), muted)


said = some.tuples(some.sampled_from(list(State)), some.booleans())


@settings(max_examples=200, deadline=None)
@given(some.dictionaries(some.integers(0, 90), said), some.integers(0, 90), some.integers(1, 20))
def test_runs_that_are_cut_and_told_on_are_those_of_all_looks(
    found: dict[int, tuple[State, bool]], cut: int, patience: int
) -> None:
    looks = [
        Look(START + minute * MINUTE, "portal", state, muted, 0.0)
        for minute, (state, muted) in sorted(found.items())
    ]
    moment, gap = START + cut * MINUTE, timedelta(minutes=patience)
    whole = tuple(runs(looks, gap))
    later = [look for look in looks if look.at > moment]
    again = tuple(continued(until(whole, moment), later, gap))
    span = START, START + timedelta(minutes=120)
    assert stretches(again, *span, gap) == stretches(whole, *span, gap)


@settings(max_examples=60, deadline=None)
@given(
    some.lists(some.tuples(some.integers(0, 7), said, some.integers(0, 5)), max_size=40),
    some.integers(1, 6),
)
def test_a_page_that_hears_what_came_since_shows_what_one_that_reads_all_does(
    entry: CheckEntry, told: list[tuple[int, tuple[State, bool], int]], pages: int
) -> None:
    """Looks are written up to five minutes after they began, in another order than that."""
    kept, minute = Course(), 0
    with Ledger(":memory:") as ledger:
        written = set[int]()
        for number, (apart, (state, muted), late) in enumerate(told):
            minute += apart
            began = minute - late
            if began not in written:
                written.add(began)
                looked(ledger, (began, state, muted))
            if number % pages == 0:
                end = START + (minute + 0.5) * MINUTE
                start = end - 7 * DAY
                kept.keep_up(ledger, [entry], start, end)
                patience = holds(entry)
                whole = stretches(ledger.runs("portal", start, end, patience), start, end, patience)
                assert kept.of(entry, start, end) == whole


def test_what_a_host_hands_in_hours_later_is_seen_once_all_is_read_again(
    entry: CheckEntry, ledger: Ledger
) -> None:
    looked(ledger, *((minute, State.OK, False) for minute in range(0, 240, 5)))
    kept, end = Course(), START + 240 * MINUTE
    start = end - 7 * DAY
    kept.keep_up(ledger, [entry], start, end)
    looked(ledger, (101, State.FAILED, False))
    kept.keep_up(ledger, [entry], start, end)
    kept.read(ledger, entry, start, end)
    found = kept.of(entry, start, end)
    assert found is not None
    assert [part.state for part in found] == ["", "OK", "FAILED", "OK"]


def test_a_page_reads_some_strips_and_says_that_the_rest_is_on_its_way(
    entry: CheckEntry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many looks there are: nobody waits for all of them, and no strip is made up."""
    entries = [replace(entry, name=f"portal-{number}") for number in range(5)]
    for one in entries:
        looked(ledger, (0, State.OK, False), (60, State.OK, False), of=one.name)
    with ledger.transaction() as t:
        t.happened(None, START, "note", {"text": "began"})
    monkeypatch.setattr(course, "LOOKS_AT_ONCE", 24)  # of which each has 12 in an hour
    kept, end = Course(), START + 61 * MINUTE
    start = end - 7 * DAY
    shown = []
    for _ in range(3):
        kept.keep_up(ledger, entries, start, end)
        shown.append(sum(kept.of(one, start, end) is not None for one in entries))
    assert shown == [2, 4, 5]


def test_one_that_was_not_asked_for_is_read_anew(entry: CheckEntry, ledger: Ledger) -> None:
    looked(ledger, (0, State.OK, False))
    kept, end = Course(), START + 5 * MINUTE
    kept.keep_up(ledger, [entry], end - 7 * DAY, end)
    looked(ledger, (1, State.FAILED, False))
    later = START + 3 * DAY
    assert kept.of(entry, later - 7 * DAY, later) is None
    kept.keep_up(ledger, [entry], later - 7 * DAY, later)
    found = kept.of(entry, later - 7 * DAY, later)
    assert found is not None
    assert "FAILED" in [part.state for part in found]
