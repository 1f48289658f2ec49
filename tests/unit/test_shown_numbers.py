"""Numbers of customers do not stand in a report, unless the site says that they are its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.data.usage.leg_rows import Names
from checks.data.usage.shown_numbers import shown


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("+91 80 2345 6789", "••• •• •••• ••89"),
        ("919812345678", "••••••••••78"),
        ("sip:+919812345678@trunk.example.net", "sip:•••••••••••78@trunk.example.net"),
        ("8000", "8000"),
        ("112", "112"),
        ("sales", "sales"),
        ("s", "s"),
        ("٠١٢٣٤٥٦٧", "••••••٦٧"),
    ],
)
def test_of_a_customers_number_the_last_two_digits_are_told(written: str, told: str) -> None:
    assert shown(written, ()) == told


def test_what_the_site_calls_its_own_is_whole() -> None:
    own = ("+9180234567*", "1800*")
    assert shown("+918023456789", own) == "+918023456789"
    assert shown("18001234567", own) == "18001234567"
    assert shown("+918123456789", own) == "•" * 11 + "89"
    assert shown("+918123456789", ("*",)) == "+918123456789"


@given(st.from_regex(r"[+]?[0-9 ()/.-]{0,30}", fullmatch=True))
def test_nobody_can_be_called_by_it(number: str) -> None:
    told = shown(number, ())
    digits = sum(letter.isdigit() for letter in number)
    assert len(told) == len(number)
    assert sum(letter.isdigit() for letter in told) == (digits if digits < 7 else 2)


def test_trunks_and_agents_stay_as_they_are() -> None:
    names = Names()
    for group in ("trunk", "agent", "queue", "did"):
        code = names.of(group)["919812345678"]
        assert names.told(group, code) == ("••••••••••78" if group == "did" else "919812345678")
