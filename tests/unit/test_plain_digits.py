"""A digit that comes as the body of an INFO is read once, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.telephony.sip.ladder import Direction, Message
from checks.telephony.sip.plain_digits import PlainDigits


def info(
    body: str, kind: str = "application/dtmf", sequence: int = 2, direction: Direction = "received"
) -> Message:
    head = f"INFO sip:m@h SIP/2.0\r\nCall-ID: a\r\nCSeq: {sequence} INFO\r\nContent-Type: {kind}"
    return Message(1.0, direction, "UDP h:5060", f"{head}\r\n\r\n{body}")


@pytest.mark.parametrize(("body", "digit"), [
    ("1", "1"), (" 5\r\n", "5"), ("#", "#"), ("10", "*"), ("11", "#"), ("a", "A"),
    ("", ""), ("12", ""), ("Signal=1", ""), ("1 2", ""), ("\u0661", ""),
])  # fmt: skip
def test_a_body_of_one_digit_is_one(body: str, digit: str) -> None:
    assert PlainDigits().look(info(body)) == digit


def test_it_is_read_once_however_often_it_comes() -> None:
    digits = PlainDigits()
    came = [digits.look(info("1", sequence=number)) for number in (2, 2, 3, 3, 4)]
    assert came == ["1", "", "1", "", "1"]


@pytest.mark.parametrize("kind", ["application/dtmf-relay", "application/dtmfx", "text/plain", ""])
def test_what_is_of_another_kind_is_the_engines_to_read(kind: str) -> None:
    assert PlainDigits().look(info("1", kind)) == ""


def test_our_own_are_none() -> None:
    assert PlainDigits().look(info("1", direction="sent")) == ""


@given(st.text(max_size=20))
@settings(max_examples=60, deadline=None)
def test_whatever_the_body_is_at_most_one_digit_comes_of_it(body: str) -> None:
    assert len(PlainDigits().look(info(body))) <= 1
