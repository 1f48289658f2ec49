"""Where a REFER leads to: the one number at the one host, or nowhere."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.telephony.sip.refer_target import ReferTarget, refer_target

PLAIN = (
    "sip:8000@pbx.example",
    "<sip:8000@pbx.example>",
    " <SIP:8000@pbx.example> ",
    '"Queue 1" <sip:8000@pbx.example>',
    "Queue <sip:8000@pbx.example>",
    "<sip:8000@pbx.example;transport=tcp>",
    "<sip:8000@pbx.example;user=phone;ob>",
    "<sip:8000@pbx.example>;x=1",
    "<sip:8000@pbx.example?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>",
    "<sip:8000@pbx.example?Replaces=a&Require=replaces&Referred-By=%3Csip%3Aa%40b%3E>",
    "<sip:%38000@pbx.example>",
)


@pytest.mark.parametrize("written", PLAIN)
def test_what_exchanges_write_is_read(written: str) -> None:
    assert refer_target(written) == ReferTarget("8000", "pbx.example")


@pytest.mark.parametrize(
    "written",
    [
        '"<sip:8000@pbx.example>" <sip:+979@trap.example>',
        "sip:8000@pbx.example <sip:+979@trap.example>",
        "<sip:8000@pbx.example>, <sip:+979@trap.example>",
        "<sip:8000@pbx.example?Route=%3Csip%3Atrap.example%3Blr%3E>",
        "<sip:8000@pbx.example?Replaces=a&Route=%3Csip%3Atrap.example%3Blr%3E>",
        "<sip:8000@pbx.example?Replaces=a&%52oute=%3Csip%3Atrap.example%3Blr%3E>",
        "<sip:8000@pbx.example?Replaces=a%0d%0aRoute%3A%20%3Csip%3Atrap.example%3Blr%3E>",
        "<sip:8000@pbx.example?From=%3Csip%3A979%40trap.example%3E>",
        "<sip:8000@pbx.example;maddr=192.0.2.9>",
        "<sip:8000@pbx.example;%6daddr=192.0.2.9>",
        "<sip:8000@pbx.example;ob;MADDR=192.0.2.9>",
        "<sip:8000@pbx.example;method=MESSAGE>",
        "<sip:8000:secret@pbx.example>",
        "<sip:8000@trap.example@pbx.example>",
        "<sip:8000;phone-context=+979@pbx.example>",
        "<tel:8000;phone-context=pbx.example>",
        "<sip:pbx.example>",
        "<sip:8000@[::1>",
        "<http://8000@pbx.example>",
        "<sip:8000@pbx.example",
        "",
    ],
)
def test_what_leads_elsewhere_is_not(written: str) -> None:
    assert refer_target(written) is None


@pytest.mark.parametrize("sign", [" ", "\t", '"" ', ";", ";a", "&", "<", "a@", "%41", "%"])
def test_what_is_long_is_refused_as_quickly_as_it_is_read(sign: str) -> None:
    began = time.process_time()
    for opening in ("", "<sip:8000@pbx.example", "<sip:8000@pbx.example?a=", "sip:", '"'):
        assert refer_target(opening + sign * (60_000 // len(sign)) + "!") is None
    assert time.process_time() - began < 0.5, "no datagram of 64 kB stops the phone"


@given(st.text(max_size=40), st.text('<>"@;:?&,% ', max_size=6), st.text(max_size=40))
def test_whatever_stands_about_it_is_no_way_to_another_place(a: str, b: str, c: str) -> None:
    for written in (f"{a}{b}<sip:8000@pbx.example>{c}", f"<sip:8000@pbx.example{b}{c}>{a}"):
        found = refer_target(written)
        assert found is None or found.user == "8000"
        assert found is None or re.match(r"pbx\.example(?![^0-9A-Za-z.:-])", found.place)
        # Another URI in it, and the engine might go there.
        assert found is None or written.lower().count("sip:") == 1
