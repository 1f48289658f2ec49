"""An SNMP v2c agent of a gateway with two E1 spans, odd in one way (RFC 3416, RFC 4805); messages
written by hand.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

INTEGER, TEXT, NULL, IDENTIFIER, SEQUENCE = 2, 4, 5, 6, 0x30
COUNTER, GAUGE, TICKS = 0x41, 0x42, 0x43
NO_OBJECT, NO_INSTANCE, END_OF_VIEW = 0x80, 0x81, 0x82
GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
TOO_BIG, NO_SUCH_NAME, GENERAL, AUTHORIZATION = 1, 2, 5, 16
UPTIME = "1.3.6.1.2.1.1.3.0"
SPANS, INTERVALS, ISDN = "1.3.6.1.2.1.10.18.6.1", "1.3.6.1.2.1.10.18.7", "1.3.6.1.2.1.10.20.1.3.4.1"


def tlv(kind: int, value: bytes) -> bytes:
    """Type, length, value (X.690)."""
    length = len(value)
    return (
        bytes([kind])
        + (bytes([length]) if length < 128 else bytes([0x82, length >> 8, length & 255]))
        + value
    )


def number(value: int, kind: int = INTEGER) -> bytes:
    """As short as two's complement allows."""
    size = max(1, ((value if value >= 0 else -value - 1).bit_length() + 8) // 8)
    return tlv(kind, value.to_bytes(size, "big", signed=True))


def identifier(dotted: str) -> bytes:
    """An object's name."""
    first, second, *others = map(int, dotted.split("."))
    out = bytes([first * 40 + second])
    for part in others:
        septets = [part & 127]
        while part := part >> 7:
            septets.insert(0, 128 | (part & 127))
        out += bytes(septets)
    return tlv(IDENTIFIER, out)


def parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """What stands one after the other."""
    at = 0
    while at < len(data):
        kind, length, at = data[at], data[at + 1], at + 2
        if length & 128:
            size = length & 127
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        yield kind, data[at : at + length]
        at += length


def dotted(name: bytes) -> str:
    """The other way round."""
    out, value = [name[0] // 40, name[0] % 40], 0
    for byte in name[1:]:
        value = value << 7 | (byte & 127)
        if not byte & 128:
            out.append(value)
            value = 0
    return ".".join(map(str, out))


def order(name: str) -> tuple[int, ...]:
    """Objects stand in the order of their numbers."""
    return tuple(map(int, name.split(".")))


TREE = {UPTIME: number(8640000, TICKS)}
for span in ("1", "2"):
    TREE |= {f"{SPANS}.10.{span}": number(1), f"{SPANS}.16.{span}": number(100, TICKS)}
    TREE |= {
        f"{SPANS}.3.{span}": number(10),
        f"{ISDN}.2.{span}": number(3),
        f"{ISDN}.3.{span}": number(1, COUNTER),
    }
    TREE |= {f"{INTERVALS}.1.{column}.{span}": number(0, GAUGE) for column in (2, 3, 5)}
IN_ORDER = sorted(TREE, key=order)
Bindings = list[tuple[str, bytes]]


def after(name: str) -> str | None:
    """The next object."""
    return next((other for other in IN_ORDER if order(other) > order(name)), None)


class Agent(asyncio.DatagramProtocol):
    """Answers so, as `how` says; `most` is how many names it takes in one question."""

    def __init__(self, how: str, most: int, odd: Mapping[str, bytes]) -> None:
        self._how, self._most, self._odd = how, most, odd
        self._elsewhere = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if how == "other-port" else None
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, _reason: Exception | None) -> None:
        if self._elsewhere:
            self._elsewhere.close()

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        said = self._answer(data)
        if said is not None:
            (self._elsewhere or self._transport).sendto(said, source)

    def _answer(self, data: bytes) -> bytes | None:
        [(_, message)] = parts(data)
        (_, version), (_, community), (kind, unit) = parts(message)
        (_, request), _, (_, repetitions), (_, bindings) = parts(unit)
        names = [dotted(next(parts(binding))[1]) for _, binding in parts(bindings)]
        if self._how == "v1-only" and version != b"\0":
            return None
        found = self._found(kind, names, int.from_bytes(repetitions, "big"))
        if found is None:
            return None
        status, index, values = found
        body = b"".join(tlv(SEQUENCE, identifier(name) + value) for name, value in values)
        inner = tlv(INTEGER, request) + number(status) + number(index) + tlv(SEQUENCE, body)
        return tlv(SEQUENCE, tlv(INTEGER, version) + tlv(TEXT, community) + tlv(RESPONSE, inner))

    def _found(
        self, kind: int, names: list[str], repetitions: int
    ) -> tuple[int, int, Bindings] | None:
        if len(names) > self._most:
            return (TOO_BIG, 0, []) if self._how == "too-big" else None
        if kind == GET_BULK:
            return self._bulk(names, repetitions)
        if kind == GET_NEXT:
            following = [(name, after(name)) for name in names]
            # RFC 1157, 4.1.3: v1 has no end of a view, and refuses the whole question.
            if self._how == "v1-only" and not all(o for _, o in following):
                return NO_SUCH_NAME, 1, [(name, tlv(NULL, b"")) for name in names]
            return (
                0,
                0,
                [
                    (o, self._value(o)) if o else (name, tlv(END_OF_VIEW, b""))
                    for name, o in following
                ],
            )
        return self._get(names)

    def _bulk(self, names: list[str], repetitions: int) -> tuple[int, int, Bindings] | None:
        if self._how == "bulk-dropped":
            return None
        if self._how == "bulk-fails":
            return GENERAL, 1, [(name, tlv(NULL, b"")) for name in names]
        out: Bindings = []
        for name in names:
            at = name
            for _ in range(1 if self._how == "bulk-of-one" else repetitions):
                following = after(at)
                if following is None:
                    out.append((at, tlv(END_OF_VIEW, b"")))
                    break
                out.append((following, self._value(following)))
                at = name if self._how == "not-increasing" else following
        return 0, 0, out

    def _get(self, names: list[str]) -> tuple[int, int, Bindings]:
        if self._how == "authorization" and any(name.startswith(INTERVALS) for name in names):
            return AUTHORIZATION, 1, [(name, tlv(NULL, b"")) for name in names]
        missing = [n for n, name in enumerate(names, 1) if name not in TREE]
        if missing and self._how in ("no-such-name", "v1-only"):
            return NO_SUCH_NAME, missing[0], [(name, tlv(NULL, b"")) for name in names]
        return 0, 0, [(name, self._value(name)) for name in names]

    def _value(self, name: str) -> bytes:
        if name in self._odd:
            return self._odd[name]
        if self._how == "no-uptime" and name == UPTIME:
            return tlv(NO_OBJECT, b"")
        if self._how == "negative-ticks" and name == UPTIME:
            return number(-5, TICKS)
        return TREE.get(name, tlv(NO_INSTANCE, b""))


@asynccontextmanager
async def snmp_agent(
    how: str = "", most: int = 1000, odd: Mapping[str, bytes] | None = None
) -> AsyncIterator[int]:
    """On a free port; `odd` are values that it tells instead of the usual ones."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Agent(how, most, odd or {}), local_addr=("127.0.0.1", 0)
    )
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
        await asyncio.sleep(0)
