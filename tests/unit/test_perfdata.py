"""A plugin's performance data, after the Monitoring Plugins Development Guidelines, and as real
plugins write it.
"""

from __future__ import annotations

import time
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.perfdata import MOST_DATA, Datum, Range, data_in


def values(text: str) -> dict[str, float | None]:
    return {datum.name: datum.value for datum in data_in(text)}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "time=0.012345s;;;0.000000;10.000000 size=415B;;;0",
            {"time_seconds": 0.012345, "size_bytes": 415},
        ),
        ("load1=3.840;5.000;10.000;0; load5=2.8;4;10;0; ", {"load1": 3.84, "load5": 2.8}),
        ("/=25849495552B;243497277849;257024904396;0;270552530944", {"root_bytes": 25849495552}),
        ("'free on /var'=93%;20:;10:", {"free_on_var_percent": 93}),
        ("rta=4.5ms;100;500;; pl=0%;10;20;0;100", {"rta_seconds": 0.0045, "pl_percent": 0}),
        ("memory=2KB swap=1.5MB", {"memory_bytes": 2048, "swap_bytes": 1.5 * 2**20}),
        ("'it''s'=1c", {"it_s_count": 1}),
        ("'a=b'=-1.5", {"a_b": -1.5}),
        ("errors=U", {"errors": None}),
        ("5xx=3", {"value_5xx": 3}),
        ("level=-61dBm temperature=21,5C", {"level_dbm": -61, "temperature_c": 21.5}),
        ("time_seconds=2s", {"time_seconds": 2}),
        ("a=1 a=2", {"a": 1}),
        ("a=1e3 b=.5", {"a": 1000, "b": 0.5}),
    ],
)
def test_each_datum_becomes_a_measure_in_its_base_unit(
    written: str, expected: dict[str, float | None]
) -> None:
    assert values(written) == pytest.approx(expected)


@pytest.mark.parametrize(
    "written", ["", "no data", "a=", "=1", "a=b", "'open=1", "a=1;2;3;4;5;6;7 ", "a==1", "a=0x1f"]
)
def test_what_has_no_such_form_is_left_out(written: str) -> None:
    assert values(written) == {}


def test_the_good_ones_beside_a_bad_one_still_count() -> None:
    assert values("a=1 b=oops c=3;;;;") == {"a": 1, "c": 3}


@pytest.mark.parametrize(
    ("written", "good", "alerting"),
    [
        ("10", (0, 10), (-0.1, 10.1)),
        ("10:", (10, 1e9), (9.9, -5)),
        ("~:10", (-1e9, 10), (10.1,)),
        ("10:20", (10, 20), (9.9, 20.1)),
        ("@10:20", (9.9, 20.1), (10, 15, 20)),
    ],
)
def test_ranges_alert_as_the_guidelines_table_says(
    written: str, good: tuple[float, ...], alerting: tuple[float, ...]
) -> None:
    found = Range.parse(written)
    assert found is not None
    assert not any(map(found.alerts, good))
    assert all(map(found.alerts, alerting))


@pytest.mark.parametrize("written", ["", "x", "20:10", "1:2:3", "@", ":", "nan", "inf"])
def test_what_is_no_range_is_none(written: str) -> None:
    assert Range.parse(written) is None


def test_ranges_and_limits_are_in_the_unit_of_the_value() -> None:
    (datum,) = data_in("rta=4ms;100;~:500;0;9000")
    assert datum == Datum("rta_seconds", 0.004, Range(0, 0.1), Range(-inf, 0.5), 0, 9)


def test_a_flood_is_cut_and_costs_little() -> None:
    began = time.process_time()
    assert len(data_in(" ".join(f"a{n}={n}" for n in range(20_000)))) == MOST_DATA
    for hostile in (
        "'" * 65536,
        "a" * 65536,
        "a=" * 32768,
        "a=1;" * 16384,
        "'a'" * 20000,
        " =" * 32768,
    ):
        assert values(hostile) in ({}, {"a": 1.0})
    assert time.process_time() - began < 2


@given(st.text(alphabet="a1'= ;:@~.,-U%\n|B", max_size=80))
def test_any_text_gives_data_or_none(text: str) -> None:
    for datum in data_in(text):
        assert datum.value is None or abs(datum.value) < inf
        assert datum.name and datum.name[0].isalpha()
