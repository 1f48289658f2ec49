"""One question to a name server, over UDP and, where the answer is cut short, over TCP (RFC 1035, 7766, 6891).

    > 1b3e RD, EDNS 1232   portal.example.net IN A                      UDP, a connected socket, repeated after 1 s, 2 s
    < 1b3e QR RD RA        portal.example.net 300 IN A 192.0.2.10
    < 1b3e QR TC           (cut short)                                   asked again over TCP

Rules: the wire's form is dnspython's, which is imported with the first question; only an answer to this very question
counts, whatever else comes in; an answer is 65535 bytes at the most.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.contract import Refused
from checks.network.conversation import far_faults

if TYPE_CHECKING:
    from dns.message import Message

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 4.0
_PAYLOAD_BYTES = 1232
"""what fits everywhere unfragmented"""


@dataclass(slots=True)
class Asked:
    """An answer and how it was come by."""

    message: Message
    size_bytes: int
    repetitions: int = 0
    by_tcp: bool = False


async def ask(
    server: str, port: int, name: str, record: str, cut_short: Callable[[], Any] = lambda: None, repeat: bool = True
) -> Asked:
    """The answer, for ever awaited. Raises Refused.

    `cut_short` is called before it is asked for again over TCP; `repeat`: whether a question may have been lost.
    """
    query = await asyncio.to_thread(_query, name, record)
    with far_faults():
        asked = await _over_udp(server, port, query, repeat)
        if "TC" in _flags(asked.message):
            cut_short()
            whole = await _over_tcp(server, port, query)
            whole.repetitions = asked.repetitions
            return whole
    return asked


def _query(name: str, record: str) -> Message:
    """In a thread: the first one imports the library."""
    import dns.exception
    import dns.message

    try:
        return dns.message.make_query(name, record, use_edns=0, payload=_PAYLOAD_BYTES)
    except (dns.exception.DNSException, UnicodeError) as problem:
        raise Refused("dns", f"{name[:80]!r} cannot be asked for: {problem}", origin="local") from problem


def _read(query: Message, data: bytes) -> Message | None:
    """The answer in a message; None if it is not one to this question."""
    import dns.exception
    import dns.message

    try:
        message = dns.message.from_wire(data, ignore_trailing=True)
    except dns.message.Truncated as cut:
        message = cut.message()  # type: ignore[no-untyped-call]
    except (dns.exception.DNSException, ValueError, IndexError, struct.error):
        return None
    return message if query.is_response(message) else None


def _flags(message: Message) -> list[str]:
    import dns.flags

    return dns.flags.to_text(message.flags).split()


async def _over_udp(server: str, port: int, query: Message, repeat: bool) -> Asked:
    loop = asyncio.get_running_loop()
    transport, answer = await loop.create_datagram_endpoint(lambda: _Answer(query), remote_addr=(server, port))
    try:
        pause, repetitions = _FIRST_PAUSE_SECONDS, 0
        while True:
            transport.sendto(query.to_wire())
            done, _ = await asyncio.wait({answer.came}, timeout=pause if repeat else None)
            if done:
                message, size = answer.came.result()
                return Asked(message, size, repetitions)
            repetitions += 1
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    finally:
        answer.came.cancel()
        transport.abort()
        await answer.gone.wait()


async def _over_tcp(server: str, port: int, query: Message) -> Asked:
    reader, writer = await asyncio.open_connection(server, port)
    try:
        wire = query.to_wire()
        writer.write(struct.pack("!H", len(wire)) + wire)
        length = struct.unpack("!H", await reader.readexactly(2))[0]
        data = await reader.readexactly(length)
    except asyncio.IncompleteReadError as cut:
        raise Refused("closed", "the connection was closed before the whole answer") from cut
    finally:
        writer.transport.abort()
    message = await asyncio.to_thread(_read, query, data)  # a big one takes its time
    if message is None:
        raise Refused("bad-peer", "what came is no answer to the question")
    return Asked(message, length, by_tcp=True)


class _Answer(asyncio.DatagramProtocol):
    """Waits for the answer; a connected socket hears nobody else, and what else comes over it is let pass."""

    def __init__(self, query: Message) -> None:
        self.came: asyncio.Future[tuple[Message, int]] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        self._query = query

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - the socket is connected
        if not self.came.done() and data[:2] == struct.pack("!H", self._query.id):
            message = _read(self._query, data)
            if message is not None:
                self.came.set_result((message, len(data)))

    def error_received(self, exc: Exception) -> None:
        if not self.came.done():
            self.came.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        if not self.came.done():
            self.came.set_exception(exc or ConnectionResetError("the socket was closed"))
