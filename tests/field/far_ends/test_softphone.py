"""The softphone's signalling: SIP over WebSocket edges that list routes, ask twice, fold and
decorate (RFC 7118).

No media: the edge is busy, or hangs up at the ACK; what counts is how far the call got and what was
sent back.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.incidents.correlation import AttemptResult
from tests.field.far_ends.sip_server import PASSWORD, Request, proven
from tests.field.far_ends.test_websocket import BINARY, CLOSING, TEXT, accepted
from tests.field.story import Story, in_short, once, told
from tests.loopback.serving import Talk, listening

pytestmark = pytest.mark.slow
"""each attempt starts a child with the media engine: 2 to 5 s"""
USER = "monitor"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4"
    " 127.0.0.1\r\na=rtpmap:8"
    " PCMA/8000\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256"
    f" {':'.join(['AB'] * 32)}\r\na=setup:passive\r\na=mid:0\r\na=rtcp-mux\r\na=candidate:1 1 udp"
    " 2130706431 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n"
)
Said = str | bytes


def answer(
    asked: Request,
    status: str,
    *more: str,
    to: str = ";tag=far1",
    body: str = "",
    contact: str = "<sip:far@edge.invalid;transport=ws>",
) -> str:
    """An answer with a Contact; `to` is what follows the To of the request."""
    lines = [
        f"SIP/2.0 {status}",
        *(f"Via: {value}" for value in asked.all("Via")),
        f"From: {asked.one('From')}",
        f"To: {asked.one('To')}{to}",
        f"Call-ID: {asked.one('Call-ID')}",
        f"CSeq: {asked.one('CSeq')}",
        *([f"Contact: {contact}"] if contact else []),
        *more,
        *(["Content-Type: application/sdp"] if body else []),
    ]
    return "\r\n".join(lines) + f"\r\nContent-Length: {len(body.encode())}\r\n\r\n" + body


def registered(asked: Request, status: str = "200 OK", *more: str) -> str:
    """With the Contact that was given."""
    return answer(asked, status, *more, contact=asked.one("Contact"))


@dataclass
class Edge:
    """What is said to REGISTER and to INVITE, in frames of this kind; what came is kept."""

    register: Callable[[Request], list[Said]] = lambda asked: [registered(asked)]
    invite: Callable[[Request], list[Said]] = lambda asked: [answer(asked, "486 Busy Here")]
    kind: int = TEXT
    answers: bool = False
    """whether it takes the call: it closes then, once that is acknowledged"""
    asked: list[Request] = field(default_factory=list)

    def talk(self) -> Talk:
        """A connection."""
        kept: dict[str, object] = {}

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(
                accepted(await reader.readuntil(b"\r\n\r\n"), "Sec-WebSocket-Protocol: sip")
            )
            while True:
                kind, text = await message(reader)
                if kind == CLOSING:
                    return
                asked = Request(text, kept)
                method = text.split(" ", 1)[0]
                self.asked += [asked] if text.strip() else []
                if method == "ACK" and self.answers:
                    return
                plays = {"REGISTER": self.register, "INVITE": self.invite}.get(method)
                ends = [answer(asked, "200 OK")] if method in ("BYE", "CANCEL") else []
                for said in plays(asked) if plays else ends:
                    writer.write(framed(said, self.kind))

        return talk

    def sent(self, method: str) -> Request:
        """The request of this method that came last."""
        return [asked for asked in self.asked if asked.text.startswith(method + " ")][-1]


def framed(said: Said, kind: int) -> bytes:
    """A text in one frame; bytes are frames already."""
    if isinstance(said, bytes):
        return said
    data = said.encode()
    length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack("!H", len(data))
    return bytes([0x80 | kind]) + length + data


async def message(reader: asyncio.StreamReader) -> tuple[int, str]:
    """A masked frame."""
    first, second = await reader.readexactly(2)
    length = second & 127
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    mask = await reader.readexactly(4)
    data = await reader.readexactly(length)
    return first & 15, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)).decode(
        "utf-8", "replace"
    )


def in_pieces(text: str, size: int = 37) -> bytes:
    """One message in fragments (RFC 6455, 5.4)."""
    data = text.encode()
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    last = len(parts) - 1
    return b"".join(
        bytes([(0x80 if n == last else 0) | (0 if n else TEXT), len(part)]) + part
        for n, part in enumerate(parts)
    )


def compact(text: str) -> str:
    """RFC 3261, 7.3.3."""
    short = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m"}
    return re.sub(r"(?m)^(Via|From|To|Call-ID|Contact):", lambda found: short[found[1]] + ":", text)


def two_doors(asked: Request) -> list[Said]:
    if not proven(asked, "Proxy-Authorization", "proxy.example"):
        door = 'Proxy-Authenticate: Digest realm="proxy.example", nonce="p1"'
        return [answer(asked, "407 Proxy Authentication Required", door)]
    if not proven(asked, "Authorization", "home.example"):
        return [
            answer(
                asked,
                "401 Unauthorized",
                'WWW-Authenticate: Digest realm="home.example", nonce="h1"',
            )
        ]
    return [registered(asked)]


def stale(asked: Request) -> list[Said]:
    n = asked.kept["n"] = asked.kept.get("n", 0) + 1
    word = "true" if n == 2 else "false"
    door = f'WWW-Authenticate: Digest realm="home.example", nonce="n{n}", stale={word}'
    return [registered(asked)] if n >= 3 else [answer(asked, "401 Unauthorized", door)]


def brief(asked: Request) -> list[Said]:
    found = re.search(r"(?i)expires[=:] *(\d+)", asked.text)
    if found and 0 < int(found[1]) < 3600:
        return [answer(asked, "423 Interval Too Brief", "Min-Expires: 3600")]
    return [registered(asked)]


def both(asked: Request) -> list[Said]:
    """A forking proxy hands both challenges on in one answer."""
    if proven(asked, "Proxy-Authorization", "p") and proven(asked, "Authorization", "h"):
        return [registered(asked)]
    doors = ('Proxy-Authenticate: Digest realm="p", nonce="1"', "www-authenticate:digest realm=h")
    return [answer(asked, "401 Unauthorized", doors[0], doors[1] + ',nonce="2"')]


def session(asked: Request) -> list[Said]:
    door = 'Digest realm="h", nonce="1", algorithm=MD5-sess, qop="auth-int,auth"'
    if proven(asked, "Authorization", "h"):
        return [registered(asked)]
    return [answer(asked, "401 Unauthorized", f"WWW-Authenticate: {door}")]


def beside(asked: Request) -> list[Said]:
    others = '"Ops, <night>" <mailto:ops@example.net>, <tel:+49123>;q=0.1'
    return [answer(asked, "200 OK", contact=f"{others}, {asked.one('Contact')}")]


def rewritten(asked: Request) -> list[Said]:
    return [answer(asked, "200 OK", contact=f"<SIP:{USER}@198.51.100.7:40000>;EXPIRES=60")]


def gone(asked: Request) -> list[Said]:
    return [answer(asked, "200 OK", contact=f"<{asked.contact}>;expires=0")]


def anothers(asked: Request) -> list[Said]:
    via = re.sub(r"branch=[^;]+", "branch=z9hG4bKother", asked.one("Via"))
    return [registered(asked).replace(asked.one("Via"), via)]


PING = (
    "OPTIONS sip:monitor@x.invalid SIP/2.0\r\nVia: SIP/2.0/WSS edge;branch=z9hG4bK1\r\nFrom:"
    " <sip:ping@edge>;tag=1\r\nTo: <sip:monitor@x>\r\nCall-ID: ping1\r\nCSeq: 1"
    " OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
EDGES = (
    Story("good", Edge(), "RFC 7118"),
    Story("two-doors", Edge(two_doors), "versatica/JsSIP#94"),
    Story("stale", Edge(stale), "RFC 7616, 3.3"),
    Story("brief", Edge(brief), "RFC 3261, 10.2.8"),
    Story("compact", Edge(lambda a: [compact(registered(a))]), "RFC 3261, 7.3.3"),
    Story(
        "folded",
        Edge(lambda a: [registered(a, "200 OK", "Allow: INVITE,\r\n ACK")]),
        "RFC 3261, 7.3.1",
    ),
    Story(
        "blank-before-colon",
        Edge(lambda a: [registered(a).replace("Call-ID:", "Call-ID  :")]),
        "RFC 3261, 7.3.1",
    ),
    Story("binary", Edge(kind=BINARY), "RFC 7118, 4.2"),
    Story("fragments", Edge(lambda a: [in_pieces(registered(a))]), "RFC 6455, 5.4"),
    Story(
        "keep-alives",
        Edge(lambda a: ["\r\n\r\n", b"\x89\x00", registered(a), "\r\n"]),
        "RFC 5626, 3.5.1",
    ),
    Story("asks-first", Edge(lambda a: [PING, registered(a)]), "a request of its own"),
    Story(
        "no-length",
        Edge(lambda a: [registered(a).replace("Content-Length: 0\r\n", "")]),
        "RFC 7118, 5",
    ),
    Story("both-in-one-401", Edge(both), "RFC 3261, 16.7"),
    Story("md5-sess", Edge(session), "RFC 7616, 3.4.2"),
    Story("list-and-mailto", Edge(beside), "RFC 3261, 20.10"),
    Story("rewritten", Edge(rewritten), "pjsip/pjproject#498"),
    Story("phrase-in-cyrillic", Edge(lambda a: [registered(a, "200 Готово")]), "RFC 3261, 7.2"),
)


async def called(folder: Path, edge: Edge, **settings: str) -> AttemptResult:
    async with listening(edge.talk()) as port:
        account = {"user": USER, "password": {"environment": "REVEILLE_TEST_SECRET"}, "to": "8000"}
        return await once(
            folder,
            "webrtc-call",
            url=f"ws://127.0.0.1:{port}/",
            listen="0s",
            **account,
            **settings,
        )


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", PASSWORD)


@pytest.mark.parametrize("story", told(EDGES))
async def test_a_softphone_registers_where_others_do(tmp_path: Path, story: Story) -> None:
    seen = await called(tmp_path, story.far)
    assert "register" in [stage.name for stage in seen.observation.stages if stage.passed], (
        in_short(seen)
    )


@pytest.mark.parametrize("far", [gone, anothers])
async def test_a_softphone_that_is_not_bound_is_not_registered(
    tmp_path: Path, far: Callable[[Request], list[Said]]
) -> None:
    """Granted for 0 seconds, or answered to somebody else (RFC 3261, 10.3 and 18.1.2)."""
    seen = await called(tmp_path, Edge(far), step_within="2s")
    fault = seen.verdict.fault
    assert seen.verdict.state == "FAILED" and fault and fault.stage == "register", in_short(seen)


def takes(
    *more: str, to: str = ";tag=far1", contact: str = "<sip:far@edge.invalid;transport=ws>"
) -> Edge:
    """Answers the call so."""
    return Edge(
        invite=lambda asked: [
            answer(asked, "100 Trying", to=""),
            answer(asked, "200 OK", *more, to=to, body=SDP, contact=contact),
        ],
        answers=True,
    )


ROUTE = "miconda/sipexer#11, sipwise/sipsak#7, SIPp/sipp#262; RFC 3261, 12.1.2: in reverse order"
FIRST, SECOND = "<sip:p1.invalid;lr>", "<sip:p2.invalid;lr>"
ROUTES = (
    Story("two-lines", takes(f"Record-Route: {SECOND}", f"Record-Route: {FIRST}"), ROUTE),
    Story("one-line", takes(f"Record-Route: {SECOND}, {FIRST}"), ROUTE),
    Story(
        "one-line-with-names",
        takes(f'Record-Route: "p, <2>" {SECOND};x="a,b" , {FIRST};y'),
        ROUTE,
    ),
)


@pytest.mark.parametrize("story", told(ROUTES))
async def test_a_route_is_gone_in_reverse_order(tmp_path: Path, story: Story) -> None:
    edge: Edge = story.far
    await called(tmp_path, edge)
    route = ", ".join(edge.sent("ACK").all("Route"))
    assert re.findall(r"p[12]", route) == ["p1", "p2"], route


async def test_a_strict_router_takes_the_place_of_the_target(tmp_path: Path) -> None:
    """RFC 3261, 12.2.1.1 and 16.12.1.2: without lr it reads only the Request-URI."""
    edge = takes(f"Record-Route: {SECOND}, <sip:p1.invalid;x=1>")
    await called(tmp_path, edge)
    asked = edge.sent("ACK")
    assert asked.text.startswith("ACK sip:p1.invalid;x=1 SIP/2.0"), asked.text
    route = re.findall(r"sip:[^;>]+", ", ".join(asked.all("Route")))
    assert route == ["sip:p2.invalid", "sip:far@edge.invalid"], route


CONTACTS = (
    Story("plain", takes(), "RFC 3261, 12.1.2"),
    Story("tag-with-blank", takes(to="; tag=far1"), "RFC 3261, 25.1"),
    Story("tag-in-capitals", takes(to=";TAG=far1"), "RFC 3261, 7.3.1"),
    Story(
        "name-with-brackets",
        takes(contact='"Ops <desk>" <sip:far@edge.invalid>'),
        "RFC 3261, 20.10",
    ),
    Story("bare-with-blanks", takes(contact="sip:far@edge.invalid ; +x=1"), "RFC 3261, 20.10"),
    Story("scheme-in-capitals", takes(contact="<SIP:far@Edge.invalid;LR>"), "RFC 3986, 3.1"),
    Story(
        "name-with-escapes", takes(contact='"O\\"p, s" < sip:far@edge.invalid >'), "RFC 3261, 25.1"
    ),
    Story(
        "two", takes(contact="<sip:a@edge.invalid>, <sip:b@edge.invalid>"), "RFC 3261, 12.1.1: one"
    ),
)


@pytest.mark.parametrize("story", told(CONTACTS))
async def test_a_call_that_is_taken_is_acknowledged(tmp_path: Path, story: Story) -> None:
    edge: Edge = story.far
    seen = await called(tmp_path, edge)
    assert any(asked.text.startswith("ACK sip:") for asked in edge.asked), in_short(seen)


@pytest.mark.parametrize(
    "contact", ["<not a uri>", "<http://edge.invalid/>"], ids=["no-uri", "http"]
)
async def test_a_contact_that_leads_nowhere_is_the_far_ends_fault(
    tmp_path: Path, contact: str
) -> None:
    seen = await called(tmp_path, takes(contact=contact))
    assert seen.verdict.state == "FAILED", in_short(seen)
