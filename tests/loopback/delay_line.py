"""A delay line in the media path: SIP over UDP passes at once, RTP passes so much later, and some
of it not at all.

It stands between one side and a port of this host, and puts itself into the session descriptions of
both (c= and m=). It tells how long it really held the packets of each way, since a busy machine
holds them longer than was asked.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

HOST = "127.0.0.1"
Address = tuple[str, int]


class Port(asyncio.DatagramProtocol):
    """A socket whose datagrams go to a function."""

    def __init__(self, line: DelayLine, side: str, sound: bool) -> None:
        self._line, self._side, self._sound = line, side, sound
        self.number = 0

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.DatagramTransport = transport
        self.number = transport.get_extra_info("sockname")[1]
        self._line.transports.append(transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        (self._line.sounded if self._sound else self._line.said)(self._side, data, addr)

    def error_received(self, exc: Exception) -> None:
        """A side whose phone has hung up."""


class DelayLine:
    """`near` is the side that calls through it (or registers), `far` the port of this host behind
    it.
    """

    def __init__(
        self, far: int, there_ms: float = 0.0, back_ms: float = 0.0, loss: float = 0.0
    ) -> None:
        self.delay_ms = {"near": there_ms, "far": back_ms}
        """by the side that speaks"""
        self.loss = loss
        self.without_events = False
        """whether telephone events (RFC 4733; a dynamic payload type) of the near side are lost"""
        self.echo = False
        """whether each side hears itself instead of the other"""
        self.held_ms: dict[str, list[float]] = {"near": [], "far": []}
        self.transports: list[asyncio.DatagramTransport] = []
        self._signal: dict[str, Address | None] = {"near": None, "far": (HOST, far)}
        self._sound: dict[str, Address | None] = {"near": None, "far": None}
        self._random = random.Random(850)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        make = [(side, sound) for side in ("near", "far") for sound in (False, True)]
        ports = {}
        for side, sound in make:
            _, port = await loop.create_datagram_endpoint(
                partial(Port, self, side, sound), (HOST, 0)
            )
            ports[side, sound] = port
        self._ports = ports
        self.port = ports["near", False].number

    def close(self) -> None:
        for transport in self.transports:
            transport.abort()

    def mean_ms(self, speaker: str) -> float:
        """How long the packets of a side were really held."""
        return sum(self.held_ms[speaker]) / len(self.held_ms[speaker])

    def said(self, side: str, data: bytes, source: Address) -> None:
        """A SIP message, or a keep-alive."""
        if side == "near":
            self._signal["near"] = source
        other = "far" if side == "near" else "near"
        target = self._signal[other]
        if target is not None:
            self._ports[other, False].transport.sendto(self._described(side, other, data), target)

    def _described(self, side: str, other: str, data: bytes) -> bytes:
        """A message whose description, if it has one, names us in its writer's stead."""
        head, blank, body = data.partition(b"\r\n\r\n")
        found = re.search(rb"^m=audio (\d+)", body, re.MULTILINE)
        if not found:
            return data
        self._sound[side] = (HOST, int(found[1]))
        own = self._ports[other, True].number
        body = re.sub(rb"^m=audio \d+", b"m=audio %d" % own, body, flags=re.MULTILINE)
        body = re.sub(rb"^a=rtcp:.*\r\n", b"", body, flags=re.MULTILINE)
        head = re.sub(
            rb"(?im)^(content-length|l)([ \t]*):[ \t]*\d+", b"Content-Length: %d" % len(body), head
        )
        return head + blank + body

    def sounded(self, side: str, data: bytes, source: Address) -> None:
        """An RTP packet of a side."""
        if self.without_events and side == "near" and data[1] & 0x7F >= 96:
            return
        if self._sound[side] is not None and self._random.random() >= self.loss:
            loop = asyncio.get_running_loop()
            now = loop.time()
            loop.call_at(now + self.delay_ms[side] / 1000, self._pass, side, data, now)

    def _pass(self, side: str, data: bytes, came: float) -> None:
        other = side if self.echo else "far" if side == "near" else "near"
        target, port = self._sound[other], self._ports[other, True]
        if target is not None and not port.transport.is_closing():
            self.held_ms[side].append(1000 * (asyncio.get_running_loop().time() - came))
            port.transport.sendto(data, target)


@asynccontextmanager
async def delay_line(
    far: int, there_ms: float = 0.0, back_ms: float = 0.0, loss: float = 0.0
) -> AsyncIterator[DelayLine]:
    """Before a port of this host; gone afterwards."""
    line = DelayLine(far, there_ms, back_ms, loss)
    await line.open()
    try:
        yield line
    finally:
        line.close()
