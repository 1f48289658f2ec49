"""Datagrams that went wrong on the way: SIP, SDP, RTP and RTCP with a few bytes, lines or lengths
changed, by lot.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable

Lot = random.Random
NASTY = (
    b"\x00", b"\xff" * 40, b"\r\n", b"\r\n\r\n", b"%s%n%x", b"A" * 900, b"\xc3\x28", b"<<<>>>",
    b"\"", b";;;;", b",,,", b"-1", b"0", b"4294967296", b"99999999999999999999", b"sip:", b"@",
    b"[::", b"SIP/2.0", b" ", b"\t", b"=", b"m=audio",
)  # fmt: skip


def _flip(data: bytes, lot: Lot) -> bytes:
    at = lot.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << lot.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, lot: Lot) -> bytes:
    at = lot.randrange(len(data))
    return data[:at] + data[at + lot.randrange(1, 60) :]


def _end(data: bytes, lot: Lot) -> bytes:
    return data[: lot.randrange(1, len(data) + 1)]


def _insert(data: bytes, lot: Lot) -> bytes:
    at = lot.randrange(len(data))
    return data[:at] + lot.choice(NASTY) + data[at:]


def _number(data: bytes, lot: Lot) -> bytes:
    numbers = list(re.finditer(rb"\d+", data))
    if not numbers:
        return _flip(data, lot)
    one = lot.choice(numbers)
    return data[: one.start()] + lot.choice(NASTY[11:16]) + data[one.end() :]


def _line(data: bytes, lot: Lot) -> bytes:
    lines = data.split(b"\r\n")
    at, to = lot.randrange(len(lines)), lot.randrange(len(lines))
    change = lot.randrange(3)
    if change == 0:
        del lines[at]
    elif change == 1:
        lines.insert(to, lines[at])
    else:
        lines[at], lines[to] = lines[to], lines[at]
    return b"\r\n".join(lines)


_WAYS: tuple[Callable[[bytes, Lot], bytes], ...] = (_flip, _cut, _end, _insert, _number, _line)


def mutated(data: bytes, lot: Lot) -> bytes:
    """One to four things of it changed; never empty."""
    for _ in range(lot.choice((1, 1, 1, 2, 2, 4))):
        data = lot.choice(_WAYS)(data or b"x", lot)
    return data or b"x"


def rtp(lot: Lot, payload_type: int = 8, size: int = 160) -> bytes:
    """An RTP packet of nobody (RFC 3550 section 5.1), with anything in its fields."""
    header = struct.pack(
        "!BBHII", 0x80, payload_type, lot.randrange(65536), lot.getrandbits(32), lot.getrandbits(32)
    )
    return header + lot.randbytes(size)


def event(lot: Lot) -> bytes:
    """A telephone event (RFC 4733)."""
    return rtp(lot, 101, 0) + struct.pack(
        "!BBH", lot.randrange(256), lot.randrange(256), lot.randrange(65536)
    )


def rtcp(lot: Lot) -> bytes:
    """A compound of SR, RR, SDES, XR and BYE (RFC 3550 section 6, RFC 3611), its figures absurd."""
    number = lot.getrandbits
    block = struct.pack(
        "!IIIIII", number(32), number(32), number(32), number(32), number(32), number(32)
    )
    sender = struct.pack("!BBHIIIIII", 0x81, 200, 12, *(number(32) for _ in range(6))) + block
    receiver = struct.pack("!BBHI", 0x81, 201, 7, number(32)) + block
    name = b"nobody@192.0.2.1"
    sdes = struct.pack("!BBHIBB", 0x81, 202, 6, number(32), 1, len(name)) + name + b"\x00\x00"
    extended = struct.pack(
        "!BBHIBBHIII", 0x80, 207, 5, number(32), 4, 0, 2, number(32), number(32), number(32)
    )
    bye = struct.pack("!BBHI", 0x81, 203, 1, number(32))
    return b"".join(lot.sample((sender, receiver, sdes, extended, bye), lot.randrange(1, 6)))
