"""Far ends that want to hold whoever looks at them: `python -m tests.bench.hostile_far_ends`.

A process of its own, so that what it does for its answers is not taken for the daemon's. Writes its
ports as a line of JSON, and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import cast

JSON = b"application/json"
HTML = b"text/html"
PAGES: Mapping[str, tuple[bytes, bytes]] = {
    "tags": (HTML, b"<p>hello" + (b"<input " + b"a" * 4080 + b">") * 490),
    "tags-open": (HTML, b"<input a='" * 190_000),
    "references": (HTML, b"<p>" + b"&abcdefghijklmnopqrstuvwxyzabcdef" * 60_000),
    "digits": (HTML, b"<h1>&#" + b"9" * 1_900_000 + b";</h1>"),
    "maintenance": (HTML, b"<h1>x</h1>" + b"under for scheduled planned " * 70_000),
    "comments": (HTML, b"<!-- <script <head <style " * 76_000),
    "dotted": (HTML, "<title>İ".encode() * 200_000),
    "punycode": (HTML + b"; charset=punycode", b"b" * 900_000 + b"-" + b"a" * 900_000),
    "utf-7": (HTML + b"; charset=utf-7", b"+AAA-" * 380_000),
    "gb18030": (HTML + b"; charset=gb18030", b"\x81\x30\x81\x30" * 480_000),
    "iso-2022-jp": (HTML + b"; charset=iso-2022-jp", b"\x1b$B!!\x1b(B" * 220_000),
    "json-lists": (JSON, b"[" + b"[]," * 630_000 + b"[]]"),
    "json-objects": (JSON, b"[" + b"{}," * 630_000 + b"{}]"),
    "json-deep": (JSON, b"[" * 1_900_000),
    "json-names": (JSON, b"{" + b",".join(b'"k%d":1' % n for n in range(140_000)) + b"}"),
    "json-digits": (JSON, b"[" + b"9" * 1_900_000 + b"]"),
    "pattern": (HTML, b"<p>" + b"a" * 1_900_000 + b"!"),
    "coded": (HTML, b"%41%2541&#65;\\u0041" * 100_000),
    "blanks": (HTML, b"M \r\n" * 475_000),
    "base64": (HTML, base64.b64encode(b"%41&#65;" * 175_000)),
    "base64-words": (HTML, b"Abcdefghijklm " * 135_000),
    "hex": (HTML, b"4d41524b4552" * 158_000),
    "hex-pairs": (HTML, b"4d:41 " * 316_000),
    "numbers": (JSON, b"[" + b"6, " * 630_000 + b"6]"),
    "elements": (HTML, b"<b>M</b>" * 237_000),
    "hyphens": (HTML, b"M\xc2\xad" * 630_000),
    "csv": (b"text/csv", b"Date,Calls\n" + b'2026-11-21,"1"\n' * 120_000),
}
_BOMB = gzip.compress(b"<p>" + b"a" * 60_000_000)
REPLIES: Mapping[str, bytes] = {
    "length": b"Content-Length: x" + b" " * 60_000 + b"y\r\n",
    "reason": b"Reason: " + b"Q.850;" * 9_000 + b"\r\n",
    "challenge": b'WWW-Authenticate: Digest realm="r", ' + b"a" * 60_000 + b"\r\n",
    "via": b"Via: SIP/2.0/UDP h;" * 1_200 + b"\r\n",
}


async def _page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):  # who has had enough goes away
        await _answered(reader, writer)
    writer.close()


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    name = head.split(b" ")[1].decode().strip("/").partition("?")[0]
    if name == "chunks":
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"1\r\na\r\n" * 300_000 + b"0\r\n\r\n")
    elif name == "bomb":
        packed = _BOMB
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(packed) + packed)
    elif name == "cookies":
        cookies = b"".join(b"Set-Cookie: a%d=%s\r\n" % (n, b"b" * 300) for n in range(190))
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /cookies?\r\n" + cookies + b"\r\n")
    else:
        kind, body = PAGES.get(name, (HTML, b"<title>Portal</title><p>Good morning, all is well"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    await reader.read(65536)


async def _lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A greeting of very many lines: SMTP, IMAP and AMI alike are told so."""
    writer.write(b"220-" + b"a" * 400 + b"\r\n")
    writer.write(b"220-a\r\n" * 200_000)
    with suppress(ConnectionError):
        await writer.drain()
        await reader.read(65536)
    writer.close()


class _Sip(asyncio.DatagramProtocol):
    def __init__(self, more: bytes) -> None:
        self._more = more

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        kept = [line for line in data.split(b"\r\n") if line.split(b":")[0].lower() in
                (b"via", b"from", b"to", b"call-id", b"cseq")]  # fmt: skip
        said = b"SIP/2.0 401 Unauthorized\r\n" + b"\r\n".join(kept) + b"\r\n" + self._more + b"\r\n"
        cast(asyncio.DatagramTransport, self._transport).sendto(said[:65_000], addr)


async def main() -> None:
    """Serve, say where, and end with the one who asked."""
    loop, ports = asyncio.get_running_loop(), dict[str, int]()
    for name, talk in (("http", _page), ("lines", _lines)):
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        ports[name] = server.sockets[0].getsockname()[1]
    for name, more in REPLIES.items():
        transport, _ = await loop.create_datagram_endpoint(
            partial(_Sip, more), local_addr=("127.0.0.1", 0)
        )
        ports[name] = transport.get_extra_info("sockname")[1]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
