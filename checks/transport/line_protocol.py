"""A talk by lines over TCP, under TLS from the beginning or from some line on: SMTP (RFC 5321),
IMAP (RFC 9051).

Rules: of a far end that never stops no more than `MOST_BYTES` are taken, and no line longer than
`LONGEST_LINE`; whoever opens a conversation closes it, and bounds it in time; what was sent in the
clear before TLS began is never taken for part of what came after (RFC 3207, section 5); a secret is
never shown again, even if the far end says it.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Iterable
from typing import Self, cast

from checks import masking
from checks.contract import Failed
from checks.transport import wire_text
from checks.transport.connect import opened
from checks.transport.faults import far_faults, fault_of

# A greeting, a login and the search for one mail take a few kilobytes; RFC 5321 section 4.5.3.1.5
# allows 512 bytes to a reply line, IMAP sets no limit.
MOST_BYTES = 2**20
LONGEST_LINE = 2**16
# A ticket shows one line of the far end's; the longest refusals of mail providers have some 250
# signs.
_LONGEST_SHOWN = 300


class Conversation(asyncio.Protocol):
    """One connection. Every wait raises Failed when the far end breaks off, or makes no sense."""

    def __init__(self) -> None:
        self._buffer, self._received = bytearray(), 0
        self._news, self._over = asyncio.Event(), asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._broken: Exception | None = None
        self._secrets: list[str] = []

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Resolve and connect. Raises Failed, CannotTell."""
        plain = await opened(host, port)
        _, conversation = await asyncio.get_running_loop().create_connection(cls, sock=plain)
        return conversation

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Go on under TLS. Raises Failed (of words that were slipped in before it, too),
        CannotTell.
        """
        # The client's side of CVE-2011-0411: what somebody slipped in before the handshake would be
        # read as if it had come under TLS.
        if self._buffer:
            raise Failed("bad-peer", "more was said in the clear after TLS was agreed on")
        loop = asyncio.get_running_loop()
        plain, self._transport = self._open(), None
        try:
            with far_faults():
                self._transport = await loop.start_tls(
                    plain, self, context, server_hostname=server_name
                )
        finally:
            if self._transport is None:
                plain.abort()

    def tls(self) -> ssl.SSLObject | None:
        """What was agreed on, once TLS runs."""
        found: ssl.SSLObject | None = self._open().get_extra_info("ssl_object")
        return found

    def local_address(self) -> str:
        """The address of our own end."""
        return str(self._open().get_extra_info("sockname")[0])

    def keep_secret(self, *secrets: str) -> None:
        """Never show these again, plain or in base64."""
        # AUTH LOGIN sends user and password in base64, and a server's error may repeat the line.
        masking.hide(*secrets)
        coded = (base64.b64encode(secret.encode()).decode() for secret in secrets)
        self._secrets += [secret for secret in (*secrets, *coded) if secret]

    def shown(self, said: str) -> str:
        """The far end's words for a note or a fault: on one line, bounded, without our secrets."""
        for secret in self._secrets:
            said = said.replace(secret, "…")
        return " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())[
            :_LONGEST_SHOWN
        ]

    def say(self, text: str) -> None:
        """Send a line. Raises Failed for what would be several."""
        self.say_lines([text])

    def say_lines(self, texts: Iterable[str]) -> None:
        """Send lines. Raises Failed for one that would be several."""
        self._open().write(wire_text.lines(texts).encode("utf-8", "replace"))

    async def line(self) -> str:
        """The next line, without its end."""
        begin = 0
        # A lone LF ends a line as well: RFC 5321 section 2.3.8 forbids it, and some servers send
        # it. The search goes on where it ended, so a line in many pieces stays linear.
        while (end := self._buffer.find(b"\n", begin)) < 0:
            begin = len(self._buffer)
            # A far end that never ends its line (a binary protocol on that port) is told by this,
            # not by memory.
            if begin > LONGEST_LINE:
                raise Failed("bad-peer", f"a line does not end within {LONGEST_LINE} bytes")
            await self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r").decode("utf-8", "replace")

    async def exactly(self, count: int) -> bytes:
        """The next bytes, whatever they are."""
        if count > MOST_BYTES:
            raise Failed("bad-peer", f"announces {count} bytes")
        while len(self._buffer) < count:
            await self._more()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def close(self) -> None:
        """Break off, and be sure of it."""
        if self._transport:
            self._transport.abort()
            await self._over.wait()

    def _open(self) -> asyncio.Transport:
        if self._transport is None:
            raise Failed("closed", "there is no connection")
        return self._transport

    async def _more(self) -> None:
        if self._broken:
            raise self._broken
        self._news.clear()
        await self._news.wait()

    # --- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._received += len(data)
        if self._received > MOST_BYTES:
            self._break(Failed("bad-peer", f"more than {MOST_BYTES} bytes came"))
            self._open().abort()
        self._news.set()

    def eof_received(self) -> bool:
        self._break(Failed("closed", "the far end closed the connection"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._break((exc and fault_of(exc)) or Failed("closed", "the connection was closed"))
        self._over.set()

    def _break(self, why: Exception) -> None:
        self._broken = self._broken or why
        self._news.set()
