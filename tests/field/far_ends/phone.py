"""A telephone that takes one call over UDP and does in it what its story says: SIP answers and
requests byte for byte, RTP packet by packet (RFC 3261, RFC 4566, RFC 3550).

A story is a coroutine of the call. What comes within the call is answered 200 beside it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from tests.field.far_ends.sip_server import Request, answer

HOST = "127.0.0.1"
ALAW, EVENT = 8, 101
Change = Callable[[float], Mapping[str, Any]]
"""seconds into the sound -> what of a packet is otherwise: ssrc, seq, ts, ptime, pt, payload"""


def sdp(port: int, *more: str, event: int = EVENT, version: int = 1) -> str:
    """A plain description: PCMA and telephone-event; `more` are lines at its end."""
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 {HOST}",
        "s=-",
        f"c=IN IP4 {HOST}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {ALAW} {event}",
        f"a=rtpmap:{ALAW} PCMA/8000",
        f"a=rtpmap:{event} telephone-event/8000",
        f"a=fmtp:{event} 0-15",
        *more,
    ]
    return "\r\n".join(lines) + "\r\n"


def usual_change(_at: float) -> Mapping[str, Any]:
    return {}


class Media(asyncio.DatagramProtocol):
    """An RTP port: plays A-law, and counts the telephone-events that come."""

    def __init__(self) -> None:
        self.digits: list[tuple[int, int]] = []
        """payload type and digit, one for each key"""
        self._last = b""
        self.over = False
        self.seal: Callable[[bytes], bytes] = bytes
        """what a packet becomes on its way: itself, or encrypted"""
        self.copies = 1
        """how often each packet is sent"""
        self.silent: tuple[float, float] | None = None
        """between which seconds nothing is sent"""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        # An event has four bytes (RFC 4733, 2.3); its timestamp is that of the key's begin.
        if len(data) == 16 and data[4:8] != self._last:
            self._last = data[4:8]
            self.digits.append((data[1] & 127, data[12]))

    async def play(
        self,
        to: tuple[str, int],
        sound: bytes,
        *,
        change: Change = usual_change,
        head: tuple[int, bytes] = (0x80, b""),
        **fixed: int,
    ) -> None:
        """Send it in real time; `head` is the first byte of each packet, and what follows the fixed
        header (RFC 3550, 5.1).
        """
        loop, at, number, seconds = asyncio.get_running_loop(), 0, 0, 0.0
        began = loop.time()
        usual = {"ptime": 20, "ssrc": 7, "seq": 0, "ts": 0, "pt": ALAW, **fixed}
        while at < len(sound) and not self.over:
            packet: dict[str, Any] = {**usual, **change(seconds)}
            size = 8 * packet["ptime"]
            fixed_part = struct.pack(
                "!BBHII",
                head[0],
                packet["pt"],
                (packet["seq"] + number) & 0xFFFF,
                (packet["ts"] + at) & 0xFFFFFFFF,
                packet["ssrc"],
            )
            payload = packet.get("payload", sound[at : at + size])
            begin, end = self.silent or (0.0, 0.0)
            for _ in range(0 if begin <= seconds < end else self.copies):
                self.send_raw(self.seal(fixed_part + head[1] + payload), to)
            at, number, seconds = at + size, number + 1, seconds + packet["ptime"] / 1000
            await asyncio.sleep(max(0.0, began + seconds - loop.time()))  # RTP is sent in real time

    def send_raw(self, data: bytes, to: tuple[str, int]) -> None:
        """A datagram as it is."""
        if not self.over:
            self._transport.sendto(data, to)

    def close(self) -> None:
        """Send and hear no more."""
        self.over = True
        self._transport.close()


@dataclass
class Call:
    """The call, as the called side has it."""

    phone: Phone
    invite: Request
    source: tuple[str, int]
    media: Media
    tag: str = "far1"
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    pracked: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    farewell: list[Request] = field(default_factory=list)
    """the BYE that came"""
    of_farewell: str = "200 OK"
    """what a BYE is answered"""
    others: list[Media] = field(default_factory=list)
    offers: asyncio.Queue[Request] = field(default_factory=asyncio.Queue)
    """each re-INVITE that comes, and the INVITE where it comes again"""
    _sequence: int = 100
    _answers: asyncio.Queue[Request] = field(default_factory=asyncio.Queue)

    @property
    def to(self) -> tuple[str, int]:
        """Where our sound goes."""
        found = re.search(r"m=audio (\d+)", self.invite.text)
        assert found
        return HOST, int(found[1])

    @property
    def contact(self) -> str:
        """The usual Contact of ours."""
        return f"Contact: <sip:far@{HOST}:{self.phone.port}>"

    def answer(
        self,
        status: str,
        *more: str,
        body: str = "",
        tag: str = "",
        kind: str = "application/sdp",
        asked: Request | None = None,
    ) -> None:
        """Say this to the INVITE, or to what is `asked`."""
        asked = asked or self.invite
        known = "tag=" in asked.one("To") or status.startswith("100")
        headers = [] if any(one.startswith(("Contact:", "m:")) for one in more) else [self.contact]
        headers += [*more, *([f"Content-Type: {kind}"] if body else [])]
        data = answer(
            asked,
            status,
            *headers,
            tag="" if known else f";tag={tag or self.tag}",
            length=f"Content-Length: {len(body.encode())}",
            body=body,
        )
        self.phone.send(data, self.source)

    async def request(self, method: str, *more: str, body: str = "") -> str:
        """Ask this within the call; the status line of the final answer, which an INVITE has
        acknowledged.
        """
        self._sequence += 1
        self._say(method, self._sequence, *more, body=body)
        async with asyncio.timeout(4):
            while True:
                came = await self._answers.get()
                status = int(came.text.split(" ")[1])
                if status >= 200 and came.one("CSeq") == f"{self._sequence} {method}":
                    break
        if method == "INVITE":
            self._say("ACK", self._sequence, body=sdp(self.media.port) if not body else "")
        return came.text.split("\r\n", 1)[0]

    def tell(self, method: str, body: str, kind: str) -> None:
        """Say this within the call, whatever is answered."""
        self._sequence += 1
        self._say(method, self._sequence, body=body, kind=kind)

    def _say(
        self,
        method: str,
        sequence: int,
        *more: str,
        body: str = "",
        kind: str = "application/sdp",
    ) -> None:
        lines = [
            f"{method} {self.invite.contact} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.phone.port};branch=z9hG4bK{secrets.token_hex(6)}",
            "Max-Forwards: 70",
            f"From: {self.invite.one('To')};tag={self.tag}",
            f"To: {self.invite.one('From')}",
            f"Call-ID: {self.invite.one('Call-ID')}",
            f"CSeq: {sequence} {method}",
            self.contact,
            *more,
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.phone.send(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self.source)

    def take(self, came: Request) -> None:
        """What comes within the call."""
        method = came.text.split(" ", 1)[0]
        if method == "SIP/2.0":
            self._answers.put_nowait(came)
        elif method == "ACK":
            self.acked.set()
        elif method == "INVITE":
            self.offers.put_nowait(came)
        else:
            self.answer(self.of_farewell if method == "BYE" else "200 OK", asked=came)
            if method == "PRACK":
                self.pracked.set()
            if method == "BYE":
                self.farewell.append(came)
            if method in ("BYE", "CANCEL"):
                self.over.set()

    async def another(self) -> Media:
        """A second RTP port."""
        made = await opened()
        self.others.append(made)
        return made


Tells = Callable[[Call], Awaitable[None]]


async def opened() -> Media:
    """An RTP port on loopback."""
    loop = asyncio.get_running_loop()
    _, media = await loop.create_datagram_endpoint(Media, local_addr=(HOST, 0))
    return media


class Phone(asyncio.DatagramProtocol):
    """One story; each INVITE with a Call-ID of its own is a call."""

    def __init__(self, story: Tells) -> None:
        self._story = story
        self.calls: dict[str, Call] = {}
        self.broken: list[BaseException] = []
        self._tasks = set[asyncio.Task[None]]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send a datagram."""
        if not self.transport.is_closing():
            self.transport.sendto(data, to)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data.strip():
            return
        came = Request(data.decode())
        known = self.calls.get(came.one("Call-ID"))
        if known:
            known.take(came)
        elif came.text.startswith("INVITE "):
            task = asyncio.ensure_future(self._tell(came, addr))
            self._tasks.add(task)

    async def _tell(self, invite: Request, source: tuple[str, int]) -> None:
        # Known at once, or a repeated INVITE would be another call.
        call = self.calls[invite.one("Call-ID")] = Call(self, invite, source, Media())
        try:
            call.media = await opened()
            await self._story(call)
        except Exception as problem:  # noqa: BLE001 - the test looks at it
            self.broken.append(problem)

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for call in self.calls.values():
            for media in (call.media, *call.others):
                media.close()
        self.transport.close()


@asynccontextmanager
async def ringing(story: Tells) -> AsyncIterator[Phone]:
    """A phone that waits for its call."""
    loop = asyncio.get_running_loop()
    _, phone = await loop.create_datagram_endpoint(lambda: Phone(story), local_addr=(HOST, 0))
    try:
        yield phone
    finally:
        await phone.close()
