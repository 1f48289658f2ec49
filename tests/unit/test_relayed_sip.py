"""Neither side of the relay sees that there are two connections (RFC 3261 sections 16.6, 16.7)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as some

from checks.telephony.sip.relayed import Relayed

RELAY, OWN, ENGINE = "127.0.0.1:4000", "192.0.2.7:51000", "127.0.0.1:37393"
US = f"<sip:{RELAY};transport=tcp;lr>"


def message(*lines: str, body: str = "v=0\r\n") -> bytes:
    return ("\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])).encode()


def lines(written: bytes) -> list[str]:
    return written.decode().split("\r\n")


def test_a_request_of_ours_shows_our_end_of_the_tls_connection_alone() -> None:
    sent = Relayed(RELAY, OWN).outward(
        message(
            "INVITE sip:8000@pbx.example:5061;transport=tls SIP/2.0",
            f"Via: SIP/2.0/TCP {ENGINE};rport;branch=z9hG4bKa;alias",
            f"Route: {US}, <sip:edge.example;lr>",
            f'Contact: "monitor" <sip:monitor@{ENGINE};transport=TCP;ob>',
            f"X-Kept: {ENGINE}",
        )
    )
    assert lines(sent) == [
        "INVITE sip:8000@pbx.example:5061;transport=tls SIP/2.0",
        f"Via: SIP/2.0/TLS {OWN};rport;branch=z9hG4bKa;alias",
        "Route: <sip:edge.example;lr>",
        f'Contact: "monitor" <sip:monitor@{OWN};transport=tls;ob>',
        f"X-Kept: {ENGINE}",
        "Content-Length: 5",
        "",
        "v=0",
        "",
    ]


def test_its_answer_comes_back_to_the_engine_and_keeps_us_in_the_path() -> None:
    relayed = Relayed(RELAY, OWN)
    relayed.outward(
        message(
            "INVITE sip:8000@pbx.example SIP/2.0",
            f"Via: SIP/2.0/TCP {ENGINE};rport;branch=z9hG4bKa",
            f"Contact: <sip:monitor@{ENGINE};transport=TCP>",
        )
    )
    came = relayed.inward(
        message(
            "SIP/2.0 200 OK",
            f"v: SIP/2.0/TLS {OWN};received=198.51.100.4;rport=1024;branch=z9hG4bKa",
            "Record-Route: <sip:edge.example;lr>",
            f"m: <sip:monitor@{OWN};transport=tls>;expires=300, <sip:other@192.0.2.9>",
        )
    )
    assert lines(came)[:5] == [
        "SIP/2.0 200 OK",
        f"Via: SIP/2.0/TCP {ENGINE};rport;branch=z9hG4bKa",
        "Record-Route: <sip:edge.example;lr>",
        f"Record-Route: {US}",
        f"m: <sip:monitor@{ENGINE};transport=TCP>;expires=300, <sip:other@192.0.2.9>",
    ]


def test_a_call_to_us_goes_through_us_both_ways() -> None:
    relayed = Relayed(RELAY, OWN)
    invite = message(
        f"INVITE sip:agent@{OWN};transport=tls SIP/2.0",
        "Via: SIP/2.0/TLS pbx.example;branch=z9hG4bKfar, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx",
        "Record-Route: <sip:pbx.example;transport=tls;lr>",
    )
    came = lines(relayed.inward(invite))
    assert came[1].startswith(f"Via: SIP/2.0/TCP {RELAY};branch=z9hG4bK")
    assert came[2:4] == [f"Record-Route: {US}", lines(invite)[1]]
    answer = relayed.outward(message("SIP/2.0 200 OK", came[1] + ";received=127.0.0.1", *came[2:5]))
    assert lines(answer)[:3] == ["SIP/2.0 200 OK", lines(invite)[1], lines(invite)[2]]
    cancel = invite.replace(b"INVITE", b"CANCEL")
    assert lines(relayed.inward(cancel))[1] == came[1], "one transaction, one branch"


@given(some.binary(max_size=300), some.binary(max_size=60))
@settings(max_examples=150)
def test_whatever_comes_passes_and_its_body_is_untouched(head: bytes, body: bytes) -> None:
    relayed = Relayed(RELAY, OWN)
    for way in (relayed.inward, relayed.outward):
        assert way(b"NOTIFY sip:x SIP/2.0\r\nVia: " + head + b"\r\n\r\n" + body).endswith(body)
