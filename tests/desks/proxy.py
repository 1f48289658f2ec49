"""What lies between us and a helpdesk, and does its worst: one HTTP request a connection. It calls
the server by that one's own name, as proxies before a server do.

pass       as it came
drop       it never arrives; the connection breaks
lose       it arrives, the answer is lost
twice      it arrives twice, the second answer comes back
hold       it arrives, and no answer comes in time
late       it arrives when the next request has been answered; we have given up by then
overload   503, as a load balancer says it
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.desks.server import read_request
from tests.loopback.serving import listening

FAULTS = ("drop", "lose", "twice", "hold", "late", "overload")


class Proxy:
    """Counts the requests, and does to each what `plan` says of its number."""

    def __init__(self, port: int, plan: Callable[[int], str] = lambda _: "pass") -> None:
        self.plan, self.requests = plan, 0
        self.slowest_seconds = 0.0
        """of all answers so far"""
        self.own_port = 0
        self._port = port
        self._late: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        request = await read_request(reader)
        if not request:
            return
        what = self.plan(self.requests)
        self.requests += 1
        if what == "overload":
            writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        if what == "late":
            self._late.append(request)
            await reader.read()
            return
        if what == "drop":
            return
        answer = await self._forwarded(request)
        if what == "twice":
            answer = await self._forwarded(request)
        for held in self._late:
            await self._forwarded(held)
        self._late.clear()
        if what == "hold":
            await reader.read()
        elif what != "lose":
            writer.write(answer)
            await writer.drain()

    async def _forwarded(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        named = f"{head.decode()}\r\n".replace(_at(self.own_port), _at(self._port))
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(named.encode() + b"\r\n" + body)
            answer = await reader.read()
        finally:
            writer.transport.abort()
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
        return answer


def _at(port: int) -> str:
    return f"127.0.0.1:{port}\r\n"


@asynccontextmanager
async def between(port: int) -> AsyncIterator[tuple[Proxy, int]]:
    """A proxy before a server; yields it and its own port."""
    proxy = Proxy(port)
    async with listening(proxy.talk) as own:
        proxy.own_port = own
        yield proxy, own
