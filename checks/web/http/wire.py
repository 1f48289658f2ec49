"""One connection, plain or under TLS, read only when something is wanted: what nobody reads, TCP holds back.

It waits for the socket itself. asyncio's transports would read ahead into memory, and keep 256 kB for each TLS
connection; a check opens a new one every time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Self

from checks.contract import Refused
from checks.web.http.reach import of_socket, settle

_MOST_AT_ONCE = 65_536


class Wire:
    """A connected socket. Every wait may be cancelled; `close` is immediate."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._loop = sock, asyncio.get_running_loop()
        self._wanted: asyncio.Future[None] | None = None
        self._registered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._registered:
            self._loop.remove_reader(self._sock.fileno())
        self._sock.close()

    @property
    def secured(self) -> ssl.SSLSocket | None:
        """The connection under TLS, once it is."""
        return self._sock if isinstance(self._sock, ssl.SSLSocket) else None

    @property
    def peer(self) -> str:
        """The far end's address."""
        return str(self._sock.getpeername()[0])

    async def secure(self, context: ssl.SSLContext, server_name: str) -> None:
        """Shake hands; the name goes along (SNI) and must be the certificate's. Raises Refused."""
        try:
            secured = context.wrap_socket(self._sock, server_hostname=server_name, do_handshake_on_connect=False)
            self._sock = secured
            while True:
                try:
                    return secured.do_handshake()
                except ssl.SSLWantReadError:
                    await self._readable()
                except ssl.SSLWantWriteError:
                    await self._writable()
        except ssl.SSLCertVerificationError as error:
            raise Refused("certificate", error.verify_message or str(error)) from error
        except ssl.SSLError as error:
            raise Refused("tls", _reason(error)) from error
        except (ConnectionError, OSError) as error:
            raise of_socket(error) from error
        except ValueError as error:  # a name that can be in no certificate
            raise Refused("tls", str(error)) from error

    async def send(self, data: bytes) -> None:
        """Send all of it. Raises Refused."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._sock.send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._writable()
            except ssl.SSLWantReadError:
                await self._readable()
            except OSError as error:
                raise self._broken(error) from error

    async def receive(self) -> bytes:
        """The next piece; empty at the end. Raises Refused."""
        while True:
            try:
                return self._sock.recv(_MOST_AT_ONCE)
            except (BlockingIOError, ssl.SSLWantReadError):
                await self._readable()
            except ssl.SSLWantWriteError:
                await self._writable()
            except OSError as error:
                raise self._broken(error) from error

    def _broken(self, error: OSError) -> Exception:
        if isinstance(error, ssl.SSLError):
            return Refused("tls", _reason(error))
        return (
            Refused("closed", error.strerror or str(error)) if isinstance(error, ConnectionError) else of_socket(error)
        )

    async def _readable(self) -> None:
        """Stays registered from one wait to the next: a connection is mostly waited for until it is closed."""
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


def _reason(error: ssl.SSLError) -> str:
    return error.reason or str(error)
