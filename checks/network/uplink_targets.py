"""What an uplink is tried with: one target, one means, one sample at a time.

    { icmp = "192.0.2.1" }                       echo request and reply (RFC 792, RFC 4443)
    { tcp = "192.0.2.1:443" }                    a connection is taken
    { dns = "192.0.2.53", name = "example.net" } any answer but a failure: NOERROR or NXDOMAIN
    { http = "http://example.net/generate_204", status = 204 }
                                                 that status; without it any below 500;
                                                 interim answers (1xx) are passed over

Rules: a sample is lost when what should answer does not, or refuses: a box on the way that refuses
everything would pass for the world otherwise. ICMP goes by a datagram socket, which needs no
privilege but the kernel's leave. Nothing is repeated within a sample, or a loss would pass for a
delay.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from checks.contract import CannotTell, Failed, Trace
from checks.network.dns_query import ask
from checks.settings import Settings, nearest
from checks.transport.connect import Place, resolve
from checks.transport.faults import far_faults
from checks.transport.http.address import Address
from checks.transport.http.message import Limits, Request
from checks.transport.http.phases import Phases
from checks.transport.line_protocol import Conversation

# The status is all that is wanted; what a page says besides is not read.
_MOST_OF_A_PAGE = 1024
# Protocol, type of a request, type of a reply: echo is 8 and 0 in RFC 792, 128 and 129 in RFC 4443
# sections 4.1 and 4.2.
_ECHO = {
    socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129),
}


def _with_port(written: str) -> str:
    host, colon, port = written.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{written[:60]!r} is no host and port; write them as in '192.0.2.1:443'")
    return written


def _web_address(written: str) -> str:
    try:
        parts = urlsplit(written)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not written.isascii() or not written.isprintable() or " " in written:
        raise ValueError("that is no URL to fetch; write it as in 'http://example.net/'")
    if parts.username or parts.password:
        raise ValueError(
            "a URL with a user name or password in it would be seen in reports; leave them out"
        )
    return written


Host = Annotated[str, Field(min_length=1, max_length=255)]


class Icmp(Settings):
    """A host that answers echo requests."""

    icmp: Host
    """host name or address to send echo requests to"""

    def __str__(self) -> str:
        return f"icmp {self.icmp}"

    async def reach(self) -> None:
        """Send one echo request and await its reply. Raises Failed, CannotTell."""
        await _any_of(await resolve(self.icmp, 0, socket.SOCK_DGRAM), _echoed)


class Tcp(Settings):
    """A service that takes connections."""

    tcp: Annotated[str, AfterValidator(_with_port)]
    """host:port to connect to"""

    def __str__(self) -> str:
        return f"tcp {self.tcp}"

    async def reach(self) -> None:
        """Open one TCP connection and close it. Raises Failed, CannotTell."""
        host, _, port = self.tcp.rpartition(":")
        talk = await Conversation.open(host.strip("[]"), int(port))
        await talk.close()


class Name(Settings):
    """A name server that answers."""

    dns: Host
    """host name or address of a name server"""
    name: Host = "example.com"
    """the name to ask it for"""

    def __str__(self) -> str:
        return f"dns {self.dns}"

    async def reach(self) -> None:
        """Ask one question and await its answer. Raises Failed, CannotTell."""
        host, port = (self.dns, "53") if self.dns.count(":") != 1 else self.dns.split(":")
        await _any_of(await resolve(host.strip("[]"), int(port), socket.SOCK_DGRAM), self._answers)

    async def _answers(self, place: Place) -> None:
        asked = await ask(str(place[1][0]), int(place[1][1]), self.name, "A", repeat=False)
        # NXDOMAIN proves the way as well as an address does; SERVFAIL or REFUSED may come from a
        # box on the way that has lost its own uplink.
        if asked.rcode not in (0, 3):
            raise Failed(f"dns:{asked.rcode}", "a name server that does not answer the question")


class Http(Settings):
    """A page that is there."""

    http: Annotated[str, AfterValidator(_web_address)]
    """URL of a page"""
    status: int | None = Field(default=None, ge=100, le=599)
    """the HTTP status that is right; without it every one below 500"""

    def __str__(self) -> str:
        return f"http {self.http}"

    async def reach(self) -> None:
        """Send one HEAD request and judge the status of its answer. Raises Failed, CannotTell."""
        # HEAD: the status is all that is wanted, and a page of a third party is not fetched every
        # minute.
        status = await self._status("HEAD")
        # RFC 9110 section 9.1 has every server know HEAD. Some refuse it all the same, by 405 or
        # 501, or by what their filters make of it; what a browser is told counts.
        if not self._right(status):
            status = await self._status("GET")
        if not self._right(status):
            raise Failed(f"http:{status}")

    def _right(self, status: int) -> bool:
        # A captive portal answers 200 or 302 for every page: who fears one names the `status` 204
        # of a page made for that.
        return status == self.status if self.status else status < 500

    async def _status(self, method: str) -> int:
        from checks.transport.http.client import FailedStatus, Manner, fetch

        # What comes of a page is dropped: no status is right, so none of it is waited for long.
        manner = Manner(Limits(body_bytes=_MOST_OF_A_PAGE, cut=True), follow=False)
        request = Request(method, Address.parse(self.http))
        try:
            with Phases(Trace(time.monotonic, Path())) as phases:
                answer = await fetch(request, phases, manner, lambda _status: method == "HEAD")
        except FailedStatus as failed:
            answer = failed.answer
        return answer.status


MEANS: dict[str, type[Settings]] = {"icmp": Icmp, "tcp": Tcp, "dns": Name, "http": Http}


def _means(written: Any) -> str | None:
    if isinstance(written, dict):
        return next((means for means in MEANS if means in written), None)
    return next((means for means, model in MEANS.items() if isinstance(written, model)), None)


def _one_means(written: Any) -> Any:
    """Refuses a target of no means, or of two. Raises ValueError."""
    if isinstance(written, Settings):
        return written
    example = 'as in { tcp = "192.0.2.1:443" }'
    if not isinstance(written, dict):
        raise ValueError(f"a target is a table with one of {', '.join(MEANS)}, {example}")
    found = [means for means in MEANS if means in written]
    if not found:
        hints = [hint for key in written if (hint := nearest(str(key), list(MEANS)))]
        raise ValueError(
            f"a target needs one of {', '.join(MEANS)}, {example}{hints[0] if hints else ''}"
        )
    if len(found) > 1:
        raise ValueError(
            f"this target has {len(found)} means ({' and '.join(found)}); write them as"
            f" {len(found)} targets"
        )
    return written


Target = Annotated[
    Annotated[Icmp, Tag("icmp")]
    | Annotated[Tcp, Tag("tcp")]
    | Annotated[Name, Tag("dns")]
    | Annotated[Http, Tag("http")],
    Discriminator(_means),
    BeforeValidator(_one_means),
]


async def _any_of(places: Sequence[Place], reach: Callable[[Place], Awaitable[None]]) -> None:
    """By the first address of a name that is reached, all of them tried at once: one that is dead
    says nothing of the others (RFC 8305), and a delay is that of the one that answers. Raises
    Failed, CannotTell.
    """
    tries = [asyncio.ensure_future(reach(place)) for place in places]
    problems: list[Failed | CannotTell] = []
    try:
        for done in asyncio.as_completed(tries):
            try:
                return await done
            except (Failed, CannotTell) as problem:
                problems.append(problem)
    finally:
        for one in tries:
            one.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
    raise next((one for one in problems if isinstance(one, Failed)), problems[0])


async def _echoed(place: Place) -> None:
    """One echo request and its reply. Raises Failed, CannotTell."""
    loop, (family, address) = asyncio.get_running_loop(), place
    protocol, request, reply = _ECHO[socket.AddressFamily(family)]
    with far_faults(), _echo_socket(family, protocol) as sock:
        sock.connect(address)  # at once: a datagram socket only remembers it
        # Linux writes the identifier of a datagram socket itself and sorts the replies by it; the
        # token tells a late reply to an earlier sample apart.
        token = secrets.token_bytes(16)
        await loop.sock_sendall(sock, _checked(struct.pack("!BBHHH", request, 0, 0, 0, 1) + token))
        while True:
            data = await loop.sock_recv(sock, 1500)
            # A datagram socket gives the ICMP header without the IP header: eight bytes, then what
            # was sent.
            if data[:1] == bytes((reply,)) and data[8:24] == token:
                return


def _echo_socket(family: int, protocol: int) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
    except PermissionError as refused:
        raise CannotTell(
            "this host does not let this user send ICMP (net.ipv4.ping_group_range)"
        ) from refused
    except OSError as problem:
        if problem.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
            raise CannotTell(f"this host has no ICMP sockets: {problem.strerror}") from problem
        raise
    return sock


def _checked(packet: bytes) -> bytes:
    """A packet with the checksum in its place (RFC 1071); for IPv6 the kernel does it."""
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return packet[:2] + struct.pack("!H", ~total & 0xFFFF) + packet[4:]
