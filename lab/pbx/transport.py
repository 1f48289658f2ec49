"""How SIP arrives and leaves: UDP and TCP on one port, TLS on another (RFC 3261 section 18).

Rules: an answer goes back over the flow that its request came over (RFC 3581, RFC 5923); whatever
cannot be parsed is counted and dropped, never answered.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from sipmessage import Message, Request, Response

Address = tuple[str, int]
Received = Callable[[Request | Response, "Flow"], None]

# RFC 3261 section 7.3.3: `l` is the compact form of Content-Length, and names ignore case.
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
# Only an rport without a value asks to be filled in (RFC 3581 section 3).
_RPORT = re.compile(r";[ \t]*rport(?=[ \t]*(?:;|$))", re.IGNORECASE)
# Bytes on a stream without a whole message: as much as the largest datagram could hold.
_LONGEST = 65536
# UDP and TCP share a port, but the kernel chooses only one of them freely. The other is free nearly
# always; twenty failures in a row mean that something else is wrong.
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to one peer."""

    transport: str
    """UDP, TCP or TLS, as Via names it"""
    local: Address
    remote: Address
    write: Callable[[bytes], None]

    @property
    def reliable(self) -> bool:
        """Whether the transport itself repeats what is lost."""
        return self.transport != "UDP"

    def towards(self, remote: Address) -> Flow:
        """The same socket, another peer (UDP only)."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class DatagramFlow(Flow):
    """UDP: any peer can be reached from the one socket."""

    endpoint: asyncio.DatagramTransport

    def towards(self, remote: Address) -> Flow:
        return _datagram_flow(self.endpoint, self.local, remote)


def _datagram_flow(endpoint: asyncio.DatagramTransport, local: Address, remote: Address) -> Flow:
    return DatagramFlow("UDP", local, remote, lambda data: endpoint.sendto(data, remote), endpoint)


class Transport:
    """The exchange's sockets. `deaf` is asked for every message: a deaf exchange neither hears nor
    speaks.
    """

    def __init__(
        self, received: Received, deaf: Callable[[], bool], lost: Callable[[Flow], None]
    ) -> None:
        self._received, self._deaf, self.lost = received, deaf, lost
        self._endpoint: asyncio.DatagramTransport | None = None
        self._servers: list[asyncio.Server] = []
        self.streams: set[_Stream] = set()
        self.host, self.port, self.tls_port = "127.0.0.1", 0, 0
        self.malformed = 0
        # Set once the datagram socket is closed, which asyncio does only after the call of close().
        self.silent = asyncio.Event()
        # (way, peer, message), for the ladder of a test that fails; a lab that runs for days must
        # not grow.
        self.wire: deque[tuple[str, str, bytes]] = deque(maxlen=2000)

    async def open(self, host: str, context: ssl.SSLContext | None) -> None:
        """Bind UDP and TCP to one free port, TLS (with a context) to another. Raises OSError."""
        loop = asyncio.get_running_loop()
        self.host = host
        for left in reversed(range(_TRIES)):
            server = await loop.create_server(lambda: _Stream(self, "TCP"), host, 0)
            self.port = server.sockets[0].getsockname()[1]
            try:
                endpoint, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), (host, self.port)
                )
            except OSError:
                server.close()
                if not left:
                    raise
                continue
            self._endpoint, self._servers = endpoint, [server]
            break
        if context is not None:
            secure = await loop.create_server(lambda: _Stream(self, "TLS"), host, 0, ssl=context)
            self.tls_port = secure.sockets[0].getsockname()[1]
            self._servers.append(secure)

    async def close(self) -> None:
        """Close every socket, and wait until the kernel has let go of them."""
        for server in self._servers:
            server.close()
        for stream in list(self.streams):
            stream.abort()
        if self._endpoint:
            self._endpoint.close()
            await self.silent.wait()
        await asyncio.gather(*(stream.over.wait() for stream in self.streams))

    def arrived(self, data: bytes, flow: Flow) -> None:
        """Take one whole message."""
        if self._deaf():
            return
        self.wire.append(("<-", f"{flow.transport} {flow.remote[0]}:{flow.remote[1]}", data))
        try:
            message = Message.parse(data)
            # sipmessage reads headers late: whatever is broken in these shall show here.
            _ = (
                message.via[0],
                message.cseq,
                message.call_id,
                message.from_address,
                message.to_address,
            )
        except (ValueError, KeyError, IndexError):
            self.malformed += 1
            return
        if isinstance(message, Request):
            _stamp(message, flow)
        self._received(message, flow)

    def send(self, message: Request | Response, flow: Flow) -> None:
        """Put one message on the wire."""
        if self._deaf():
            return
        data = bytes(message)
        self.wire.append(("->", f"{flow.transport} {flow.remote[0]}:{flow.remote[1]}", data))
        flow.write(data)


def _stamp(request: Request, flow: Flow) -> None:
    """Write into the top Via where the request really came from (RFC 3581); the rest of it stays
    verbatim.
    """
    # A proxy may write several Vias on one line; only the topmost is the sender's own.
    first, comma, rest = request.headers["Via"].partition(",")
    stamped = _RPORT.sub(f";rport={flow.remote[1]}", first) + f";received={flow.remote[0]}"
    request.headers.setlist("Via", [stamped + comma + rest, *request.headers.getlist("Via")[1:]])


def way_back(request: Request, flow: Flow) -> Flow:
    """Where answers to a request go: RFC 3261 section 18.2.2 with RFC 3581."""
    top = request.via[0]
    if flow.reliable or "rport" in top.parameters:
        return flow
    # RFC 3261 section 18.2.2: without rport the answer goes to the port of sent-by, which is 5060
    # where none is written.
    return flow.towards((flow.remote[0], top.port or 5060))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, transport: Transport) -> None:
        self._sip = transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._endpoint = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._sip.silent.set()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        # RFC 5626 section 3.5 and older habits: blanks that keep a NAT's mapping open.
        if data.strip(b"\r\n\0 "):
            local = (self._sip.host, self._sip.port)
            self._sip.arrived(data, _datagram_flow(self._endpoint, local, addr))

    def error_received(self, exc: Exception) -> None:
        """A peer's port is closed (ICMP); the transaction's own timers deal with that."""


class _Stream(asyncio.Protocol):
    """One TCP or TLS connection: messages end where Content-Length says (RFC 3261 section 18.3)."""

    def __init__(self, transport: Transport, name: str) -> None:
        self._sip, self._name, self._buffer = transport, name, b""
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.Transport, transport)
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self._flow = Flow(self._name, local[:2], remote[:2], self._write)
        self._sip.streams.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._sip.streams.discard(self)
        self._sip.lost(self._flow)
        self.over.set()

    def abort(self) -> None:
        self._socket.abort()

    def _write(self, data: bytes) -> None:
        if not self._socket.is_closing():
            self._socket.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while message := self._next():
            self._sip.arrived(message, self._flow)
        if len(self._buffer) > _LONGEST:
            self.abort()

    def _next(self) -> bytes:
        """The next whole message; b"" while there is none."""
        # RFC 5626 section 3.5.1: a double CRLF is a ping, and a single one its pong.
        if self._buffer.startswith(b"\r\n\r\n"):
            self._write(b"\r\n")
        self._buffer = self._buffer.lstrip(b"\r\n")
        head, blank, _ = self._buffer.partition(b"\r\n\r\n")
        # RFC 3261 section 18.3 demands Content-Length on a stream; who leaves it out has no body.
        length = _LENGTH.search(head)
        end = len(head) + len(blank) + (int(length[1]) if length else 0)
        if not blank or len(self._buffer) < end:
            return b""
        message, self._buffer = self._buffer[:end], self._buffer[end:]
        return message
