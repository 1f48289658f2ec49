"""From a name to a connected socket: resolution, then the addresses in turn, a quarter of a second
apart (RFC 8305).
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from checks.contract import CannotTell
from checks.transport.faults import far_faults, most_telling
from checks.transport.host_port import ascii_name

# RFC 8305 section 5 recommends 250 ms as the Connection Attempt Delay: shorter would double the
# load on a far end that is only slow, longer makes a broken IPv6 path felt.
STAGGER_SECONDS = 0.25
# A second connect(2) on the same socket says whether the first one is through: on a near network it
# mostly is, and then no wait for the event loop is needed.
_CONNECTED, _UNDER_WAY = (0, errno.EISCONN), (errno.EALREADY, errno.EINPROGRESS)
Place = tuple[int, Any]
"""family and socket address"""


async def opened(host: str, port: int) -> socket.socket:
    """A connection to a host by its name or address. Raises Failed, CannotTell."""
    return await connect(await resolve(host, port))


async def resolve(
    host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM
) -> list[Place]:
    """Every address of a name, families by turns. Raises Failed, CannotTell."""
    # The portal of a site is often configured by its address, just so that a broken resolver does
    # not hide what is tested: then no resolver is asked.
    if _is_address(host):
        return literal(host, port)
    with far_faults():
        host = _as_dns_has_it(host)
        # getaddrinfo orders by RFC 6724, the preference of this host; that order is kept within a
        # family.
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)
    places = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    first = [place for place in places if place[0] == places[0][0]]
    # RFC 8305 section 4: the families take turns, so that a host with ten dead IPv6 addresses still
    # reaches IPv4 as the second attempt.
    others = [place for place in places if place[0] != places[0][0]]
    return [place for pair in zip_longest(first, others) for place in pair if place]


def _as_dns_has_it(host: str) -> str:
    """Raises CannotTell for what nobody could look up: it stands in the configuration."""
    try:
        return ascii_name(host)
    except UnicodeError:
        raise CannotTell(f"{host[:80]!r} is no name of a host") from None


def literal(host: str, port: int) -> list[Place]:
    """The one place of an address that needs no resolution."""
    return [
        (socket.AF_INET6, (host, port, 0, 0)) if ":" in host else (socket.AF_INET, (host, port))
    ]


def have_route(place: Place) -> None:
    """Ask this host's routing whether it leads there; nothing is sent. Raises OSError."""
    family, address = place
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        # connect(2) on a datagram socket only looks the route up and binds the local address.
        asked.connect(address)


async def connect(places: Sequence[Place]) -> socket.socket:
    """A connection to the first address that takes one. Raises Failed, CannotTell."""
    with far_faults():
        return await (_attempt(places[0]) if len(places) == 1 else _race(places))


def _is_address(host: str) -> bool:
    """Whether nothing needs resolving; an address with a scope ("%eth0") does."""
    try:
        return "%" not in host and bool(ipaddress.ip_address(host))
    except ValueError:
        return False


async def _attempt(place: Place) -> socket.socket:
    family, address = place
    sock = socket.socket(
        # CLOEXEC: a child that is started at the same moment must not keep this connection open.
        family,
        socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC,
        socket.IPPROTO_TCP,
    )
    try:
        if sock.connect_ex(address) and (error := sock.connect_ex(address)) not in _CONNECTED:
            await _finished(sock, error)
        # The end of a TLS handshake and the request after it are two small writes: with Nagle's
        # algorithm the second waits for the delayed acknowledgement of the first (40 ms on Linux),
        # and that would count as the server's time.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


async def _finished(sock: socket.socket, error: int) -> None:
    """Wait until a connection stands. Raises OSError."""
    loop, number = asyncio.get_running_loop(), sock.fileno()
    if error in _UNDER_WAY:
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_writer(number, settle, ready)
        try:
            await ready
        finally:
            loop.remove_writer(number)
        # connect(2): a socket that becomes writable has either connected or failed; SO_ERROR tells
        # which, and gives the reason only once.
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))


def settle(ready: asyncio.Future[None]) -> None:
    """Tell who waits that the socket is ready."""
    if not ready.done():
        ready.set_result(None)


async def _race(places: Sequence[Place]) -> socket.socket:
    """Raises OSError: of several the one that tells most of the far end."""
    waiting, running = list(places), set[asyncio.Task[socket.socket]]()
    errors: list[OSError] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(_attempt(waiting.pop(0))))
            # The last address has the whole time of the caller: nothing is left to be tried beside
            # it.
            patience = STAGGER_SECONDS if waiting else None
            done, _ = await asyncio.wait(
                running, timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                running.discard(task)
                if (error := task.exception()) is None:
                    _let_go(done - {task})
                    return task.result()
                # CannotTell of this host, or a bug: it would be the same for every other address.
                if not isinstance(error, OSError):
                    raise error
                errors.append(error)
    finally:
        for task in running:
            # A loser may connect between the cancel and its end: its socket must not stay open
            # until the garbage collector finds it, since a line of the far end's is a scarce thing.
            task.add_done_callback(lambda ended: _let_go({ended}))
            task.cancel()
    raise most_telling(errors)


def _let_go(tasks: set[asyncio.Task[socket.socket]]) -> None:
    """Close the connections that came too late."""
    for task in tasks:
        if not task.cancelled() and task.exception() is None:
            task.result().close()
