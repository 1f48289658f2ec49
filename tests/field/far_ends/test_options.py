"""OPTIONS: answers that are lawful and seldom (RFC 3261), over UDP and over TCP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.field.far_ends.sip_server import CLOSE, Request, answer, over_tcp, over_udp, says
from tests.field.story import Right, Story, comes_out, failed, in_short, once, told

PAUSE_SECONDS = 0.05
COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i"}
STUN = bytes.fromhex("000100002112a442") + b"123456789012"
BODY = "Content-Length: 5"
SDP = "Content-Type: application/sdp"
QUICK = {"within": "1s"}


def via_of(asked: Request) -> str:
    return asked.one("Via")


OVER_UDP = (
    Story("good", says(), "RFC 3261, 11"),
    Story("compact", says(names=COMPACT, length="l: 0"), "RFC 3261, 7.3.3"),
    Story(
        "folded",
        says("200 OK", "Allow: INVITE,\r\n ACK", "Supported: timer\r\n\t, path"),
        "RFC 3261, 7.3.1",
    ),
    Story(
        "two-vias-in-a-line",
        lambda a: [answer(a, via=[via_of(a) + ", SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bKx"])],
        "a proxy that leaves its own Via in; every phone takes it",
    ),
    Story("no-length", says(length=""), "RFC 3261, 18.3: UDP may do without"),
    Story("no-tag", says(tag=""), "common in the field; nothing hangs on it"),
    Story(
        "100-then-200",
        lambda a: [answer(a, "100 Trying", tag=""), PAUSE_SECONDS, answer(a)],
        "RFC 3261, 17.1.2",
    ),
    Story(
        "100-only",
        says("100 Trying", tag=""),
        "no final answer",
        failed("", "timeout"),
        settings=QUICK,
    ),
    Story(
        "503",
        says("503 Service Unavailable", "Retry-After: 120"),
        "RFC 3261, 21.5.4",
        Right("FAILED"),
    ),
    Story("501", says("501 Not Implemented"), "no answer of `accept`", failed("answer", "sip:501")),
    Story("403", says("403 Forbidden"), "no answer of `accept`", failed("answer", "sip:403")),
    Story("483", says("483 Too Many Hops"), "RFC 3261, 21.4.21", failed("answer", "sip:483")),
    Story(
        "302",
        says("302 Moved Temporarily", "Contact: <sip:127.0.0.1:1>"),
        "no answer of `accept`",
        failed("answer", "sip:302"),
    ),
    Story("phrase-in-cyrillic", says("200 Добро"), "RFC 3261, 7.2: UTF-8"),
    Story(
        "phrase-in-latin-1",
        lambda a: [answer(a, "200 D'accord").replace(b"D'", b"\xe0")],
        "RFC 3261, 25.1: ought to be UTF-8; phones take it",
    ),
    Story(
        "name-in-latin-1",
        lambda a: [answer(a, "200 OK", "Server: PBX").replace(b"PBX", b"B\xfcro")],
        "older PBXs; phones take it",
    ),
    Story(
        "version-in-small-letters",
        lambda a: [answer(a).replace(b"SIP/2.0 200", b"sip/2.0 200")],
        "RFC 3261, 7.1: without regard to case",
    ),
    Story("phrase-empty", says("200 "), "RFC 3261, 25.1"),
    Story("no-phrase", says("200"), "RFC 3261, 25.1: a blank must follow; common"),
    Story(
        "line-feeds-only", lambda a: [answer(a).replace(b"\r\n", b"\n")], "not SIP", Right("FAILED")
    ),
    Story(
        "number-with-zeros",
        lambda a: [answer(a).replace(b"CSeq: 1 OPTIONS", b"CSeq: 0001   OPTIONS")],
        "RFC 3261, 20.16",
    ),
    Story(
        "method-in-small-letters",
        lambda a: [answer(a).replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 options")],
        "RFC 3261, 7.1: a method has its case",
        Right("FAILED"),
        settings=QUICK,
    ),
    Story("body", says("200 OK", SDP, length=BODY, body="v=0\r\n"), "RFC 3261, 11.2"),
    Story(
        "body-longer-than-said",
        says("200 OK", SDP, length="Content-Length: 2", body="v=0\r\n"),
        "RFC 3261, 18.3",
    ),
    Story(
        "keep-alives-first",
        lambda a: [b"\r\n\r\n", b"\0\0\0\0", b"jaK\0", PAUSE_SECONDS, answer(a)],
        "RFC 5626, 3.5.1; Kamailio's pings",
    ),
    Story("stun-first", lambda a: [STUN, PAUSE_SECONDS, answer(a)], "RFC 5626, 3.5.2"),
    Story(
        "two-answers",
        lambda a: [answer(a, "486 Busy Here"), answer(a)],
        "the first final one counts",
    ),
    Story(
        "names-in-capitals",
        lambda a: [answer(a).replace(b"Call-ID", b"CALL-ID").replace(b"Via", b"VIA")],
        "RFC 3261, 7.3.1",
    ),
    Story(
        "another-branch",
        says(via=["SIP/2.0/UDP 0.0.0.0:5060;received=not-an-address;rport=99999;branch=z9hG4bKzz"]),
        "RFC 3261, 17.1.3 and 18.1.2: it answers nothing of ours",
        failed("answer", "bad-peer"),
        settings=QUICK,
    ),
    Story(
        "another-sender",
        says(via=["SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKother"]),
        "RFC 3261, 18.1.2: somebody else's Via",
        failed("answer", "bad-peer"),
        settings=QUICK,
    ),
    Story(
        "our-branch-of-another-sender",
        lambda a: [answer(a, via=[re.sub(r"127\.0\.0\.1:\d+", "192.0.2.77:5060", via_of(a))])],
        "RFC 3261, 18.1.2: sent-by must be ours",
        failed("answer", "bad-peer"),
        settings=QUICK,
    ),
    Story(
        "no-via",
        says(via=[]),
        "RFC 3261, 8.1.1: it has no Via to be known by",
        failed("answer", "bad-peer"),
        settings=QUICK,
    ),
    Story(
        "another-branch-then-ours",
        lambda a: [
            answer(a, "503 Service Unavailable", via=["SIP/2.0/UDP 127.0.0.1:1;branch=z9hG4bKx"]),
            answer(a),
        ],
        "RFC 3261, 18.1.2: the false one is passed over",
    ),
    Story(
        "via-with-blanks-and-capitals",
        lambda a: [
            answer(
                a,
                via=[
                    via_of(a)
                    .replace("SIP/2.0/UDP ", "SIP / 2.0 / udp   ")
                    .replace(";branch=", " ; Branch = ")
                ],
            )
        ],
        "RFC 3261, 7.3.1 and 25.1",
    ),
    Story("via-folded", lambda a: [answer(a, via=[via_of(a).replace(";", "\r\n\t;")])], "7.3.1"),
    Story(
        "rtp-first", lambda a: [b"\x80\x08" + bytes(170), PAUSE_SECONDS, answer(a)], "a late call's"
    ),
    Story(
        "text-first", lambda a: [b"hello?\n", PAUSE_SECONDS, answer(a)], "a scanner on that host"
    ),
)


@pytest.mark.parametrize("story", told(OVER_UDP))
async def test_an_answer_over_udp(tmp_path: Path, story: Story) -> None:
    async with over_udp(story.far) as port:
        seen = await once(
            tmp_path, "sip-options", host=f"127.0.0.1:{port}", **{"within": "2s", **story.settings}
        )
    comes_out(seen, story)


ELSEWHERE = (
    Story("other-port", ("127.0.0.1", 0), "pjsip/pjproject#1607"),
    Story("other-address", ("127.0.0.2", 0), "pjsip/pjproject#1607"),
)


@pytest.mark.parametrize("story", told(ELSEWHERE))
async def test_an_answer_from_elsewhere_is_told_as_such(tmp_path: Path, story: Story) -> None:
    """RFC 3261, 18.1.2: by its Via it is ours; the operator is told from where it came."""
    async with over_udp(says(), answers_from=story.far) as port:
        seen = await once(tmp_path, "sip-options", host=f"127.0.0.1:{port}", within="1s")
    comes_out(seen, story)
    assert any("by another road" in note for note in seen.observation.notes), in_short(seen)


async def test_a_strangers_answer_is_not_believed(tmp_path: Path) -> None:
    """From elsewhere and with another branch: nothing came that is ours."""
    story = says(via=["SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKzz"])
    async with over_udp(story, answers_from=("127.0.0.2", 0)) as port:
        seen = await once(tmp_path, "sip-options", host=f"127.0.0.1:{port}", within="0.6s")
    assert seen.verdict.state == "FAILED", in_short(seen)


@pytest.mark.parametrize("header", ["Contact", "m "])
async def test_a_redirection_is_told_with_where_it_leads(tmp_path: Path, header: str) -> None:
    """RFC 3261, 8.1.3.4: the operator reads whom the far end names."""
    story = says("301 Moved Permanently", f"{header}: <sip:new.example:5070>")
    async with over_udp(story) as port:
        seen = await once(tmp_path, "sip-options", host=f"127.0.0.1:{port}", within="2s")
    fault = seen.verdict.fault
    assert fault and fault.code == "sip:301" and "new.example:5070" in fault.text, in_short(seen)


def glued(asked: Request) -> list[bytes | float]:
    return [answer(asked, "100 Trying") + answer(asked)]


ASKED_FIRST = (
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bKo\r\nFrom:"
    b" <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: q\r\nCSeq: 1 OPTIONS\r\nContent-Length:"
    b" 0\r\n\r\n"
)
OVER_TCP = (
    Story("good", says(), "RFC 3261, 18.3"),
    Story("byte-by-byte", lambda a: [bytes([byte]) for byte in answer(a)], "TCP has no messages"),
    Story(
        "keep-alives", lambda a: [b"\r\n\r\n", PAUSE_SECONDS, b"\r\n", answer(a)], "RFC 5626, 3.5.1"
    ),
    Story(
        "keep-alives-glued", lambda a: [b"\r\n\r\n" + answer(a) + b"\r\n\r\n"], "RFC 5626, 3.5.1"
    ),
    Story("100-and-200-glued", glued, "two messages in one segment"),
    Story("no-length", says(length=""), "RFC 3261, 20.14: must be there; taken"),
    Story("length-with-blanks", says(length="Content-Length   :   0"), "RFC 3261, 7.3.1"),
    Story("length-compact", says(length="l:5", body="v=0\r\n"), "RFC 3261, 7.3.3"),
    Story(
        "length-folded",
        says(length="Content-Length:\r\n 5", body="v=0\r\n"),
        "RFC 3261, 7.3.1",
    ),
    Story(
        "length-in-another", says("200 OK", "X-Note: Content-Length: 99"), "a value is no header"
    ),
    Story(
        "length-in-a-fold", says("200 OK", "Subject: a\r\n l: 400"), "a folded line is no header"
    ),
    Story(
        "body-in-pieces",
        lambda a: [
            answer(a, length="Content-Length: 10"),
            PAUSE_SECONDS,
            b"v=0\r\n",
            PAUSE_SECONDS,
            b"o=-\r\n",
        ],
        "RFC 3261, 18.3",
    ),
    Story(
        "asks-first", lambda a: [ASKED_FIRST, answer(a)], "a request of its own on our connection"
    ),
    Story(
        "closes-after-100", lambda a: [answer(a, "100 Trying"), CLOSE], "cut off", Right("FAILED")
    ),
    Story("answers-and-closes", lambda a: [answer(a), CLOSE], "the answer came"),
    Story("half-an-answer", lambda a: [answer(a)[:60], CLOSE], "cut off", Right("FAILED")),
    Story("never", lambda _a: [], "silence", failed("", "timeout"), settings=QUICK),
)


@pytest.mark.parametrize("story", told(OVER_TCP))
async def test_an_answer_over_tcp(tmp_path: Path, story: Story) -> None:
    async with over_tcp(story.far) as port:
        host, wanted = f"127.0.0.1:{port}", {"within": "2s", **story.settings}
        seen = await once(tmp_path, "sip-options", host=host, transport="tcp", **wanted)
    comes_out(seen, story)
