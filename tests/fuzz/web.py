"""What is read of web servers: heads, frames, codings, letters, references, pages, JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.client import ClientProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from checks.json_diff import difference
from checks.masking import Mask
from checks.transport.http import forgiving, http1, http2
from checks.transport.http.address import Address
from checks.transport.http.connection import Wire
from checks.transport.http.content_coding import OFFERED, Body
from checks.transport.http.cookies import CookieJar
from checks.transport.http.framing import Chunks
from checks.transport.http.letters import decoded
from checks.transport.http.message import Answer, AskAgain, Head, Limits, Request
from checks.transport.http.redirects import location_of, onward, refresh_of, target_of
from checks.transport.websocket import LARGEST_MESSAGE_BYTES
from checks.web import json_path
from checks.web.expected import parsed
from checks.web.steps import html_page
from monitor.page.hooks import answer_of
from monitor.page.neighbours import glance_of
from monitor.service.page_process import Neighbour
from tests.fuzz.target import pieces
from tests.fuzz.words import MASKED

_PAGE = Address.parse("https://portal.example.net/desk/login?next=%2F")
_ROOM = 300_000
# The key of RFC 6455 section 1.3, whose answer stands there too: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=.
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Recorded(Wire):
    """A connection over which all has come that will come."""

    def __init__(self, data: bytes) -> None:
        self._left = iter(pieces(data))
        self.no_farewell = False

    async def send(self, data: bytes) -> None:
        """Nobody listens."""

    async def receive(self) -> bytes:
        """The next piece; nothing at the end."""
        return next(self._left, b"")


def http(data: bytes) -> None:
    """An answer over HTTP/1, up to its text, its cookies and where it leads."""
    _exchanged(http1.exchange, data)


def http_2(data: bytes) -> None:
    """The same over HTTP/2."""
    with suppress(AskAgain):
        _exchanged(http2.exchange, data)


def _exchanged(exchange: Callable[..., Any], data: bytes) -> None:
    heads: list[tuple[Head, Body]] = []

    def headed(head: Head) -> Body:
        body = Body(", ".join(head.all("content-encoding")), _ROOM)
        heads.append((head, body))
        return body

    request = Request("GET", _PAGE)
    asyncio.run(exchange(Recorded(data), request, Limits(body_bytes=_ROOM), headed))
    for head, body in heads:
        _followed(Answer(_PAGE, head, bytes(body.content)), request)


def _followed(answer: Answer, request: Request) -> None:
    jar = CookieJar(1_700_000_000.0)
    jar.take(_PAGE, answer.head.all("set-cookie"))
    jar.header(_PAGE)
    for leads in (location_of(answer.head), refresh_of(answer)):
        if leads:
            onward(request, answer, target_of(_PAGE, leads))


def chunks(data: bytes) -> None:
    """A body in chunks."""
    body = Chunks()
    for piece in pieces(data):
        body.feed(piece)
        body.taken()


def coding(data: bytes) -> None:
    """A packed body: a line with its codings, then the body."""
    codings, _, packed = data.partition(b"\n")
    body = Body(codings.decode("latin-1") or OFFERED, _ROOM)
    for piece in pieces(packed):
        body.feed(piece)
    body.end()
    if len(body.content) > _ROOM:
        raise AssertionError(f"{len(body.content)} bytes were kept, and room was for {_ROOM}")


def redirects(data: bytes) -> None:
    """A line with a reference, then a page that may lead on."""
    reference, _, page = data.partition(b"\n")
    head = Head("1.1", 302, "Found", (("location", reference.decode("utf-8", "replace")),))
    _followed(Answer(_PAGE, head, page), Request("POST", _PAGE, body=b""))


def cookies(data: bytes) -> None:
    """What answers set, a line each."""
    jar = CookieJar(1_700_000_000.0)
    for line in data.decode("utf-8", "replace").split("\n"):
        jar.take(_PAGE, [line])
    jar.header(_PAGE)


def letters(data: bytes) -> None:
    """A line with media type and charset, then the body in these letters."""
    said, _, body = data.partition(b"\n")
    kind, _, label = said.decode("latin-1").partition(";")
    decoded(body, kind, label)


def websocket(data: bytes) -> None:
    """The answer to an upgrade, and the frames that follow it."""
    came = bytearray(data)
    found = forgiving.final_head(came)
    forgiving.is_hopeless(came)
    protocol = ClientProtocol(
        parse_uri("ws://edge.example.net/ws"),
        subprotocols=[Subprotocol("sip")],
        max_size=LARGEST_MESSAGE_BYTES,
    )
    protocol.key = _KEY
    protocol.send_request(protocol.connect())
    head, after = found if found else (None, bytes(came))
    protocol.receive_data((head.in_full() if head else b"") + after)
    protocol.receive_eof()
    for event in protocol.events_received():
        del event
    for broken in (protocol.handshake_exc, protocol.parser_exc):
        if broken is not None:
            raise broken


def html(data: bytes) -> None:
    """A page, as the steps of a walk look at it."""
    page = data.decode("utf-8", "replace")
    for name in ("form", "title", "a"):
        for inside in html_page.elements(page, name):
            html_page.plain(inside[:2000])
        list(html_page.tags(page, name))
    html_page.field_value(page, "csrf")
    html_page.visible(page)


def json(data: bytes) -> None:
    """A document, what stands at paths of it, and how it differs from another."""
    document = parsed(data.decode("utf-8", "replace"))
    for path in ("$.tier", "$[*].a", "$.*.*", "$.queues[-1].name"):
        json_path.values(document, path)
    difference({"tier": "gold", "queues": [1]}, document).words()


def glance(data: bytes) -> None:
    """What the page of another site has answered with."""
    glance_of(Neighbour("Pune", "https://pune.example.net", "", ""), data)


def push(data: bytes) -> None:
    """The body of a webhook at the status page."""
    answer_of("desk", "message-1", data)


def masked(data: bytes) -> None:
    """What a far end said, searched for the secrets that it was told."""
    mask = Mask()
    mask.hide(*MASKED)
    mask.evidence(data)
    mask.text(data.decode("utf-8", "replace"))
    mask.document(data, "application/json")
    if len(mask.content(data, same_length=True)) != len(data) and b"withheld" not in (
        mask.content(data)
    ):
        raise AssertionError("it is of another length")
