"""One answer over UDP: a connected socket, which hears nobody else, and what comes over it or
breaks it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from checks.transport.connect import Place

T = TypeVar("T")
# linux/in.h and linux/in6.h; the socket module has no names for them.
_IP_RECVERR, _IPV6_RECVERR = 11, 25


class Awaited(asyncio.DatagramProtocol, Generic[T]):
    """Waits for one answer: `came` is it, or what broke. `datagram_received` says which datagram is
    the answer.
    """

    def __init__(self) -> None:
        self.came: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()

    # ICMP "port unreachable" comes this way, and only to a connected socket (udp(7)): a refusal is
    # known at once, not after the time limit.
    def error_received(self, exc: Exception) -> None:
        if not self.came.done():
            self.came.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        if not self.came.done():
            self.came.set_exception(exc or ConnectionResetError("the socket was closed"))


@asynccontextmanager
async def awaiting(
    answer: Awaited[T], host: str, port: int
) -> AsyncIterator[asyncio.DatagramTransport]:
    """A socket that hears the answer; closed for certain at the end. Raises OSError."""
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: answer, remote_addr=(host, port))
    except BaseException:
        # A socket that is closed while it is made would tell an answer that nobody fetches.
        answer.came.cancel()
        raise
    try:
        yield transport
    finally:
        # A datagram that comes from now on must find nobody: the attempt has ended.
        answer.came.cancel()
        transport.abort()
        # abort() closes the descriptor on the next turn of the loop; a check that leaves earlier
        # would leave it to the next attempt.
        await answer.gone.wait()


def unconnected(place: Place) -> socket.socket:
    """A socket at our address on the way there. Raises OSError.

    It is not connected: an answer may come from another port or address of a far end that has
    several, and is known by its Via (RFC 3261 section 18.1.2), not by where it comes from.
    """
    family, address = place
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect(address)
        own = asked.getsockname()
    made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        # ICMP errors ("connection refused") come to a socket that is not connected only if it asks
        # (ip(7)).
        asks = (
            (socket.IPPROTO_IPV6, _IPV6_RECVERR)
            if family == socket.AF_INET6
            else (socket.IPPROTO_IP, _IP_RECVERR)
        )
        made.setsockopt(*asks, 1)
        made.bind((own[0], 0, *own[2:]))
    except BaseException:
        made.close()
        raise
    return made
