"""What stands in the way: a port that says nothing, a middlebox that cuts, hostile servers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def mute() -> AsyncIterator[int]:
    """A UDP port that takes everything and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class Middlebox:
    """Passes every byte on between two sides, until it cuts; when it is shut, it lets nobody in any
    more.
    """

    def __init__(self, target: int) -> None:
        self.port, self._target = 0, target
        self.shut = False
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.shut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, far_writer]
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        except ConnectionError:
            return
        finally:
            sink.close()

    def cut(self) -> None:
        """As a firewall that forgot: both sides are reset."""
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def middlebox(target: int) -> AsyncIterator[Middlebox]:
    """A middlebox before a port of this host."""
    box = Middlebox(target)
    async with listening(box.serve) as box.port:
        yield box


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A TCP server; gives its port."""
    writers: list[asyncio.StreamWriter] = []

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await serve(reader, writer)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(kept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
