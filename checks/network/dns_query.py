"""One question to a name server, over UDP and, where the answer is cut short, over TCP (RFC 1035,
7766, 6891).

    > 1b3e RD, EDNS 1232   portal.example.net IN A        UDP, over a connected socket,
                                                          repeated after 1 s, 2 s
    < 1b3e QR FORMERR                                     asked again without EDNS
    < 1b3e QR RD RA        portal.example.net 300 IN A 192.0.2.10
    < 1b3e QR TC           (cut short)                    asked again over TCP

Rules: only an answer to this very question counts, whatever else comes in; an answer is 65535 bytes
at the most; a server that may not know EDNS is asked once more without it (RFC 6891 sections 6.2.2
and 7), and every other repetition leaves it out, since old firewalls drop what they do not know.
Here is no more than a question and the head of an answer; what its records say is for
dns_reader.py, where the library is.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from checks.contract import Failed
from checks.transport.connect import opened, resolve
from checks.transport.datagram import Awaited, awaiting
from checks.transport.faults import far_faults
from checks.transport.host_port import ascii_name

TYPES = {
    "A": 1,
    "NS": 2,
    "CNAME": 5,
    "SOA": 6,
    "PTR": 12,
    "MX": 15,
    "TXT": 16,
    "AAAA": 28,
    "SRV": 33,
    "NAPTR": 35,
}
TYPES |= {"HTTPS": 65, "CAA": 257}
"""types of records by their names (RFC 1035, 2782, 3403, 3596, 8659, 9460)"""
# Repeated soon, since a datagram is lost more often than a server is slow. The C library waits 5 s
# at first (resolv.conf(5)), which would use up this check's whole time limit.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 4.0
# The size that the DNS Flag Day 2020 agreed on: 1280 bytes, the least MTU of IPv6 (RFC 8200 section
# 5), less the headers of IPv6 and UDP. It passes everywhere without being fragmented.
_PAYLOAD_BYTES = 1232
# The header (RFC 1035 section 4.1.1), and what follows the name of a resource record: type, class,
# TTL, length of the data (section 4.1.3).
_HEADER, _RECORD = struct.Struct("!HHHHHH"), struct.Struct("!HHIH")
# Two bits set in the place of a length: a pointer to a name that came before (RFC 1035 section
# 4.1.4). It ends the name.
_POINTER = 0xC0
# The flags of RFC 1035 section 4.1.1: QR, OPCODE, TC, RD, RCODE.
_RESPONSE, _OPCODE, _TRUNCATED, _RECURSE, _RCODE = 0x8000, 0x7800, 0x0200, 0x0100, 0x000F
# FORMERR, SERVFAIL, NOTIMP and REFUSED: what servers without EDNS say to it (RFC 6891 section 7);
# unbound and BIND ask again without it after each of them.
_DOUBTFUL = (1, 2, 4, 5)
# Class IN (RFC 1035 section 3.2.4); the pseudo record of EDNS (RFC 6891 section 6.1.1).
_INTERNET, _OPT = 1, 41


@dataclass(slots=True)
class Asked:
    """An answer as it came, and how it was come by. `rcode` is that of its head (RFC 1035 section
    4.1.1).
    """

    data: bytes
    repetitions: int = 0
    by_tcp: bool = False
    plainly: bool = False
    """whether EDNS had to be left out"""

    @property
    def rcode(self) -> int:
        """0 no error, 2 server failure, 3 no such name, 5 refused."""
        return int(_HEADER.unpack_from(self.data)[1]) & _RCODE

    def doubts_edns(self) -> bool:
        """Whether EDNS may be all that the server minds: it says so (BADVERS), or one of the things
        that old servers say of it.
        """
        counts = _HEADER.unpack_from(self.data)[3:]
        # BADVERS is 16 (RFC 6891 section 9): its upper bits stand in the OPT record, those here are
        # 0, and nothing is answered.
        nothing = self.rcode == 0 and not counts[0] and not counts[1] and counts[2] == 1
        return self.rcode in _DOUBTFUL or nothing

    @property
    def truncated(self) -> bool:
        """Whether it was cut short."""
        return bool(_HEADER.unpack_from(self.data)[1] & _TRUNCATED)


@dataclass(frozen=True, slots=True)
class Query:
    """A question: its random identity, and its one entry as it stands on the wire."""

    id: int
    entry: bytes
    edns: bool = True

    def to_wire(self) -> bytes:
        """The question as bytes, with recursion desired and an EDNS record (RFC 6891) that says how
        much may come at once.
        """
        edns = b"\0" + struct.pack("!HHIH", _OPT, _PAYLOAD_BYTES, 0, 0) if self.edns else b""
        return _HEADER.pack(self.id, _RECURSE, 1, 0, 0, int(self.edns)) + self.entry + edns

    def without_edns(self) -> Query:
        """The same question, as servers knew it before RFC 6891."""
        return replace(self, edns=False)

    def answered_by(self, data: bytes) -> bool:
        """Whether this is a response to this very question; names have no case."""
        if len(data) < _HEADER.size:
            return False
        identity, flags, questions, *records = _HEADER.unpack_from(data)
        # Only our question's identity, and only a response of the opcode QUERY: RFC 5452 section
        # 9.1 lists what a resolver must match against forged answers. The address is matched by the
        # connected socket.
        if identity != self.id or not flags & _RESPONSE or flags & _OPCODE:
            return False
        # A server that cannot read the question (FORMERR) or refuses it may leave the question out;
        # without an error code such an answer proves nothing.
        if questions == 0:
            return bool(flags & _RCODE)
        begin = _HEADER.size + len(self.entry)
        ours = questions == 1 and data[_HEADER.size : begin].lower() == self.entry.lower()
        # A truncated answer may end in the middle of a record: it is asked for again over TCP.
        return ours and (bool(flags & _TRUNCATED) or _whole(data, begin, sum(records)))


def _whole(data: bytes, at: int, records: int) -> bool:
    """Whether so many records are there, to their ends (RFC 1035 section 4.1.3)."""
    try:
        for _ in range(records):
            while (length := data[at]) and length < _POINTER:
                at += 1 + length
            # A pointer has two bytes, the root label one.
            at += _RECORD.size + (2 if length else 1)
            at += _RECORD.unpack_from(data, at - _RECORD.size)[3]
    except (IndexError, struct.error):
        return False
    return at <= len(data)


async def ask(
    server: str,
    port: int,
    name: str,
    record: str,
    cut_short: Callable[[], Any] = lambda: None,
    repeat: bool = True,
) -> Asked:
    """The answer, for ever awaited. Raises Failed.

    `cut_short` is called before it is asked for again over TCP; `repeat`: whether a question may
    have been lost.
    """
    query = Query(
        secrets.randbelow(1 << 16), _labels(name) + struct.pack("!HH", TYPES[record], _INTERNET)
    )
    with far_faults():
        asked = await _answered(server, port, query, cut_short, repeat)
        if not asked.plainly and asked.doubts_edns():
            plain = await _answered(server, port, query.without_edns(), cut_short, repeat)
            plain.repetitions += asked.repetitions
            return plain
    return asked


async def _answered(
    server: str, port: int, query: Query, cut_short: Callable[[], Any], repeat: bool
) -> Asked:
    asked = await _over_udp(server, port, query, repeat)
    if not asked.truncated:
        return asked
    cut_short()
    whole = await _over_tcp(server, port, query.without_edns() if asked.plainly else query)
    whole.repetitions, whole.plainly = asked.repetitions, asked.plainly
    return whole


def _labels(name: str) -> bytes:
    """A name as labels, each with its length (RFC 1035 section 3.1). Raises Failed."""
    try:
        plain = name.removesuffix(".")
        told = (plain if plain.isascii() else ascii_name(plain)).encode("ascii")
        labels = told.split(b".") if told else []
        # RFC 1035 section 2.3.4; 253 is what is left of 255 octets without the first length and the
        # root label.
        if any(not 0 < len(label) < 64 for label in labels) or len(told) > 253:
            raise ValueError("a label has 1 to 63 bytes, a name no more than 253")
    except ValueError as problem:
        raise Failed(
            "dns", f"{name[:80]!r} cannot be asked for: {problem}", origin="local"
        ) from problem
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


async def _over_udp(server: str, port: int, query: Query, repeat: bool) -> Asked:
    answer = _Answer(query)
    # The first address only: to try the others would measure another server than the one that is
    # named.
    address = (await resolve(server, port, socket.SOCK_DGRAM))[0][1]
    async with awaiting(answer, *address[:2]) as transport:
        pause, repetitions = _FIRST_PAUSE_SECONDS, 0
        while True:
            # The first repetition leaves EDNS out, the next has it again: what was lost on the way
            # and what was dropped for its option look the same.
            asked = query.without_edns() if repetitions % 2 else query
            transport.sendto(asked.to_wire())
            # wait() leaves the future alone when its time is over; wait_for() would cancel it, and
            # a late answer to the first datagram is still the answer.
            done, _ = await asyncio.wait({answer.came}, timeout=pause if repeat else None)
            if done:
                return Asked(answer.came.result(), repetitions, plainly=not asked.edns)
            repetitions += 1
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _over_tcp(server: str, port: int, query: Query) -> Asked:
    reader, writer = await asyncio.open_connection(sock=await opened(server, port))
    try:
        wire = query.to_wire()
        # Over TCP two octets of length come first (RFC 1035 section 4.2.2), in one write: some
        # servers cannot take them apart (RFC 7766 section 8).
        writer.write(struct.pack("!H", len(wire)) + wire)
        length = struct.unpack("!H", await reader.readexactly(2))[0]
        data = await reader.readexactly(length)
    except asyncio.IncompleteReadError as cut:
        raise Failed("closed", "the connection was closed before the whole answer") from cut
    finally:
        writer.transport.abort()
    if not query.answered_by(data):
        raise Failed("bad-peer", "what came is no answer to the question")
    return Asked(data, by_tcp=True)


class _Answer(Awaited[bytes]):
    """The answer to the question; what else comes is let pass."""

    def __init__(self, query: Query) -> None:
        super().__init__()
        self._query = query

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - it is connected
        if not self.came.done() and self._query.answered_by(data):
            self.came.set_result(data)
