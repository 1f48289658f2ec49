"""What is coded as a whole, decoded: base64 (RFC 4648), hex in any order of separators, lists of
numbers (a buffer as JSON). What is within may be UTF-16, JSON or base64 once more.

    for run in decoded(Text(b"… Basic bW9uaXRvcjpodW50ZXIy …"), effort):
        run.content holds b"monitor:hunter2"

A run without a capital is a word, and no base64 of what matters: 1 secret of 12 signs in 500 would
be one, and what it is in UTF-8 is looked for as it is besides (secret_forms.py).

Rules: linear, at the speed of C: the shape of a text (each sign's class in its place) tells where
runs begin; all runs of a text are decoded at once, each filled up to a whole group, and which run a
place came from is looked up only where something was found.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from itertools import accumulate

from checks.coded_signs import Text
from checks.search_effort import Effort

# A secret of six signs in UTF-8 is eight of base64, and is looked for as it is.
_SHORTEST = 12
# What may go on in a line of its own; "\n" as two signs is a fold that JSON wrote.
_FOLDED = re.compile(rb"(?:(?:\\r\\n|\\n|\r?\n)[ \t]{0,8}[A-Za-z0-9+/_-]+)*")
_FOLD = b"\r\n \t"
_MAY_FOLD = frozenset(b"\r\n\\")
_FILL = (b"", b"A", b"AA", b"AAA")
_FOR_URLS = bytes.maketrans(b"-_", b"+/")
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_WORD = b"_" + bytes(sign for sign in range(256) if chr(sign).isascii() and chr(sign).isalnum())
_NO_HEX = bytes(set(range(256)) - set(_HEX_DIGITS))
_BETWEEN_NUMBERS = bytes.maketrans(b",;", b"  ")
_OCTETS = {f"{one:0{width}}".encode(): one & 0xFF for width in (1, 2, 3) for one in range(1000)}


def _shapes(**classes: bytes) -> bytes:
    """A table that makes of each sign its class; of what is in several the last, of others "."."""
    table = bytearray(b"." * 256)
    for name, signs in classes.items():
        for sign in signs:
            table[sign] = ord(name)
    return bytes(table)


_OF_BASE64 = _shapes(b=_WORD + b"+/-")
_OF_HEX = _shapes(w=_WORD, h=_HEX_DIGITS, x=b"xX", s=b" ,:;-")
_OF_NUMBERS = _shapes(w=_WORD, d=b"0123456789", s=b" ,;")
# Each begins with letters that stand nowhere else in most texts, found without an expression.
_LONG_BASE64 = re.compile(b"b" * _SHORTEST + b"*")
_LONG_HEX = re.compile(b"h" * _SHORTEST + b"*")
_PAIRS = re.compile(rb"hhs(?:s?(?:hx)?hh(?:hh)?(?![hwx]))(?:ss?(?:hx)?hh(?:hh)?(?![hwx])){2,}")
_NUMBERS = re.compile(rb"ds(?:s?d{1,3}(?![dw]))(?:ss?d{1,3}(?![dw])){4,}")

_Span = tuple[int, int]


def decoded(text: Text, effort: Effort) -> Iterator[Text]:
    """What is coded in it: all runs of one code at one offset at a time."""
    yield from _from_base64(text, effort)
    shape = text.content.translate(_OF_HEX)
    in_hex = (match.span() for match in _LONG_HEX.finditer(shape))
    yield from _from_hex(text, _taken(text, in_hex, effort), bytes)
    yield from _from_hex(text, _taken(text, _pairs(shape), effort), _of_pairs)
    runs = _taken(text, _numbers(text.content), effort)
    if (most := effort.numbers(runs)) < len(runs):
        effort.stop(text.back(*runs[most])[0])
    if runs := runs[:most]:
        parts = [_of_numbers(text.content[begin:end]) for begin, end in runs]
        octets = b"".join(parts)
        yield _decoded(text, runs, parts, octets, len(octets))


def _taken(text: Text, spans: Iterator[_Span], effort: Effort) -> list[_Span]:
    """As many as there is effort for."""
    taken, more = effort.as_many(spans)
    if more:
        effort.stop(text.back(*more)[0])
    return taken


def _from_base64(text: Text, effort: Effort) -> Iterator[Text]:
    runs, parts = list[_Span](), list[bytes]()
    for span in _taken(text, _runs(text.content), effort):
        run = text.content[slice(*span)]
        if run.islower():
            continue
        if b"\\" in run:
            run = run.replace(b"\\r", b"").replace(b"\\n", b"")
        run = run.translate(_FOR_URLS, _FOLD)
        # Each begins with a group, so that all are moved by the same.
        parts.append(run + _FILL[-len(run) % 4])
        runs.append(span)
    whole = b"".join(parts)
    # A run may begin with a word that is none of it: each of the four places in a group.
    for offset in range(4) if runs else ():
        moved = b"A" * offset + whole + _FILL[-offset % 4]
        yield _decoded(text, runs, parts, binascii.a2b_base64(moved), len(moved), offset)


def _runs(content: bytes) -> Iterator[_Span]:
    at = 0
    for match in _LONG_BASE64.finditer(content.translate(_OF_BASE64)):
        begin, end = match.span()
        if begin >= at:
            folded = end < len(content) and content[end] in _MAY_FOLD
            at = _end_of_folded(content, end) if folded else end
            yield begin, at


def _end_of_folded(content: bytes, at: int) -> int:
    more = _FOLDED.match(content, at)
    return more.end() if more else at


def _from_hex(text: Text, runs: list[_Span], digits: Callable[[bytes], bytes]) -> Iterator[Text]:
    if not runs:
        return
    parts = [digits(text.content[begin:end]) for begin, end in runs]
    parts = [part + b"0" * (len(part) % 2) for part in parts]
    whole = b"".join(parts).decode("ascii")
    for offset in range(2):
        moved = "0" * offset + whole + "0" * offset
        yield _decoded(text, runs, parts, bytes.fromhex(moved), len(moved), offset)


def _pairs(shape: bytes) -> Iterator[_Span]:
    for match in _PAIRS.finditer(shape):
        begin, end = match.span()
        # The expression begins with the last two digits of the first group, which may have four.
        begin -= 2 * (shape[max(0, begin - 2) : begin] == b"hh")
        yield begin - 2 * (shape[max(0, begin - 2) : begin] == b"hx"), end


def _of_pairs(run: bytes) -> bytes:
    return run.replace(b"0x", b"").replace(b"0X", b"").translate(None, _NO_HEX)


def _numbers(content: bytes) -> Iterator[_Span]:
    shape = content.translate(_OF_NUMBERS)
    for match in _NUMBERS.finditer(shape):
        begin, end = match.span()
        # It begins with the last digit of the first number, which may have three.
        before = shape[max(0, begin - 2) : begin]
        yield begin - (len(before) - len(before.rstrip(b"d"))), end


def _of_numbers(run: bytes) -> bytes:
    return bytes(map(_OCTETS.__getitem__, run.translate(_BETWEEN_NUMBERS).split()))


def _decoded(
    text: Text, runs: list[_Span], parts: list[bytes], content: bytes, coded: int, offset: int = 0
) -> Text:
    """All runs decoded in one go: `coded` signs, of which the first `offset` are of none."""

    @cache
    def ends() -> list[int]:
        return list(accumulate(map(len, parts)))

    def run_of(at: int) -> _Span:
        # What was filled in before the first and behind the last is theirs.
        sign = max(0, at * coded // len(content) - offset)
        return runs[min(bisect_right(ends(), sign), len(runs) - 1)]

    def back(begin: int, end: int) -> _Span:
        return text.back(run_of(begin)[0], run_of(end - 1)[1])

    return Text(content, back, text.depth + 1)
