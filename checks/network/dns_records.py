"""Which servers the records of an answer name: SRV (RFC 2782) and NAPTR (RFC 3403), read out of a
few bytes where a process for the library (dns_reader.py) would take longer than the question.

Rules: only records of the question's own name count, or of what its aliases lead to; a name ends
within its 255 bytes (RFC 1035 section 2.3.4), and a pointer leads back only, so that every reading
ends.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from checks.network.dns_query import TYPES

# RFC 1035 section 4.1.1, and what follows the owner of a record (section 4.1.3).
_HEADER, _RECORD, _SRV = struct.Struct("!HHHHHH"), struct.Struct("!HHIH"), struct.Struct("!HHH")
_INTERNET, _CNAME = 1, TYPES["CNAME"]
_LONGEST_NAME, _POINTER = 255, 0xC0
# A chain of aliases is short (RFC 1034 section 3.6.2), an answer that fits its 65535 bytes long.
_MOST_ALIASES, _MOST_RECORDS = 8, 256
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Srv:
    """A server: its place in the order, its port, and its name ("" for a root, which is none)."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Naptr:
    """A way on: its place in the order, and the name to ask for next."""

    order: int
    preference: int
    flags: str
    service: str
    pattern: str
    replacement: str


def srv_in(data: bytes) -> list[Srv]:
    """The servers that an answer names. Raises ValueError for what is no answer."""

    def read(at: int) -> Srv:
        priority, weight, port = _SRV.unpack_from(data, at)
        return Srv(priority, weight, port, _name(data, at + _SRV.size)[0])

    return list(_of_type(data, TYPES["SRV"], read))


def naptr_in(data: bytes) -> list[Naptr]:
    """The ways on that an answer names. Raises ValueError for what is no answer."""

    def read(at: int) -> Naptr:
        order, preference = struct.unpack_from("!HH", data, at)
        at, texts = at + 4, list[str]()
        for _ in range(3):
            texts.append(data[at + 1 : at + 1 + data[at]].decode("latin-1"))
            at += 1 + data[at]
        flags, service, pattern = texts
        return Naptr(order, preference, flags, service, pattern, _name(data, at)[0])

    return list(_of_type(data, TYPES["NAPTR"], read))


def _of_type(data: bytes, kind: int, read: Callable[[int], T]) -> Iterator[T]:
    try:
        asked, found = _answers(data)
        owners, aliases = {asked}, {owner: at for owner, one, at in found if one == _CNAME}
        for _ in range(_MOST_ALIASES):
            owners |= {_name(data, aliases[owner])[0] for owner in owners & set(aliases)}
        yield from (read(at) for owner, one, at in found if one == kind and owner in owners)
    except (IndexError, struct.error):
        raise ValueError("an answer that ends within a record") from None


def _answers(data: bytes) -> tuple[str, list[tuple[str, int, int]]]:
    """The name that was asked for, and of each record of an answer its owner, its type and where
    its data begins.
    """
    _, _, questions, answers, _, _ = _HEADER.unpack_from(data)
    if questions != 1:
        raise ValueError("an answer to nothing")
    asked, at = _name(data, _HEADER.size)
    at += 4
    found = []
    for _ in range(min(answers, _MOST_RECORDS)):
        owner, at = _name(data, at)
        kind, network, _, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if network == _INTERNET:
            found.append((owner, kind, at))
        at += length
    return asked, found


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name in small letters, and what comes after it. Raises ValueError, IndexError."""
    labels, size, after, before = list[str](), 0, 0, at
    while length := data[at]:
        if length >= _POINTER:
            after = after or at + 2
            at = (length & 0x3F) << 8 | data[at + 1]
            # RFC 1035 section 4.1.4: it leads to a prior occurrence.
            if at >= before:
                raise ValueError("a name that leads forward")
            before = at
            continue
        size += 1 + length
        if length >= 64 or size >= _LONGEST_NAME:
            raise ValueError("a name that is too long")
        labels.append(data[at + 1 : at + 1 + length].decode("latin-1").lower())
        at += 1 + length
    return ".".join(labels), after or at + 1
