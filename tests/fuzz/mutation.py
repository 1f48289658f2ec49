"""Bytes made out of other bytes: bits, numbers, lengths, words, splices, nests and repetitions.

Ours and small, so that it runs on every Python that the house runs on and asks for nothing.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from tests.fuzz.target import LONGEST_BYTES

# What parsers stumble over: the edges of words, digits that are none, numbers beyond a float.
_NUMBERS = (
    b"0", b"-1", b"+1", b"1", b"00", b"255", b"256", b"65535", b"65536", b"2147483648",
    b"4294967296", b"18446744073709551616", b"9" * 20, b"9" * 400, b"9" * 5000, b"1e999", b"0x10",
    b"1_0", b"NaN", b"Infinity", b"-0", b"1.5", b"\xd9\xa3", b"\xc2\xb2", b"\xc2\xbd",
)  # fmt: skip
_SIGNS = (
    b"\0", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\t", b" ", b":", b";", b",", b"=", b"\"", b"'",
    b"<", b">", b"(", b")", b"[", b"]", b"{", b"}", b"|", b"&", b"%", b"%00", b"%zz", b"@", b"/",
    b"//", b"..", b"\\", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc4\xb0", b"\xe2\x80\xa8",
    b"\xe2\x80\xae", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"\x85", b"\x1f\x8b", b"\x7f",
)  # fmt: skip
_NUMBER = re.compile(rb"\d{1,20}")
_MOST_STEPS = 5

Step = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutated(
    chance: random.Random, data: bytes, pool: Sequence[bytes], words: Sequence[bytes]
) -> bytes:
    """Another input, of LONGEST_BYTES at most."""
    made = bytearray(data)
    for _ in range(chance.randint(1, _MOST_STEPS)):
        step = chance.choice(_STEPS)
        step(chance, made, words if step is _word else pool)
        del made[LONGEST_BYTES:]
    # One in two hundred is long: growth shows there, and reading it takes its time.
    if chance.random() < 0.005:
        _repeat(chance, made, pool, LONGEST_BYTES)
    return bytes(made[:LONGEST_BYTES])


def _place(chance: random.Random, made: bytearray) -> int:
    return chance.randint(0, len(made))


def _span(chance: random.Random, made: bytearray) -> tuple[int, int]:
    begin = _place(chance, made)
    return begin, min(len(made), begin + chance.choice((1, 2, 4, 8, 30, 120, 500)))


def _flip(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    if made:
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)


def _byte(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    if made:
        made[chance.randrange(len(made))] = chance.choice((0, 1, 127, 128, 192, 255, 32, 10))


def _cut(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    begin, end = _span(chance, made)
    del made[begin:end]


def _end(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    del made[_place(chance, made) :]


def _sign(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    at = _place(chance, made)
    made[at:at] = chance.choice(_SIGNS)


def _word(chance: random.Random, made: bytearray, words: Sequence[bytes]) -> None:
    begin, end = _span(chance, made)
    made[begin : chance.choice((begin, end))] = chance.choice(words or _SIGNS)


def _number(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    if found := list(_NUMBER.finditer(bytes(made[:4096]))):
        one = chance.choice(found)
        made[one.start() : one.end()] = chance.choice(_NUMBERS)


def _length(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    """A length of one, two or four bytes in either order."""
    size, at = chance.choice((1, 2, 4)), _place(chance, made)
    value = chance.choice((0, 1, 2, 127, 128, len(made), len(made) + 1, -1, -2))
    order = "big" if chance.random() < 0.5 else "little"
    made[at : at + size] = (value % 256**size).to_bytes(size, "big" if order == "big" else "little")


def _splice(chance: random.Random, made: bytearray, pool: Sequence[bytes]) -> None:
    other = bytearray(chance.choice(pool))
    begin, end = _span(chance, other)
    here, there = _span(chance, made)
    made[here : chance.choice((here, there))] = other[begin : chance.choice((end, len(other)))]


def _double(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    begin, end = _span(chance, made)
    made[end:end] = made[begin:end] * chance.choice((1, 1, 2, 9, 60))


def _lines(chance: random.Random, made: bytearray, _: Sequence[bytes]) -> None:
    lines = bytes(made).splitlines(keepends=True)
    if len(lines) > 1:
        one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
        made[:] = b"".join(lines)


def _repeat(chance: random.Random, made: bytearray, _: Sequence[bytes], most: int = 16_384) -> None:
    """A piece, or a bracket that is never closed, as often as there is room."""
    begin, end = _span(chance, made)
    piece = bytes(made[begin:end]) if chance.random() < 0.7 else chance.choice(_SIGNS)
    if piece:
        made[end:end] = piece * (chance.choice((most // 16, most)) // len(piece))


_STEPS: tuple[Step, ...] = (
    _flip, _flip, _byte, _cut, _end, _sign, _sign, _word, _word, _word, _number, _number, _length,
    _splice, _splice, _double, _lines, _repeat,
)  # fmt: skip
