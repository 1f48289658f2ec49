"""Far ends of several protocols that say back all that they were told, in whatever they refuse."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.field.far_ends.sip_server import Piece, Request, answer, over_udp
from tests.loopback.certificates import Authority
from tests.loopback.serving import listening


@dataclass(frozen=True)
class Echoes:
    """Their ports on 127.0.0.1."""

    http: int
    smtp: int
    imap: int
    ami: int
    sip: int
    snmp: int
    postgresql: int
    trusted: str
    """the authority's file, for those that speak TLS from the first byte: smtp and imap"""


@asynccontextmanager
async def echoes(folder: Path) -> AsyncIterator[Echoes]:
    """All of them; the authority of their certificate is made in `folder`."""
    authority = Authority(folder)
    tls = authority.issue("127.0.0.1")
    async with AsyncExitStack() as stack:
        tcp = [
            await stack.enter_async_context(listening(talk, secured))
            for talk, secured in (
                (_http, None), (_smtp, tls), (_imap, tls), (_ami, None), (_postgresql, None),
            )
        ]  # fmt: skip
        sip = await stack.enter_async_context(over_udp(_sip))
        snmp = await stack.enter_async_context(_datagrams())
        http, smtp, imap, ami, postgresql = tcp
        yield Echoes(http, smtp, imap, ami, sip, snmp, postgresql, str(authority.file))


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The whole request in the page, its credentials in the reason phrase and in a header."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    told = head + await reader.readexactly(int(length[1]) if length else 0)
    proof = [line for line in head.split(b"\r\n") if line.lower().startswith((b"auth", b"x-"))]
    phrase = b" ".join(proof)[:300] or b"no: " + head.split(b"\r\n")[0]
    body = b"<title>Error</title><pre>" + told + b"</pre>"
    writer.write(b"HTTP/1.1 500 " + phrase + b"\r\nContent-Type: text/html\r\nX-Told: " + phrase)
    writer.write(b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    await reader.read(65536)


async def _smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 echo\r\n")
    while line := (await reader.readline()).strip():
        if line[:4].upper() == b"EHLO":
            writer.write(b"250-echo\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n")
        else:
            # Across the border of two reply lines, as a server that folds its replies.
            half = len(line) // 2
            writer.write(b"535-you said " + line[:half] + b"\r\n535 " + line[half:] + b"\r\n")


async def _imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"* OK echo\r\n")
    while line := await reader.readline():
        tag = line.split()[0]
        able = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + tag + b" OK\r\n"
        no = tag + b" NO you said " + line.strip() + b"\r\n"
        writer.write(able if b"CAPABILITY" in line.upper() else no)


async def _ami(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"Asterisk Call Manager/9.0\r\n")
    while True:
        told = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in told.strip().split(b"\r\n") if b": " in line)
        good = fields[b"Action"] == b"Challenge"
        said = b"Challenge: 1234" if good else b"Message: you said " + told.replace(b"\r\n", b" ")
        state = b"Success" if good else b"Error"
        writer.write(b"Response: " + state + b"\r\nActionID: " + fields[b"ActionID"] + b"\r\n")
        writer.write(said + b"\r\n\r\n")


async def _postgresql(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Asks for the password in clear, and says it back in the message and in its DETAIL."""
    while True:
        length = struct.unpack("!I", await reader.readexactly(4))[0]
        body = await reader.readexactly(length - 4)
        if body[:4] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):  # SSLRequest, GSSENCRequest
            writer.write(b"N")
            continue
        break
    writer.write(b"R" + struct.pack("!II", 8, 3))
    await reader.readexactly(1)
    length = struct.unpack("!I", await reader.readexactly(4))[0]
    said = (await reader.readexactly(length - 4)).rstrip(b"\0")
    fields = b"SFATAL\0C28P01\0Mno entry for " + said + b"\0DKey (" + said + b") is it\0\0"
    writer.write(b"E" + struct.pack("!I", len(fields) + 4) + fields)
    await writer.drain()


def _sip(asked: Request) -> Iterable[Piece]:
    proof = asked.one("Authorization") or asked.one("Proxy-Authorization")
    if proof:
        return [answer(asked, f"403 you said {proof[:400]}", f'Warning: 399 echo "{proof[:300]}"')]
    digest = 'WWW-Authenticate: Digest realm="echo", nonce="abc", algorithm=MD5'
    return [answer(asked, "401 Unauthorized", digest)]


class _Back(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        cast(asyncio.DatagramTransport, self._transport).sendto(data, addr)


@asynccontextmanager
async def _datagrams() -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Back, local_addr=("127.0.0.1", 0))
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
