"""Where a secret stands in what a far end said, in whatever spelling it came back.

What is coded sign by sign is read back before it is searched, so that no list of spellings has to
be whole: white space and folds (RFC 9112 section 5.2), what nobody sees and what stands between
(controls, soft hyphens, HTML's tags), borders of chunks (section 7.1) and of reply lines (RFC 5321
section 4.2.1), URLs (RFC 3986 section 2.1), HTML and XML references, JSON, JavaScript and C
escapes, quoted-printable (RFC 2045 section 6.7), each within each. What is coded as a whole is
decoded (coded_runs.py), and the rest looked for as it is (secret_forms.py).

Rules: bytes in, spans of bytes out. Linear in the length: each pattern has no repeat within a
repeat, and what has more coded signs than anybody would send is not searched but refused
(`TooCoded`), and so never shown.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from html.entities import html5
from itertools import takewhile

from checks.coded_runs import decoded
from checks.secret_forms import SHORT, Forms

__all__ = ["SHORT", "TooCoded", "forms", "spans"]

# So many take 15 ms to read back; a portal's page of 128 kB has 1 000.
_MOST_CODED = 10_000
# How often one is within another: a URL in a URL in HTML in JSON.
_MOST_ROUNDS = 5
_MOST_ROUNDS_WITHIN = 2
_RUN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_")
# How far a base64 text is followed to both sides: a name and a password of 200 signs together.
_LONGEST_RUN = 300

_BLANKS = bytes(range(0x21)) + b"\x7f"
_BLANK = re.compile(rb"[\0-\x20\x7f]+")
_BORDER = re.compile(
    rb"\r?\n(?:[0-9A-Fa-f]{1,8}(?:;[^\r\n]{0,200})?\r\n|\d{3}[- ]|> ?)|[ \t\r\n\0]+"
)
# Beside controls: what colours a terminal (ECMA-48 section 8.3.117), the blanks that do not break,
# the soft hyphen, what has no width; and with them the elements of HTML.
_SEEN_BY_NOBODY = (
    rb"\x1b\[[0-9;]{0,20}m|[\0-\x20\x7f]+|\xc2[\xa0\xad]|\xe2\x80[\x80-\x8f\xa8-\xaf]"
    rb"|\xe2\x81[\x9f-\xaf]|\xe3\x80\x80|\xef\xbb\xbf"
)
_UNSEEN = re.compile(_SEEN_BY_NOBODY)
_MARKED = re.compile(_SEEN_BY_NOBODY + rb"|<[^<>]{0,200}>")
_MAY_BE_UNSEEN = re.compile(rb"[\x1b\xc2\xe2\xe3\xef]")
_QUOTED = re.compile(rb"=\r?\n|=([0-9A-Fa-f]{2})")
_CODED = re.compile(
    rb"%([0-9A-Fa-f]{2})"
    rb"|&#0{0,8}([1-9][0-9]{0,6});?|&#[xX]0{0,8}([0-9A-Fa-f]{1,6});?|&([A-Za-z]{2,8});"
    rb"|[\\%]u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\u\{([0-9A-Fa-f]{1,6})\}"
    rb"|\\x([0-9A-Fa-f]{2})|\\([0-3][0-7]{2})|\\(.)",
    re.DOTALL,
)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"0": b"\0"}


class TooCoded(Exception):
    """More coded signs than can be read back in good time; `at` is how far that went."""

    def __init__(self, at: int) -> None:
        super().__init__(f"too many coded signs before {at}")
        self.at = at


@lru_cache(maxsize=64)
def forms(value: str) -> Forms:
    """The forms of a value, worked out once."""
    return Forms(value, _read_back)


def _read_back(form: bytes) -> Iterator[bytes]:
    """A value that looks coded itself is read back with the text around it, and loses what is taken
    out of that before a search.
    """
    read = [form]
    for _ in range(_MOST_ROUNDS):
        if (after := _CODED.sub(_meaning, read[-1])) == read[-1]:
            break
        read.append(after)
    for one in read:
        yield from (one, _BLANK.sub(b"", one), _UNSEEN.sub(b"", one), _MARKED.sub(b"", one))


def spans(content: bytes, values: tuple[Forms, ...]) -> list[tuple[int, int]]:
    """Every place of every value. Raises TooCoded."""
    found = _whole(content, content.lower(), values)
    if not (long := tuple(value for value in values if not value.whole_words)):
        return found
    found += [*_folded(content, long), *_in_runs(content, long)]
    if _QUOTED.search(content):
        read, back = _read(content, _QUOTED)
        found += [back(*span) for span in (*_seen(read, long), *_folded(read, long))]
    back, read = _itself, content
    # Coded once, or twice and more: a URL in HTML in JSON.
    for _ in range(_MOST_ROUNDS):
        if not _looks_coded(read):
            break
        before = read
        read, one_back = _read(before, _CODED)
        if read == before:
            break
        back = _both(one_back, back)
        within = (*_seen(read, long), *_folded(read, long), *_in_runs(read, long))
        found += [back(*span) for span in within]
    return found


_Back = Callable[[int, int], tuple[int, int]]


def _itself(begin: int, end: int) -> tuple[int, int]:
    return begin, end


def _both(inner: _Back, outer: _Back) -> _Back:
    return lambda begin, end: outer(*inner(begin, end))


def _looks_coded(content: bytes) -> bool:
    return any(sign in content for sign in (b"%", b"&", b"\\"))


def _whole(
    content: bytes, lower: bytes, values: tuple[Forms, ...], runs: bool = True
) -> list[tuple[int, int]]:
    """Where they stand as they are; `lower` is the content in small letters. `runs`: of base64 the
    whole.
    """
    return [span for value in values for span in _places(value, content, lower, runs)]


def _seen(content: bytes, values: tuple[Forms, ...]) -> list[tuple[int, int]]:
    return _whole(content, content.lower(), values)


def _places(value: Forms, content: bytes, lower: bytes, runs: bool) -> Iterator[tuple[int, int]]:
    searched = content if value.whole_words else lower
    for form in value.plain:
        for begin in _all(searched, form):
            if not value.whole_words or _alone(content, begin, begin + len(form)):
                yield begin, begin + len(form)
    for form in value.coded:
        end = 0
        for begin in _all(searched, form):
            if begin >= end and (
                not value.whole_words or _alone(content, begin, begin + len(form))
            ):
                end = begin + len(form)
                yield _run(content, begin, end) if runs else (begin, end)
    yield from _cut_off(value, lower)


def _cut_off(value: Forms, lower: bytes) -> Iterator[tuple[int, int]]:
    """Half of a long one, and whatever more of it stands there."""
    if not value.halves:
        return
    head, tail = value.halves
    whole = head + tail
    for begin in _all(lower, head):
        end = begin + _shared(whole, lower[begin : begin + len(whole)])
        while 0x80 <= (lower[end] if end < len(lower) else 0) < 0xC0:  # within a sign of UTF-8
            end += 1
        yield begin, end
    for at in _all(lower, tail):
        end = at + len(tail)
        there = lower[max(0, end - len(whole)) : end]
        begin = end - _shared(whole[::-1], there[::-1])
        while begin and 0x80 <= lower[begin] < 0xC0:
            begin -= 1
        yield begin, end


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes two have in common from the beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _folded(content: bytes, values: tuple[Forms, ...]) -> list[tuple[int, int]]:
    """Across blanks, borders, and what nobody sees. Nearly no text has any: that costs a look at
    C's speed, and only what was found is mapped back sign by sign.
    """
    found = list[tuple[int, int]]()
    if _any(content.translate(None, _BLANKS), values):
        found += _through(content, _BLANK, values)
    if b"\n" in content and _any(_BORDER.sub(b"", content), values):
        found += _through(content, _BORDER, values)
    if _MAY_BE_UNSEEN.search(content) and _any(_UNSEEN.sub(b"", content), values):
        found += _through(content, _UNSEEN, values)
    if b"<" in content and _any(_MARKED.sub(b"", content), values):
        found += _through(content, _MARKED, values)
    return found


def _in_runs(content: bytes, values: tuple[Forms, ...]) -> list[tuple[int, int]]:
    """Within what is coded as a whole; what was found there hides the whole of it."""
    found = list[tuple[int, int]]()
    for run in decoded(content):
        within = _seen(run.content, values)
        for value in values:
            found_as = (*value.wide, *value.hashed)
            within += [(at, at + len(one)) for one in found_as for at in _all(run.content, one)]
        try:
            within += _coded_within(run.content, values)
        except TooCoded as too:
            raise TooCoded(run.back(too.at, too.at + 1)[0]) from None
        found += [run.back(*span) for span in within]
    return found


def _coded_within(content: bytes, values: tuple[Forms, ...]) -> list[tuple[int, int]]:
    """What was coded sign by sign before it was coded as a whole: JSON, a URL's query in JSON."""
    found, read = list[tuple[int, int]](), content
    back: _Back = _itself
    for _ in range(_MOST_ROUNDS_WITHIN):
        if not _looks_coded(read):
            break
        read, one_back = _read(read, _CODED)
        back = _both(one_back, back)
        found += [back(*span) for span in _seen(read, values)]
    return found


