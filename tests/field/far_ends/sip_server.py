"""SIP servers that tell one story: a function of the request gives what is sent back, byte for byte
(RFC 3261).

Over UDP and TCP. What a story does not build by hand is a plain answer: Via, From, To with a tag,
Call-ID and CSeq of the request, then `more`. A registrar proves a digest by RFC 2617 and RFC 7616
as its story asks for.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from tests.loopback.serving import listening

USER, PASSWORD = "monitor", "secret1"
Piece = bytes | float
"""what is sent, or for how many seconds nothing is; CLOSE ends a TCP connection"""
CLOSE = b""
NO_BODY = "Content-Length: 0"
_NAMES = {"sha-256": "sha256", "sha-512-256": "sha512_256"}


@dataclass
class Request:
    """A request as it came, and what the server keeps between two of them."""

    text: str
    kept: dict[str, Any] = field(default_factory=dict)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [
            value.strip()
            for value in re.findall(rf"(?im)^{name}[ \t]*:(.*)$", self.text.split("\r\n\r\n")[0])
        ]

    def one(self, name: str) -> str:
        """The first value; "" where there is none."""
        return next(iter(self.all(name)), "")

    @property
    def contact(self) -> str:
        """The URI of its Contact."""
        found = re.search(r"<([^>]*)>", self.one("Contact"))
        return found[1] if found else ""

    @property
    def seconds(self) -> int:
        """What its Expires asks for, or the Contact's own (RFC 3261 section 10.2.1.1)."""
        own = re.search(r";expires=(\d+)", self.one("Contact"))
        return int(own[1] if own else self.one("Expires") or 0)


Plays = Callable[[Request], Iterable[Piece]]


def answer(
    asked: Request,
    status: str = "200 OK",
    *more: str,
    via: Iterable[str] | None = None,
    names: Mapping[str, str] | None = None,
    tag: str = ";tag=far1",
    length: str = NO_BODY,
    body: str = "",
) -> bytes:
    """An answer; `names` are what headers are called instead, an empty `length` leaves that out."""
    called = {name: (names or {}).get(name, name) for name in ("Via", "From", "To", "Call-ID")}
    lines = [
        f"SIP/2.0 {status}",
        *(f"{called['Via']}: {value}" for value in (asked.all("Via") if via is None else via)),
        f"{called['From']}: {asked.one('From')}",
        f"{called['To']}: {asked.one('To')}{tag}",
        f"{called['Call-ID']}: {asked.one('Call-ID')}",
        f"CSeq: {asked.one('CSeq')}",
        *more,
        *([length] if length else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def says(status: str = "200 OK", *more: str, **others: Any) -> Plays:
    """Always the same."""
    return lambda asked: [answer(asked, status, *more, **others)]


def bound(asked: Request, uri: str = "", seconds: object = 60) -> str:
    """The Contact of a binding."""
    return f"Contact: <{uri or asked.contact}>;expires={seconds}"


def grants(contact: Callable[[Request], str], *more: str, **others: Any) -> Plays:
    """200 with the Contact that is made of the request."""
    return lambda asked: [answer(asked, "200 OK", contact(asked), *more, **others)]


def md5(text: str) -> str:
    """As RFC 2617 writes it."""
    return hashlib.md5(text.encode()).hexdigest()


def proven(asked: Request, header: str, realm: str, written: str = "") -> bool:
    """Whether one of its proofs is right; `written` is the realm as it stands between quotes."""
    for value in asked.all(header):
        proof = {
            name.lower(): quoted or bare
            for name, quoted, bare in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))', value)
        }
        if proof.get("realm") == (written or realm):
            return proof.get("response") == _response(asked, proof, realm)
    return False


def _response(asked: Request, proof: Mapping[str, str], realm: str) -> str:
    method, named = asked.text.split(" ", 1)[0], proof.get("algorithm", "MD5").lower()
    name = named.removesuffix("-sess")

    def hashed(text: str) -> str:
        return md5(text) if name == "md5" else hashlib.new(_NAMES[name], text.encode()).hexdigest()

    secret, target = hashed(f"{USER}:{realm}:{PASSWORD}"), f"{method}:{proof['uri']}"
    if named.endswith("-sess"):
        secret = hashed(f"{secret}:{proof['nonce']}:{proof.get('cnonce', '')}")
    quality = proof.get("qop", "")
    if quality == "auth-int":
        target += f":{hashed('')}"
    between = f":{proof['nc']}:{proof['cnonce']}:{quality}" if quality else ""
    return hashed(f"{secret}:{proof['nonce']}{between}:{hashed(target)}")


def challenge(asked: Request, *headers: str, status: str = "401 Unauthorized") -> list[Piece]:
    """Who are you?"""
    return [answer(asked, status, *headers)]


def asks(digest: str, realm: str = "home.example", written: str = "") -> Plays:
    """A registrar with this challenge."""

    def story(asked: Request) -> Iterable[Piece]:
        if proven(asked, "Authorization", realm, written):
            return [answer(asked, "200 OK", bound(asked))]
        return challenge(asked, f"WWW-Authenticate: {digest}")

    return story


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, story: Plays, answers_from: tuple[str, int] | None) -> None:
        self._story, self._kept = story, dict[str, Any]()
        self._from = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if answers_from else None
        self._answers_from = answers_from
        self._under_way = set[asyncio.Task[None]]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        if self._from and self._answers_from:
            host, port = self._answers_from
            self._from.bind(
                (
                    host,
                    port or (0 if host == "127.0.0.1" else transport.get_extra_info("sockname")[1]),
                )
            )

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        if data.strip():
            task = asyncio.ensure_future(self._tell(Request(data.decode(), self._kept), source))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _tell(self, asked: Request, source: tuple[str, int]) -> None:
        for piece in self._story(asked):
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            elif self._from:
                self._from.sendto(piece, source)
            else:
                self._transport.sendto(piece, source)

    def connection_lost(self, _reason: Exception | None) -> None:
        for task in self._under_way:
            task.cancel()
        if self._from:
            self._from.close()


@asynccontextmanager
async def over_udp(story: Plays, answers_from: tuple[str, int] | None = None) -> AsyncIterator[int]:
    """`answers_from`: another address (or, port 0, another port) than the one that was asked."""
    loop = asyncio.get_running_loop()
    server = _Datagrams(story, answers_from)
    transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def over_tcp(story: Plays) -> AsyncIterator[int]:
    """The same on a connection, which stays open unless the story closes it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asked = Request((await reader.readuntil(b"\r\n\r\n")).decode())
        for piece in story(asked):
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            elif piece == CLOSE:
                return
            else:
                writer.write(piece)
                await writer.drain()
        await reader.read(65536)

    async with listening(talk) as port:
        yield port
