"""What is coded as a whole, decoded: base64 (RFC 4648), hex in any order of separators, lists of
numbers (a buffer as JSON). What is within may be UTF-16, JSON or base64 once more.

    for run in decoded(b"… Basic bW9uaXRvcjpodW50ZXIy …"): run.content holds b"monitor:hunter2"

A run without a capital is a word, and no base64 of what matters: 1 secret of 12 signs in 500 would
be one, and what it is in UTF-8 is looked for as it is besides (secret_forms.py).

Rules: linear, at the speed of C: all runs of a text are decoded at once, each filled up to a whole
group, and which run a place came from is looked up only where something was found.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

# A secret of six signs in UTF-8 is eight of base64, and is looked for as it is.
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}(?:(?:\\r\\n|\\n|\r?\n)[ \t]{0,8}[A-Za-z0-9+/_-]+)*")
_HEX = re.compile(rb"[0-9A-Fa-f]{12,}")
_PAIRS = re.compile(
    rb"(?:0[xX])?(?:[0-9A-Fa-f]{2}){1,2}(?:[ ,:;-]{1,2}(?:0[xX])?(?:[0-9A-Fa-f]{2}){1,2}\b){3,}"
)
_NUMBERS = re.compile(rb"[0-9]{1,3}(?:[ ,;]{1,2}[0-9]{1,3}\b){5,}")
_NUMBER = re.compile(rb"[0-9]+")
_NO_BASE64 = b"\r\n \t\\"
_FOR_URLS = bytes.maketrans(b"-_", b"+/")
_NO_HEX = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))


@dataclass(frozen=True, slots=True)
class Decoded:
    """All runs of one code, at one offset: `back` says from which run a place came."""

    content: bytes
    back: Callable[[int, int], tuple[int, int]]


def decoded(content: bytes) -> Iterator[Decoded]:
    """What is coded in it."""
    runs = [span for span in _spans(_BASE64, content) if not content[slice(*span)].islower()]
    plain = [_of_base64(content[begin:end]) for begin, end in runs]
    # A run may begin with a word that is none of it: each of the four places in a group.
    for offset in range(4) if runs else ():
        yield _all([_filled(b"A" * offset + run, 4) for run in plain], runs, _from_base64)
    runs = _spans(_HEX, content)
    plain = [content[begin:end] for begin, end in runs]
    for offset in range(2) if runs else ():
        yield _all([_filled(b"A" * offset + run, 2) for run in plain], runs, _from_hex)
    if runs := _spans(_PAIRS, content):
        plain = [_filled(_of_pairs(content[begin:end]), 2) for begin, end in runs]
        yield _all(plain, runs, _from_hex)
    if runs := _spans(_NUMBERS, content):
        yield _all([_of_numbers(content[begin:end]) for begin, end in runs], runs, _itself)


def _spans(pattern: re.Pattern[bytes], content: bytes) -> list[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(content)]


def _of_base64(run: bytes) -> bytes:
    # "\n" as two signs is a fold that JSON wrote.
    if b"\\" in run:
        run = run.replace(b"\\r", b"").replace(b"\\n", b"")
    return run.translate(_FOR_URLS, _NO_BASE64)


def _of_pairs(run: bytes) -> bytes:
    return run.replace(b"0x", b"").replace(b"0X", b"").translate(None, _NO_HEX)


def _of_numbers(run: bytes) -> bytes:
    return bytes(int(one) & 0xFF for one in _NUMBER.findall(run))


def _filled(run: bytes, group: int) -> bytes:
    return run + b"A" * (-len(run) % group)


def _from_base64(text: bytes) -> bytes:
    # It ends at a "=": there is none in a run.
    return binascii.a2b_base64(text)


def _from_hex(text: bytes) -> bytes:
    return bytes.fromhex(text.decode("ascii"))


def _itself(text: bytes) -> bytes:
    return text


def _all(
    parts: list[bytes], runs: list[tuple[int, int]], decode: Callable[[bytes], bytes]
) -> Decoded:
    """Every run, decoded in one go."""
    whole = b"".join(parts)
    content = decode(whole)

    @cache
    def ends() -> list[int]:
        return list(accumulate(len(part) * len(content) // len(whole) for part in parts))

    def back(begin: int, end: int) -> tuple[int, int]:
        return runs[bisect_right(ends(), begin)][0], runs[bisect_right(ends(), end - 1)][1]

    return Decoded(content, back)
