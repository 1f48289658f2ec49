"""One question of the Simple Network Time Protocol (RFC 5905, section 14), over UDP.

    > 23 00 00 00 …  transmit: 64 random bits            version 4, mode 3 (client)
    < 24 02 06 e9 …  origin: the same 64 bits, receive T2, transmit T3

    offset = ((T2 - T1) + (T3 - T4)) / 2
    delay  = (T4 - T1) - (T3 - T2)                       T1, T4: this host's own clock

Rules: an answer that does not repeat our random bits is nobody's answer. A server that is not
synchronised itself (leap indicator 3, stratum 0 with a kiss code, 16 and more) tells no time. The
host's clock is what is looked at: it is read here, and nothing is dated by it.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from dataclasses import dataclass
from typing import Any

from checks.contract import Failed
from checks.transport.datagram import Awaited, awaiting
from checks.transport.faults import far_faults

# RFC 5905 section 7.3: the 48 bytes without extension fields.
_PACKET = struct.Struct("!BBbb11I")
# Seconds from 1900 to 1970 (RFC 868 names this very number).
_SINCE_1900 = 2_208_988_800
_ERA_SECONDS = 1 << 32
_FRACTION = float(1 << 32)
_SHORT = float(1 << 16)
_LEAP_UNKNOWN = 3
# MAXDIST of RFC 5905 is 1 s; a little more, for servers on lines that are slow but right.
_MOST_DISTANCE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Told:
    """A server's answer: how far this host's clock is behind (positive) or ahead, in seconds."""

    offset: float
    delay: float
    stratum: int
    distance: float
    """root distance: how far off the server itself may be, in seconds"""


async def ask(host: str, port: int, within: float) -> Told:
    """Ask once. Raises Failed: timeout, not-synchronised, kiss-of-death, transport/faults.py."""
    nonce = secrets.token_bytes(8)
    try:
        answer = _Answer(nonce)
        with far_faults():
            async with asyncio.timeout(within), awaiting(answer, host, port) as transport:
                answer.sent()
                # Leap 0, version 4, mode 3. The transmit time is random and not the time of this
                # host: nothing is given away, and no answer can be forged without seeing the
                # question.
                transport.sendto(bytes([0x23]) + bytes(39) + nonce)
                data, first, last = await answer.came
    except TimeoutError:
        raise Failed("timeout", f"no answer within {within:g} s") from None
    return read(data, first, last)


def read(data: bytes, first: float, last: float) -> Told:
    """An answer that was asked for at `first` and came at `last` (the host's clock). Raises
    Failed.
    """
    head, stratum, _, _, root_delay, dispersion, identity, *stamps = _PACKET.unpack(data[:48])
    # RFC 5905 section 7.4: the reference identifier is a kiss code then, such as RATE or DENY.
    if stratum == 0:
        kiss = identity.to_bytes(4, "big").decode("ascii", "replace").strip("\0 ")
        raise Failed("kiss-of-death", "".join(sign for sign in kiss if sign.isprintable()))
    if head >> 6 == _LEAP_UNKNOWN or stratum > 15:
        raise Failed("not-synchronised", "the server itself is not synchronised")
    distance = root_delay / _SHORT / 2 + dispersion / _SHORT
    if distance > _MOST_DISTANCE_SECONDS:
        raise Failed("not-synchronised", f"the server may be {distance:.1f} s off itself")
    # RFC 5905 section 8: a transmit timestamp of zero is of no packet that tells a time, and the
    # other one stands for "unknown".
    if not any(stamps[4:6]) or not any(stamps[6:8]):
        raise Failed("not-synchronised", "the server's answer names no time")
    received, sent = (_seconds(*stamps[place : place + 2]) for place in (4, 6))
    return Told(
        ((received - first) + (sent - last)) / 2,
        max(0.0, (last - first) - (sent - received)),
        stratum,
        distance,
    )


def _seconds(whole: int, fraction: int) -> float:
    """Seconds since 1970; the era that began in 2036 is known by its small numbers."""
    era = 0 if whole >= _ERA_SECONDS // 2 else _ERA_SECONDS
    return whole + era - _SINCE_1900 + fraction / _FRACTION


class _Answer(Awaited[tuple[bytes, float, float]]):
    """The server's packet, when it was asked for and when it came, by this host's clock."""

    def __init__(self, nonce: bytes) -> None:
        super().__init__()
        self._nonce = nonce
        self._first = self._began = 0.0

    def sent(self) -> None:
        """Note when the question goes out: now."""
        self._first, self._began = time.clock_gettime(time.CLOCK_REALTIME), time.monotonic()

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - it is connected
        # A step of the clock between question and answer would be measured as delay: only the first
        # time is read from it.
        last = self._first + (time.monotonic() - self._began)
        # Bytes 24 to 31 are the origin timestamp; mode 4 is a server, 5 one that broadcasts.
        mine = len(data) >= 48 and data[24:32] == self._nonce and data[0] & 7 in (4, 5)
        if mine and not self.came.done():
            self.came.set_result((data, self._first, last))
