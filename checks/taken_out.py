"""A text without what nobody sees or what stands between its signs: blanks and folds (RFC 9112
section 5.2), borders of chunks (section 7.1) and of reply lines (RFC 5321 section 4.2.1), what
colours a terminal (ECMA-48 section 8.3.117), soft hyphens and what has no width, elements of HTML.

    for one in taken_out(Text(b"hun\\r\\n ter2"), effort):
        one.content is b"hunter2"; one.text() is the same with its way back

Rules: the contents are made at the speed of C, and the way back only for a text in which something
was found.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from checks.coded_signs import Sign, Text, without_signs
from checks.search_effort import Effort

_BLANKS = bytes(range(0x21)) + b"\x7f"
# Of the borders what is more than blanks.
_BORDER = re.compile(rb"\n(?:[0-9A-Fa-f]{1,8}(?:;[^\r\n]{0,200})?\r\n|\d{3}[- ]|> ?)")
# Of lines that may each be a chunk's size the last: what stands before may be a part of a secret.
_LAST_BORDER = re.compile(rb"\n[0-9A-Fa-f]{1,8}(?:;[^\r\n]{0,200})?\r\n(?![0-9A-Fa-f]{1,8}\r\n)")
# Beside controls: what colours a terminal, the blanks that do not break, the soft hyphen, what has
# no width.
_UNSEEN = re.compile(
    rb"\x1b\[[0-9;]{0,20}m|\xc2[\xa0\xad]|\xe2(?:\x80[\x80-\x8f\xa8-\xaf]|\x81[\x9f-\xaf])"
    rb"|\xe3\x80\x80|\xef\xbb\xbf"
)
_ELEMENT = re.compile(rb"<[^<>]{0,200}>")
_FIRST_OF_UNSEEN = (b"\x1b", b"\xc2", b"\xe2", b"\xe3", b"\xef")
# How many signs are looked at together on the way back through blanks.
_BLOCK = 64


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What is left of a text, and its way back, which is made when it is wanted."""

    content: bytes
    text: Callable[[], Text]


def without_any(content: bytes) -> Iterator[bytes]:
    """What is left of a value that holds such signs itself."""
    bare = content.translate(None, _BLANKS)
    yield bare
    seen = _UNSEEN.sub(b"", content)
    yield seen.translate(None, _BLANKS)
    yield _UNSEEN.sub(b"", _ELEMENT.sub(b"", content)).translate(None, _BLANKS)


def taken_out(text: Text, effort: Effort) -> Iterator[TakenOut]:
    """The text without each of them, as far as it has any."""
    content = text.content
    bare = content.translate(None, _BLANKS)
    if len(bare) < len(content):
        yield TakenOut(bare, lambda: _without_blanks(text))
    if b"\n" in content:
        for pattern in (_BORDER, _LAST_BORDER):
            yield from _without(text, (pattern,), (b"\n",), effort)
    if any(sign in content for sign in _FIRST_OF_UNSEEN):
        yield from _without(text, (_UNSEEN,), _FIRST_OF_UNSEEN, effort)
    if b"<" in content:
        yield from _without(text, (_ELEMENT, _UNSEEN), (b"<", *_FIRST_OF_UNSEEN), effort)


def _without(
    text: Text, patterns: tuple[re.Pattern[bytes], ...], firsts: tuple[bytes, ...], effort: Effort
) -> Iterator[TakenOut]:
    """Without what these find, one after the other, and then without blanks."""
    content = text.content
    if not effort.replacing(sum(map(content.count, firsts))):
        first = min(at for one in firsts if (at := content.find(one)) >= 0)
        effort.stop(text.back(first, first + 1)[0])
        return
    left = content
    for pattern in patterns:
        left = pattern.sub(b"", left)
    if len(left) < len(content):
        yield TakenOut(left.translate(None, _BLANKS), lambda: _way(text, patterns, effort))


def _way(text: Text, patterns: tuple[re.Pattern[bytes], ...], effort: Effort) -> Text:
    for pattern in patterns:
        found = effort.matches(pattern, text.content, text.back)
        signs: list[Sign] = [(*match.span(), b"") for match in found]
        text = without_signs(text, signs) if signs else text
    return _without_blanks(text)


def _without_blanks(text: Text) -> Text:
    """The k-th sign that is no blank is looked for in its block."""
    content = text.content
    blocks = [content[at : at + _BLOCK] for at in range(0, len(content), _BLOCK)]
    bare = [block.translate(None, _BLANKS) for block in blocks]
    behind = list(accumulate(map(len, bare)))
    kept = dict[int, list[int]]()

    def place(at: int) -> int:
        block = bisect_right(behind, at)
        if block not in kept:
            kept[block] = [n for n, sign in enumerate(blocks[block]) if sign not in _BLANKS]
        return block * _BLOCK + kept[block][at - behind[block] + len(bare[block])]

    def back(first: int, last: int) -> tuple[int, int]:
        return text.back(place(first), place(last - 1) + 1)

    return Text(b"".join(bare), back, text.depth + 1)