def _through(
    content: bytes, pattern: re.Pattern[bytes], values: tuple[Forms, ...]
) -> list[tuple[int, int]]:
    read, back = _read(content, pattern)
    # Without blanks every word is a part of one long run.
    return [back(*span) for span in _whole(read, read.lower(), values, runs=False)]


def _read(content: bytes, pattern: re.Pattern[bytes]) -> tuple[bytes, _Back]:
    """What is coded in it read back, and the way from a span of that to where it came from. Raises
    TooCoded.
    """
    parts, first, last, at = list[bytes](), array("I"), array("I"), 0
    for count, match in enumerate(pattern.finditer(content)):
        begin, end = match.span()
        if count >= _MOST_CODED:
            raise TooCoded(begin)
        parts.append(content[at:begin])
        first.extend(range(at, begin))
        last.extend(range(at + 1, begin + 1))
        meant = _meaning(match)
        first.extend([begin] * len(meant))
        last.extend([end] * len(meant))
        parts.append(meant)
        at = end
    parts.append(content[at:])
    first.extend(range(at, len(content)))
    last.extend(range(at + 1, len(content) + 1))
    return b"".join(parts), lambda begin, end: (first[begin], last[end - 1])


def _meaning(match: re.Match[bytes]) -> bytes:
    """What a coded sign stands for; of white space nothing is left."""
    if match.re is not _CODED:
        return bytes.fromhex(match[1].decode()) if match.re is _QUOTED and match[1] else b""
    octet, number, in_hex, name, unit, wide, braced, byte, octal, sign = match.groups()
    if one := octet or byte:
        return bytes.fromhex(one.decode())
    if octal:
        return bytes((int(octal, 8),))
    if number or in_hex or unit or wide or braced:
        code = int(number) if number else int(in_hex or unit or wide or braced, 16)
        return chr(min(code, 0x10FFFF)).encode("utf-8", "surrogatepass")
    if name:
        return html5.get(name.decode() + ";", "").encode() or match[0]
    return _ESCAPED.get(sign, sign) if sign else b""


def _any(content: bytes, values: tuple[Forms, ...]) -> bool:
    # In small letters: the forms of all values that are searched so are.
    lower = content.lower()
    return any(
        form in lower for value in values for form in (*value.plain, *value.coded, *value.halves)
    )


def _all(content: bytes, form: bytes) -> Iterator[int]:
    at, count = content.find(form), 0
    while at >= 0:
        if count >= _MOST_CODED:
            raise TooCoded(at)
        yield at
        at, count = content.find(form, at + len(form)), count + 1


def _alone(content: bytes, begin: int, end: int) -> bool:
    return not (content[max(0, begin - 1) : begin].isalnum() or content[end : end + 1].isalnum())


def _run(content: bytes, begin: int, end: int) -> tuple[int, int]:
    """The whole base64 text around a piece of it: `user:` stands in the same one."""
    least, most = max(0, begin - _LONGEST_RUN), min(len(content), end + _LONGEST_RUN)
    while begin > least and content[begin - 1] in _RUN:
        begin -= 1
    while end < most and content[end] in _RUN:
        end += 1
    return begin, end
