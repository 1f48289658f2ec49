"""What is coded sign by sign, read back: URLs (RFC 3986 section 2.1), HTML and XML references,
JSON, JavaScript and C escapes, quoted-printable (RFC 2045 section 6.7).

    for part in read_back(Text(b"a=%41%2542"), CODED, reach, effort): part.content is b"a=A%42"
    part.back(2, 3)                                                    is (2, 5)

Rules: only what lies within `reach` of a coded sign is read again: the rest was searched before.
Each sign is a step; where there are no more steps, nothing from that sign on is read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.entities import html5
from itertools import accumulate

from checks.search_effort import Back, Effort

QUOTED = re.compile(rb"=(?:\r?\n|([0-9A-Fa-f]{2}))")
# Each alternative begins with a letter of its own, which is looked for at the speed of C. NUL is
# what stands between runs that were decoded together, and nobody escapes it by itself.
CODED = re.compile(
    rb"%(?:([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))"
    rb"|&(?:#0{0,8}([1-9][0-9]{0,6});?|#[xX]0{0,8}([0-9A-Fa-f]{1,6});?|([A-Za-z]{2,8});)"
    rb"|\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|u\{([0-9A-Fa-f]{1,6})\}"
    rb"|x([0-9A-Fa-f]{2})|([0-3][0-7]{2})|([^\0]))"
)
# Signs read at once: what comes behind them is read when they have been gone into wholly, so that
# what there is no effort for is the end of the text. Of signs of two bytes LONGEST_SPELLING holds
# 2048, which the next part reads once more: of 3000 that was three times the work.
_MOST_TOGETHER, _MOST_BYTES_TOGETHER = 8000, 32 * 1024
_DIGITS = "0123456789abcdefABCDEF"
_OCTETS = {f"{a}{b}".encode(): bytes((int(a + b, 16),)) for a in _DIGITS for b in _DIGITS}
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"0": b"\0"}


def itself(begin: int, end: int) -> tuple[int, int]:
    """The way back of what was never coded."""
    return begin, end


@dataclass(frozen=True, slots=True)
class Text:
    """A text and the way from a span of it to where that came from in what was sent."""

    content: bytes
    back: Back = itself
    depth: int = 0
    """how many ways lie behind each other: what it costs to go back"""


Sign = tuple[int, int, bytes]
"""where one begins, where it ends, and what it means"""


def looks_coded(content: bytes) -> bool:
    """Whether there may be anything to read back."""
    return b"%" in content or b"&" in content or b"\\" in content


def meaning(match: re.Match[bytes]) -> bytes:
    """What a coded sign stands for. `CODED.sub(meaning, content)` reads a whole text back."""
    if match.re is QUOTED:
        return _OCTETS[match[1]] if match[1] else b""
    # Which of the alternatives it is; each has one group.
    group = match.lastindex or 0
    return _MEANS[group](match[group], match[0])


def _letter(code: int) -> bytes:
    return chr(min(code, 0x10FFFF)).encode("utf-8", "surrogatepass")


def _octet(digits: bytes, _: bytes) -> bytes:
    return _OCTETS[digits]


def _unit(digits: bytes, _: bytes) -> bytes:
    return _letter(int(digits, 16))


# Each by its group of CODED.
_MEANS: tuple[Callable[[bytes, bytes], bytes], ...] = (
    lambda _, whole: whole,
    _octet,
    _unit,
    lambda number, _: _letter(int(number)),
    _unit,
    lambda name, whole: html5.get(name.decode() + ";", "").encode() or whole,
    _unit,
    _unit,
    _unit,
    _octet,
    lambda digits, _: bytes((int(digits, 8),)),
    lambda sign, _: _ESCAPED.get(sign, sign),
)


def read_back(text: Text, pattern: re.Pattern[bytes], reach: int, effort: Effort) -> Iterator[Text]:
    """The parts of a text around its coded signs, those read back, from left to right. A span that
    holds one of them lies in a part whole if it is no longer than `reach`.
    """
    near, since, fresh = list[Sign](), 0, False
    for match in pattern.finditer(text.content):
        begin, end = match.span()
        if not effort.step():
            effort.stop(text.back(begin, end)[0])
            break
        if near and begin - near[-1][1] > 2 * reach:
            yield from _part(text, near, since, reach, effort)
            near, fresh = [], False
        if (meant := meaning(match)) == match[0]:
            continue
        since = since if near else max(0, begin - reach)
        near.append((begin, end, meant))
        fresh = True
        if len(near) >= _MOST_TOGETHER or end - since >= max(_MOST_BYTES_TOGETHER, 4 * reach):
            yield from _part(text, near, since, reach, effort)
            # What began in this part and ends in the next is read whole in that one.
            since, fresh = end - reach, False
            near = [sign for sign in near if sign[0] >= since]
    if fresh:
        yield from _part(text, near, since, reach, effort)


def _part(text: Text, signs: list[Sign], since: int, reach: int, effort: Effort) -> Iterator[Text]:
    if not signs:
        return
    end = signs[-1][1] + reach
    if effort.again(min(end, len(text.content)) - since):
        yield without_signs(text, signs, since, end)
    else:
        effort.stop(text.back(*signs[0][:2])[0])


def without_signs(text: Text, signs: list[Sign], begin: int = 0, end: int | None = None) -> Text:
    """A part of a text, each of these signs replaced by what it means."""
    content, at = text.content[:end], begin
    pieces = list[bytes]()
    for here, behind, meant in signs:
        pieces += (content[at:here], meant)
        at = behind
    # Where each sign's meaning begins and ends in what was read.
    ends = list(accumulate(map(len, pieces)))
    begins, ends = ends[::2], ends[1::2]

    def place(at: int) -> tuple[int, int]:
        near = bisect_right(begins, at) - 1
        if near < 0:
            return begin + at, begin + at + 1
        if at < ends[near]:
            return signs[near][:2]
        there = signs[near][1] + at - ends[near]
        return there, there + 1

    def back(first: int, last: int) -> tuple[int, int]:
        return text.back(place(first)[0], place(last - 1)[1])

    read = b"".join((*pieces, content[signs[-1][1] :]))
    return Text(read, back, text.depth + 1)
