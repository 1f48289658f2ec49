"""The figures of a day against brute force, on records that are as odd as they come, on days of 23,
24 and 25 hours.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.data.usage import legs_to_calls as folding
from checks.data.usage.columns import RowColumns
from checks.data.usage.day import Day
from checks.data.usage.leg_rows import Met, Names
from checks.data.usage.record_formats import FORMATS
from checks.data.usage.records_to_legs import Taker, Taking, Window
from checks.data.usage.spool import Spool
from checks.data.usage.tally import Rules, Tally
from checks.data.usage.traffic import busy_hour, peak
from tests.unit import usage_oracle as oracle

DAYS = [
    (date(2026, 11, 20), "Asia/Kolkata"),
    (date(2026, 3, 8), "America/New_York"),  # 23 hours
    (date(2026, 11, 1), "America/New_York"),  # 25 hours
    (date(2018, 11, 4), "America/Sao_Paulo"),  # begins at 01:00
    (date(2026, 4, 5), "Australia/Lord_Howe"),  # 24.5 hours
]
TERMS = ("start", "length", "talk", "outcome", "trunk", "id", "link", "order", "account")
AROUND = 7200
IN_TIME, SHORT = 20, 5


def lengths() -> st.SearchStrategy[int | None]:
    usual = st.one_of(
        st.integers(0, 40),
        st.integers(0, 5000),
        st.sampled_from([SHORT, SHORT + 1, IN_TIME, IN_TIME + 1]),
    )
    return st.one_of(usual, usual, usual, st.sampled_from([None, -1, -3600, 0]))


@st.composite
def record(draw: st.DrawFn, day: Day) -> dict[str, Any]:
    edge = draw(
        st.sampled_from(
            [day.begin, day.end, (day.begin + day.end) // 2, day.begin + 3600, day.begin + 7200]
        )
    )
    at = draw(
        st.one_of(
            st.integers(edge - 30, edge + 30), st.integers(day.begin - AROUND, day.end + AROUND - 1)
        )
    )
    at = min(max(at, day.begin - AROUND), day.end + AROUND - 1)
    number = draw(st.integers(1, 12))
    wall = datetime.fromtimestamp(at, ZoneInfo(day.zone)).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "start": draw(st.sampled_from([wall] * 12 + [None])),
        "length": draw(lengths()),
        "talk": draw(lengths()),
        "outcome": draw(
            st.sampled_from(
                [*["ANSWERED"] * 4, "BUSY", "NO ANSWER", "CANCEL", "CONGESTION", "FAILED"]
            )
        ),
        "trunk": draw(st.sampled_from(["a", "b", "c"])),
        "id": f"{at}.{number}",
        "link": draw(st.sampled_from([None, f"{day.begin}.{number}"])),
        "order": draw(st.integers(1, 10**6)),
        "account": draw(st.sampled_from(["", "", "", "", "reveille"])),
    }


def ours(
    records: list[dict[str, Any]], day: Day, in_memory: int = 10**6
) -> tuple[Tally, Names, Met]:
    window = Window(day.begin - AROUND, day.end + AROUND, day.begin, day.end)
    positions = {term: at for at, term in enumerate(TERMS)}
    asterisk = FORMATS["asterisk"]
    taking = Taking(asterisk, day.zone, (window,), day.end + 10**6, AROUND, frozenset({"reveille"}))
    met, tally = Met(), Tally(day, Rules(IN_TIME, SHORT))
    names = Names()
    taker = Taker(taking, names, met)
    rows = [tuple(one[term] for term in TERMS) for one in records]
    with Spool(in_memory) as spool:
        for begin in range(0, len(rows), 7):
            spool.add(taker.take(RowColumns(rows[begin : begin + 7], positions)))
        for legs in spool.buckets():
            met.odd["duplicates"] += folding.duplicates(legs, day.begin, day.end)
            tally.add(folding.fold(legs)[0])
    return tally, names, met


def told(tally: Tally, names: Names) -> dict[str, Any]:
    total, top, busiest = tally.total(), peak(tally.sweep), busy_hour(tally.sweep)
    return {
        **{name: getattr(total, name) for name in oracle.SUMS},
        "own": tally.own,
        "peak": top.calls,
        "peak_at": top.at,
        "busiest": busiest.call_seconds,
        "busiest_at": busiest.begin,
        "trunks": {name: counts.offered for name, counts in tally.groups("trunk", names).items()},
        "hours": {
            number: counts.offered for number, counts in enumerate(tally.hours()) if counts.offered
        },
        "crossed_in": tally.crossed_in,
        "crossed_out": tally.crossed_out,
    }


@pytest.mark.parametrize(("date_", "zone"), DAYS, ids=str)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_figure_is_what_brute_force_says(date_: date, zone: str, data: st.DataObject) -> None:
    day = Day.of(date_, zone)
    assert (day.begin, day.end) == oracle.day_of(date_, zone)
    records = data.draw(st.lists(record(day), max_size=25))
    repeated = data.draw(st.lists(st.sampled_from(records), max_size=3)) if records else []
    in_memory = data.draw(st.sampled_from([0, 5, 10**6]))
    tally, names, _ = ours(records + repeated, day, in_memory)
    assert told(tally, names) == oracle.figures(records, date_, zone, IN_TIME, SHORT)


def odd(**changes: Any) -> dict[str, Any]:
    usual = {
        "start": "2026-11-20 10:00:00",
        "length": 60,
        "talk": 50,
        "outcome": "ANSWERED",
        "trunk": "a",
    }
    return {**usual, "id": "1763613000.1", "link": None, "order": 1, "account": "", **changes}


@pytest.mark.parametrize(
    ("record_", "name", "offered"),
    [
        (odd(start=None), "without_start", 0),
        (odd(start="0000-00-00 00:00:00"), "without_start", 0),
        (odd(start="yesterday"), "without_start", 0),
        (odd(start="2026-12-24 10:00:00"), "future", 0),
        (odd(length=-7), "negative", 1),
        (odd(length=None), "nulls", 1),
        (odd(talk=0), "zero_length", 1),
        (odd(length=9000), "longer_than_expected", 1),
    ],
)
def test_an_odd_record_is_counted_and_never_dropped_in_silence(
    record_: dict[str, Any], name: str, offered: int
) -> None:
    tally, _, met = ours([record_], Day.of(date(2026, 11, 20), "Asia/Kolkata"))
    assert {what: count for what, count in met.odd.items() if count}[name] == 1
    assert tally.total().offered == offered


def test_the_same_record_twice_is_one_call_and_said() -> None:
    tally, _, met = ours([odd(), odd(), odd(order=2)], Day.of(date(2026, 11, 20), "Asia/Kolkata"))
    assert (tally.total().offered, tally.total().talk_seconds, met.odd["duplicates"]) == (1, 50, 1)


def test_a_wall_time_that_comes_twice_is_told_by_the_id_else_counted() -> None:
    day = Day.of(date(2026, 11, 1), "America/New_York")
    second = day.begin + 2 * 3600 + 60  # 01:01 for the second time
    known, unknown = (
        odd(start="2026-11-01 01:01:00", id=identity) for identity in (f"{second}.7", "x")
    )
    tally, _, met = ours([known], day)
    assert [counts.offered for counts in tally.hours()][:4] == [0, 0, 1, 0]
    assert met.odd["ambiguous_times"] == 0
    tally, _, met = ours([unknown], day)
    assert [counts.offered for counts in tally.hours()][:4] == [0, 1, 0, 0]
    assert met.odd["ambiguous_times"] == 1


def test_a_wall_time_that_does_not_exist_is_counted() -> None:
    _, _, met = ours(
        [odd(start="2026-03-08 02:30:00", id="x")], Day.of(date(2026, 3, 8), "America/New_York")
    )
    assert met.odd["impossible_times"] == 1


def test_a_transfer_is_not_two_calls_and_its_minute_not_two_minutes() -> None:
    first = odd(id="1763613000.1", link="1763613000.1", length=60, talk=60)
    after = odd(
        id="1763613030.2",
        link="1763613000.1",
        start="2026-11-20 10:00:30",
        length=90,
        talk=80,
        order=2,
    )
    tally, _, _ = ours([after, first], Day.of(date(2026, 11, 20), "Asia/Kolkata"))
    assert (tally.total().offered, tally.total().talk_seconds, tally.total().wait_seconds) == (
        1,
        120,
        0,
    )
