"""Words that would begin a line of their own: refused or made harmless at the last place before the
wire, whoever filled them in.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage import URI, Request

from checks.contract import Failed
from checks.telephony.asterisk import ami
from checks.telephony.sip.message import as_sent
from checks.transport import wire_text
from checks.transport.http import http1
from checks.transport.http.address import Address
from checks.transport.http.message import Request as HttpRequest
from monitor.terminal import harmless

BREAKS = ("\r\n", "\n", "\r", "\0")
HOME = Address("http", "portal.example.net", 80, "/")


@pytest.mark.parametrize("sign", BREAKS)
@pytest.mark.parametrize("where", ["name", "value", "private", "target", "host", "method"])
def test_a_request_is_one_request(where: str, sign: str) -> None:
    evil = f"abc{sign}X-Injected: yes"
    asked = {
        "name": HttpRequest("GET", HOME, ((evil, "v"),)),
        "value": HttpRequest("GET", HOME, (("X-CSRF", evil),)),
        "private": HttpRequest("GET", HOME, private=(("Authorization", evil),)),
        "target": HttpRequest("GET", Address("http", "portal.example.net", 80, f"/{evil}")),
        "host": HttpRequest("GET", Address("http", evil, 80, "/")),
        "method": HttpRequest(evil, HOME),
    }[where]
    with pytest.raises(Failed, match="it is not sent") as refused:
        http1._written(asked)
    assert "Injected" not in refused.value.text or where in ("name", "method", "target")
    assert refused.value.origin == "local"


@given(st.text(max_size=80))
def test_whatever_a_value_holds_the_request_has_as_many_lines(value: str) -> None:
    asked = HttpRequest("POST", HOME, (("X-A", value), ("X-B", "b")), b"body")
    try:
        written = http1._written(asked)
    except Failed:
        assert any(sign in value for sign in "\r\n\0")
        return
    head, _, body = written.partition(b"\r\n\r\n")
    assert len(head.splitlines()) >= 6 and head.count(b"\r\n") == 5 and body == b"body"
    assert b"\0" not in head and head.count(b"\n") == 5


@pytest.mark.parametrize("sign", BREAKS)
@pytest.mark.parametrize("header", ["Subject", "Call-ID", "To", "X-Test"])
def test_a_sip_request_is_one_request(header: str, sign: str) -> None:
    request = Request("OPTIONS", URI.parse("sip:8000@127.0.0.1"))
    request.headers.add(header, f"a{sign}Via: SIP/2.0/UDP evil")
    with pytest.raises(Failed, match="it is not sent"):
        as_sent(request)


@pytest.mark.parametrize("sign", BREAKS)
def test_an_order_to_the_phone_holds_no_line_end(sign: str) -> None:
    for details in (
        {"to": f"sip:8000{sign}X: y@h"},
        {"headers": {"X-A": f"b{sign}c"}},
        {"headers": {f"X{sign}Y": "b"}},
        {"script": [{"press": f"1{sign}2"}]},
    ):
        with pytest.raises(Failed, match="it is not sent"):
            wire_text.within(details)
    wire_text.within({"to": "sip:8000@h", "again": True, "at": 1.5, "headers": {"a": "b"}})


@pytest.mark.parametrize("sign", BREAKS)
def test_an_action_of_the_ami_is_one_action(sign: str) -> None:
    said = ami._one_line(f"Username: a{sign}Action: Originate")
    assert not any(one in said for one in "\r\n\0")


@given(st.text(max_size=60))
def test_lines_of_mail_and_of_imap_are_the_lines_that_were_meant(text: str) -> None:
    try:
        sent = wire_text.lines(["RCPT TO:<a@b>", text])
    except Failed:
        assert any(sign in text for sign in "\r\n\0")
        return
    assert sent.count("\r\n") == 2 and "\0" not in sent


@pytest.mark.parametrize(
    "sign", ["\x1b[2J", "\x9b31m", "\u202e", "\u2066", "\x07", "\u2028", "\x00"]
)
def test_a_terminal_is_steered_by_nobody(sign: str, capsys: pytest.CaptureFixture[str]) -> None:
    from monitor.terminal import show_json

    assert sign[0] not in harmless(f"CRITICAL {sign} said the far end")
    show_json({"said": f"a{sign}b", "क्‍ष": "ok\n"})
    told = capsys.readouterr().out
    assert sign[0] not in told and json.loads(told) == {"said": f"a{sign}b", "क्‍ष": "ok\n"}
