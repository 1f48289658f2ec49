"""Records as numbers that any database gives alike: how many there are, and a hash that no order of
them changes.

A value is written as text in one way, whatever driver brought it: a time in ISO 8601 with its
zone's offset taken off (UTC), a number without trailing zeros, bytes in hex, and nothing (NULL)
unlike any text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

# A sum modulo 2^128 does not depend on the order; XOR would let two equal records cancel each
# other.
_WIDTH = 1 << 128


@dataclass(frozen=True, slots=True)
class Digest:
    """`hash` is the sum of the records' hashes, modulo 2^128, in hex."""

    records: int
    hash: str


def digest(rows: Iterable[Sequence[Any]]) -> Digest:
    """How many records these are, and their hash, in one pass."""
    count, total = 0, 0
    for row in rows:
        count, total = count + 1, (total + number(row)) % _WIDTH
    return Digest(count, f"{total:032x}")


def number(row: Sequence[Any]) -> int:
    """A record's own hash: the first 128 bits of SHA-256 over its values, each with its length."""
    hashed = hashlib.sha256()
    for value in row:
        written = _written(value)
        # The length before each value: without it ("ab", "c") and ("a", "bc") would be one record.
        hashed.update(b"-" if written is None else f"{len(written)}:".encode() + written)
    return int.from_bytes(hashed.digest()[:16], "big")


def _written(value: Any) -> bytes | None:
    match value:
        case None:
            return None
        # Before the numbers: MariaDB has no boolean and gives 1 and 0, PostgreSQL gives True and
        # False.
        case bool():
            return b"1" if value else b"0"
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex().encode()
        case datetime():
            plain = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            return plain.isoformat(sep=" ").encode()
        case date():
            return value.isoformat().encode()
        case timedelta():
            return _decimal(Decimal(str(value.total_seconds())))
        # `repr` is the shortest text that gives the same number again, in every Python.
        case float():
            return _decimal(Decimal(repr(value)))
        case Decimal():
            return _decimal(value)
        case _:
            return str(value).encode("utf-8", "surrogatepass")


def _decimal(value: Decimal) -> bytes:
    if not value.is_finite():
        # Infinity and NaN have no digits to normalise.
        return str(value).encode()
    return (f"{value.normalize():f}" if value else "0").encode()
