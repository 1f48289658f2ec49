"""An HTTP/1 server that says byte for byte what a story gives it; whatever lies under /good gets a
good page.

Most of these answers break RFC 9112 a little, as servers in production do; browsers and curl show
the page all the same.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.loopback.serving import listening

Piece = bytes | float
"""what is sent, or for how many seconds nothing is; the word PORT becomes the server's own"""
Answer = tuple[Piece, ...]
PAGE = b"<html><head><title>Agent Portal</title></head><body>Sign in here</body></html>"
HTML = b"Content-Type: text/html; charset=utf-8"
SHORT_PAUSE_SECONDS = 0.05
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"


def page(
    *headers: bytes, body: bytes = PAGE, first: bytes = b"HTTP/1.1 200 OK", html: bytes = HTML
) -> bytes:
    """A page with its length, and `headers` before it."""
    return head(first, html, *headers, b"Content-Length: %d" % len(body)) + body


def head(first: bytes, *headers: bytes) -> bytes:
    """A first line and headers, as they are given."""
    return b"\r\n".join([first, *headers]) + b"\r\n\r\n"


def framed(*headers: bytes, body: bytes) -> bytes:
    """200 and HTML with nothing but these headers before the body."""
    return head(b"HTTP/1.1 200 OK", b"Content-Type: text/html", *headers) + body


def chunked(body: bytes = PAGE, size: bytes = b"%x", end: bytes = b"0\r\n\r\n") -> bytes:
    """One chunk and the last one."""
    return size % len(body) + b"\r\n" + body + b"\r\n" + end


def in_letters(charset: str, body: bytes) -> bytes:
    """A page whose header names this charset; none where it is empty."""
    words = f"; charset={charset}" if charset else ""
    return page(body=body, html=b"Content-Type: text/html" + words.encode())


def as_json(body: bytes) -> bytes:
    """An answer of an API."""
    return page(body=body, html=b"Content-Type: application/json")


def redirect(*headers: bytes, first: bytes = b"HTTP/1.1 302 Found") -> bytes:
    """A redirect without a body."""
    return head(first, *headers, b"Content-Length: 0")


def raw_deflate(body: bytes) -> bytes:
    """RFC 1951 without the zlib frame that RFC 9110, 8.4.1.2 asks for."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def zipped(body: bytes = PAGE, times: int = 1) -> bytes:
    """gzip, so often."""
    for _ in range(times):
        body = gzip.compress(body, mtime=0)
    return body


def drop_by_drop(answer: bytes, size: int = 20) -> Answer:
    """In small pieces."""
    pieces: list[Piece] = []
    for at in range(0, len(answer), size):
        pieces += [answer[at : at + size], SHORT_PAUSE_SECONDS / 5]
    return tuple(pieces)


@asynccontextmanager
async def http_server(
    *answer: Piece, reset: bool = False, paths: dict[str, bytes] | None = None
) -> AsyncIterator[int]:
    """Answers every request so, but /good and what `paths` has. `reset`: ends with RST instead of
    FIN.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).split(b" ")
        path = asked[1].decode("latin-1").partition("?")[0]
        for piece in _answer(path):
            if isinstance(piece, float):
                await asyncio.sleep(piece)
                continue
            writer.write(_fitting(piece.replace(b"PORT", b"%d" % own_port), asked[0] == b"HEAD"))
            await writer.drain()
        if reset:
            _linger_not(writer)
            writer.transport.abort()
        else:
            writer.close()
            await writer.wait_closed()

    def _answer(path: str) -> Answer:
        if paths and path in paths:
            return (paths[path],)
        return (page(),) if path.startswith("/gut") or path.startswith("/good") else answer

    async with listening(talk) as own_port:
        yield own_port


def _fitting(piece: bytes, head_only: bool) -> bytes:
    final = head_only and b"\r\n\r\n" in piece and not piece.startswith(b"HTTP/1.1 1")
    return piece[: piece.index(b"\r\n\r\n") + 4] if final else piece


def _linger_not(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
