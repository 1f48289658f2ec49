"""The lab's words on the wire: digest, descriptions, the life of a leg, its dial plan."""

from __future__ import annotations

import pytest
from sipmessage import URI, AuthParameters, Message, Request

from lab.injected_faults import FAULTS, PORTALS, Faults, UnknownFault
from lab.pbx import sdp, sip_messages
from lab.pbx.dialog import SessionInterval
from lab.pbx.ivr import HANG_UP, PLAN, QUEUE
from lab.pbx.leg import LIFE
from lab.pbx.registrar import digest


def test_digest_is_that_of_rfc_2617() -> None:
    """Its section 3.5, letter for letter; and without qop, as RFC 2069 had it."""
    given = {
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html",
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "0a4f113b",
    }
    right = digest("Mufasa", "testrealm@host.com", "Circle Of Life", "GET", AuthParameters(**given))
    assert right == "6629fae49393a05397450978507c4ef1"
    for name in ("qop", "nc", "cnonce"):
        del given[name]
    right = digest("Mufasa", "testrealm@host.com", "Circle Of Life", "GET", AuthParameters(**given))
    assert right == "670fd8c2df070c60b045671b8b24ff02"


OFFER = b"""v=0\r
o=- 1 1 IN IP4 192.0.2.1\r
s=-\r
c=IN IP4 192.0.2.1\r
t=0 0\r
m=audio 4000 RTP/AVP 96 0 8 120\r
c=IN IP4 192.0.2.9\r
a=rtpmap:96 opus/48000/2\r
a=rtpmap:120 telephone-event/8000\r
a=sendonly\r
m=video 4002 RTP/AVP 97\r
a=rtpmap:97 H264/90000\r
"""


def test_an_offer_is_answered_with_its_first_codec_that_we_speak() -> None:
    offered = sdp.parse(OFFER)
    assert (offered.host, offered.port, offered.law, offered.events) == (
        "192.0.2.9",
        4000,
        "PCMU",
        120,
    )
    assert not offered.writer_listens, "it put us on hold"
    answered = sdp.answer("127.0.0.1", 5000, offered, 1).decode()
    assert "m=audio 5000 RTP/AVP 0 120\r\n" in answered
    assert "a=recvonly\r\n" in answered
    assert answered.endswith("m=video 0 RTP/AVP 97\r\n"), (
        "each media line of the offer has its answer, refused by port 0"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"hello",
        OFFER.replace(b"RTP/AVP 96 0 8 120", b"RTP/AVP 96 3"),
        OFFER.replace(b"RTP/AVP 96", b"RTP/SAVP 96"),
    ],
    ids=["empty", "no sdp", "no G.711", "only SRTP"],
)
def test_what_cannot_be_spoken_is_refused(wrong: bytes) -> None:
    with pytest.raises(sdp.NotAcceptable):
        sdp.parse(wrong)


def test_our_own_offer_can_be_read_by_us() -> None:
    sound = sdp.parse(sdp.offer("127.0.0.1", 4000, "PCMU", 1))
    assert (sound.law, sound.events, sound.direction) == ("PCMU", sdp.EVENTS, "sendrecv")


def test_session_interval_reads_what_it_writes() -> None:
    request = Request("INVITE", URI(scheme="sip", host="a"))
    assert SessionInterval.of(request) is None
    request.headers.set("Session-Expires", "1800 ; refresher=uas")
    interval = SessionInterval.of(request)
    assert interval == SessionInterval(1800, "uas") and str(interval) == "1800;refresher=uas"
    request.headers.set("Session-Expires", "soon")
    with pytest.raises(ValueError, match="soon"):
        SessionInterval.of(request)


def test_a_reply_keeps_what_must_come_back_verbatim() -> None:
    asked = Message.parse(
        b"OPTIONS sip:8000@lab SIP/2.0\r\nv: SIP/2.0/UDP a:5060;branch=z9hG4bK*odd~chars!;rport=1,"
        b" SIP/2.0/UDP b\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK3\r\nFrom: <sip:x@a>;tag=1\r\nTo:"
        b" <sip:8000@lab>\r\ni: 4\r\nCSeq: 1 OPTIONS\r\nRecord-Route: <sip:p1;lr>\r\nRecord-Route:"
        b" <sip:p2;lr>\r\n\r\n"
    )
    assert isinstance(asked, Request)
    said = bytes(sip_messages.reply(asked, 200, "tag9")).decode()
    assert (
        "Via: SIP/2.0/UDP a:5060;branch=z9hG4bK*odd~chars!;rport=1, SIP/2.0/UDP b\r\nVia:"
        " SIP/2.0/TCP c" in said
    )
    assert "To: <sip:8000@lab>;tag=tag9\r\n" in said
    assert "Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n" in said
    assert "tag=tag9" not in bytes(sip_messages.reply(asked, 100, "tag9")).decode(), (
        "100 makes no dialog"
    )


def test_every_step_of_the_plan_leads_somewhere_and_ends() -> None:
    ends = {QUEUE, HANG_UP}
    for step in PLAN.values():
        assert {step.then, *step.keys.values()} <= set(PLAN) | ends
    assert PLAN["menu"].times == 3
    assert PLAN["menu"].keys["1"] == "hold" and PLAN["hold"].then == QUEUE
    assert PLAN["menu"].keys["2"] == "hours" and PLAN["hours"].then == HANG_UP


def test_a_leg_that_is_over_stays_over() -> None:
    states = {state for state, _ in LIFE} | set(LIFE.values())
    assert states == {"new", "ringing", "answered", "up", "over"}
    assert not any(state == "over" for state, _ in LIFE)
    assert {state for state, event in LIFE if event == "end"} == states - {"over"}


async def test_a_fault_is_one_of_the_table() -> None:
    faults = Faults()
    with pytest.raises(UnknownFault, match="did you mean 'trunk-down'"):
        faults.switch_on("trunk-dwon")
    with pytest.raises(KeyError):
        faults.broken("trunk-dwon")
    faults.switch_on("busy")
    await faults.until("busy", broken=True)
    faults.switch_off()
    await faults.until("busy", broken=False)
    assert {f"{portal}-down" for portal in PORTALS} <= set(FAULTS)
