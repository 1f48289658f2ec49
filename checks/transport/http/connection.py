"""One connection, plain or under TLS, read only when something is wanted: what nobody reads, TCP
holds back.

It waits for the socket itself. asyncio's transports would read ahead into memory, and keep 256 kB
for each TLS connection; a check opens a new one every time. TLS works in memory: few calls to the
kernel then.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Self, TypeVar

from checks.contract import Failed
from checks.transport.connect import settle
from checks.transport.faults import far_faults
from checks.transport.turns import MUCH_BYTES, own_turn

# Below 64 KiB: a block of that size has glibc's allocator consolidate its free lists each time that
# it is given back (FASTBIN_CONSOLIDATION_THRESHOLD of malloc.c).
_MOST_AT_ONCE = 32_768
# The most that one record of TLS holds (RFC 8446 section 5.1): a larger buffer stays half empty.
_RECORD = 16_384
_Made = TypeVar("_Made")


class Wire:
    """A connected socket. Every wait may be cancelled; `close` is immediate."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._loop = sock, asyncio.get_running_loop()
        self._wanted: asyncio.Future[None] | None = None
        self._registered = False
        self._at_a_stretch = 0
        self._tls: ssl.SSLObject | None = None
        self.no_farewell = False
        """whether TLS ended without close_notify (RFC 8446 section 6.1)"""
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._registered:
            self._loop.remove_reader(self._sock.fileno())
        self._sock.close()

    @property
    def secured(self) -> ssl.SSLObject | None:
        """The connection under TLS, once it is."""
        return self._tls

    @property
    def peer(self) -> str:
        """The far end's address."""
        return str(self._sock.getpeername()[0])

    async def secure(self, context: ssl.SSLContext, server_name: str) -> None:
        """Shake hands; the name goes along (SNI) and must be the certificate's. Raises Failed."""
        try:
            tls = context.wrap_bio(self._came, self._goes, server_hostname=server_name)
        # OpenSSL refuses a host name with an empty label or a leading dot before a byte is sent.
        except ValueError as error:  # a name that can be in no certificate
            raise Failed("tls", str(error)) from error
        with far_faults():
            try:
                await self._worked(tls.do_handshake)
            except ssl.SSLError:
                # RFC 8446 section 6: the far end's log then says "unknown ca" or "certificate
                # expired" and not only that a client went away.
                self._parting_word()
                raise
        self._tls = tls  # its last word goes along with what is sent first

    async def send(self, data: bytes) -> None:
        """Send all of it. Raises Failed, CannotTell."""
        with far_faults():
            if self._tls is None:
                await self._sent(data)
            else:
                await self._worked(partial(self._tls.write, data))
                await self._onward()

    async def receive(self) -> bytes:
        """The next piece; empty at the end. Raises Failed, CannotTell."""
        # What has come already is had without a wait: a page of a million chunks would be worked
        # through in one go, and nobody else be served meanwhile.
        if self._at_a_stretch >= MUCH_BYTES:
            self._at_a_stretch = 0
            await own_turn()
        piece = await self._piece()
        self._at_a_stretch += len(piece)
        return piece

    async def _piece(self) -> bytes:
        with far_faults():
            if self._tls is None:
                return await self._received()
            # Both must be asked: the BIO holds records that are not decrypted yet, OpenSSL the rest
            # of one that is.
            if not self._came.pending and not self._tls.pending():
                await self._more()
            try:
                return await self._worked(partial(self._tls.read, _RECORD))
            # A server that closes TCP without close_notify (RFC 8446 section 6.1), as many load
            # balancers do: Content-Length and the last chunk tell whether something is missing.
            except (
                ssl.SSLEOFError
            ):  # no word of farewell: whether it is too early, the content tells
                self.no_farewell = True
                return b""

    async def _worked(self, do: Callable[[], _Made]) -> _Made:
        """What TLS is asked for, fed with what it wants."""
        while True:
            try:
                return do()
            # TLS 1.3 may have to answer a KeyUpdate, or to finish its handshake, before it can read
            # on: what it has to say goes out first.
            except ssl.SSLWantReadError:
                await self._onward()
                await self._more()

    async def _onward(self) -> None:
        """Send what TLS has to say."""
        if self._goes.pending:
            await self._sent(self._goes.read())

    async def _more(self) -> None:
        """Give TLS what has come."""
        if came := await self._received():
            self._came.write(came)
        else:
            self._came.write_eof()

    def _parting_word(self) -> None:
        """The alert that says why we leave, if it can be had off at once."""
        with suppress(OSError):
            self._sock.send(self._goes.read())

    async def _sent(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                await self._writable()

    async def _received(self) -> bytes:
        while True:
            try:
                return self._sock.recv(_MOST_AT_ONCE)
            except BlockingIOError:
                await self._readable()

    async def _readable(self) -> None:
        """Stays registered from one wait to the next: a connection is mostly waited for until it is
        closed.
        """
        self._wanted = self._loop.create_future()
        if not self._registered:
            self._loop.add_reader(self._sock.fileno(), self._news)
            self._registered = True
        try:
            await self._wanted
        finally:
            self._wanted = None

    def _news(self) -> None:
        if self._wanted is None:  # nobody wants it now, and epoll would go on telling
            self._loop.remove_reader(self._sock.fileno())
            self._registered = False
        elif not self._wanted.done():
            self._wanted.set_result(None)

    async def _writable(self) -> None:
        ready, number = self._loop.create_future(), self._sock.fileno()
        self._loop.add_writer(number, settle, ready)
        try:
            await ready
        finally:
            self._loop.remove_writer(number)
