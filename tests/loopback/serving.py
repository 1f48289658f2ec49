"""Servers of a test's own on free ports: what each connection is told is a function of the test."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A TCP server (under TLS, where given) that does what `talk` does; yields its port."""
    under_way: set[asyncio.Task[None]] = set()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        under_way.add(this)
        try:
            with suppress(
                ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError
            ):
                await talk(reader, writer)
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(once, "127.0.0.1", 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


@contextmanager
def shaking_hands(tls: ssl.SSLContext) -> Iterator[int]:
    """A TLS server on plain sockets: unlike asyncio's it sends its alert before it closes. Yields
    its port.
    """
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.settimeout(20)
            with (
                connection,
                suppress(OSError),
                tls.wrap_socket(connection, server_side=True) as secured,
            ):
                secured.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(server.getsockname()[1])
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Listens and says nothing."""
    while await reader.read(65536):
        continue


def says(*lines: str, then: Talk | None = silent) -> Talk:
    """Says a line for each that it hears, the first one unasked; then goes silent, or does what
    `then` does.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, line in enumerate(lines):
            if number:
                await reader.readline()
            writer.write(line.replace("\n", "\r\n").encode() + b"\r\n")
            await writer.drain()
        if then:
            await then(reader, writer)

    return talk


def endlessly(piece: bytes, before: bytes = b"") -> Talk:
    """Says the same again and again."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        while True:
            writer.write(piece)
            await writer.drain()

    return talk


def drop_by_drop(piece: bytes) -> Talk:
    """A slow loris: a byte at a time, and never the end of a line."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)

    return talk
