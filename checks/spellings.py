"""Where a secret stands in what a far end said, in whatever spelling it came back.

What is coded sign by sign is read back before it is searched, so that no list of spellings has to
be whole: white space and folds (RFC 9112 section 5.2), borders of chunks (section 7.1) and of reply
lines (RFC 5321 section 4.2.1), URLs (RFC 3986 section 2.1), HTML and XML references, JSON and C
escapes, quoted-printable (RFC 2045 section 6.7), each within each. What is coded as a whole is
looked for as it is: base64 at its three offsets (RFC 4648), hex, UTF-16.

Rules: bytes in, spans of bytes out. Linear in the length: each pattern has no repeat within a
repeat, and what has more coded signs than anybody would send is not searched but refused
(`TooCoded`), and so never shown.
"""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from html.entities import html5

# Below this a value is taken where it stands alone: "12" within 4123 is no PIN that came back.
SHORT = 6
# Base64 of fewer signs is a word of its own in too many texts.
_LEAST_CODED = 8
# So many take 15 ms to read back; a portal's page of 128 kB has 1 000.
_MOST_CODED = 10_000
_MOST_ROUNDS = 3
_RUN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_")
# How far a base64 text is followed to both sides: a name and a password of 200 signs together.
_LONGEST_RUN = 300

_BLANKS = b" \t\r\n\0"
_BLANK = re.compile(rb"[ \t\r\n\0]+")
_BORDER = re.compile(
    rb"\r?\n(?:[0-9A-Fa-f]{1,8}(?:;[^\r\n]{0,200})?\r\n|\d{3}[- ]|> ?)|[ \t\r\n\0]+"
)
_QUOTED = re.compile(rb"=\r?\n|=([0-9A-Fa-f]{2})")
_CODED = re.compile(
    rb"%([0-9A-Fa-f]{2})"
    rb"|&#0{0,8}([1-9][0-9]{0,6});?|&#[xX]0{0,8}([0-9A-Fa-f]{1,6});?|&([A-Za-z]{2,8});"
    rb"|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|\\(.)",
    re.DOTALL,
)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"0": b"\0"}


class TooCoded(Exception):
    """More coded signs than can be read back in good time; `at` is how far that went."""

    def __init__(self, at: int) -> None:
        super().__init__(f"too many coded signs before {at}")
        self.at = at


class Forms:
    """One value, in each form that is searched as it is."""

    def __init__(self, value: str) -> None:
        raw = value.encode("utf-8", "surrogatepass")
        self.whole_words = len(value) < SHORT
        self.plain = {raw, *_in(value, "latin-1"), raw.replace(b" ", b"+")} - {b""}
        if self.whole_words:
            self.coded = {base64.b64encode(raw)}
            return
        wide = value.encode("utf-16-le", "surrogatepass")[:-1]
        self.plain |= {wide, raw.hex().encode(), _in_halves(value)}
        # A value that looks coded itself is read back with the text around it.
        for _ in range(_MOST_ROUNDS):
            self.plain |= {_CODED.sub(_meaning, one) for one in self.plain}
        # White space is taken out of a text before it is searched, so out of the value too.
        self.plain |= {_BLANK.sub(b"", one) for one in self.plain}
        self.plain = {one.lower() for one in self.plain if len(one) >= SHORT}
        self.coded = {one.lower() for one in _base64(raw)}

    def spans(self, content: bytes, lower: bytes, runs: bool = True) -> Iterator[tuple[int, int]]:
        """Where it stands; `lower` is the content in small letters. `runs`: of base64 the whole."""
        for form in self.plain:
            for begin in _all(content if self.whole_words else lower, form):
                if not self.whole_words or _alone(content, begin, begin + len(form)):
                    yield begin, begin + len(form)
        for form in self.coded:
            end = 0
            for begin in _all(content if self.whole_words else lower, form):
                if begin >= end and (
                    not self.whole_words or _alone(content, begin, begin + len(form))
                ):
                    end = begin + len(form)
                    yield _run(content, begin, end) if runs else (begin, end)


@lru_cache(maxsize=64)
def forms(value: str) -> Forms:
    """The forms of a value, worked out once."""
    return Forms(value)


def spans(content: bytes, values: tuple[Forms, ...]) -> list[tuple[int, int]]:
    """Every place of every value. Raises TooCoded."""
    lower = content.lower()
    found = [span for value in values for span in value.spans(content, lower)]
    if not (long := tuple(value for value in values if not value.whole_words)):
        return found
    found += _folded(content, long)
    if b"=" in content:
        read, back = _read(content, _QUOTED)
        found += [back(*span) for span in (*_whole(read, long), *_folded(read, long))]
    back, read = _itself, content
    # Coded once, or twice and more: a URL in HTML in JSON.
    for _ in range(_MOST_ROUNDS):
        if not any(sign in read for sign in (b"%", b"&", b"\\")):
            break
        before = read
        read, one_back = _read(before, _CODED)
        if read == before:
            break
        back = _both(one_back, back)
        found += [back(*span) for span in (*_whole(read, long), *_folded(read, long))]
    return found


_Back = Callable[[int, int], tuple[int, int]]


def _itself(begin: int, end: int) -> tuple[int, int]:
    return begin, end


def _both(inner: _Back, outer: _Back) -> _Back:
    return lambda begin, end: outer(*inner(begin, end))


def _whole(content: bytes, values: tuple[Forms, ...]) -> list[tuple[int, int]]:
    lower = content.lower()
    return [span for value in values for span in value.spans(content, lower)]


def _folded(content: bytes, values: tuple[Forms, ...]) -> list[tuple[int, int]]:
    """Across blanks, and across borders. Nearly no text has any: that costs a look at C's speed,
    and only what was found is mapped back sign by sign.
    """
    found = list[tuple[int, int]]()
    if _any(content.translate(None, _BLANKS), values):
        found += _through(content, _BLANK, values)
    if b"\n" in content and _any(_BORDER.sub(b"", content), values):
        found += _through(content, _BORDER, values)
    return found


def _through(
    content: bytes, pattern: re.Pattern[bytes], values: tuple[Forms, ...]
) -> list[tuple[int, int]]:
    read, back = _read(content, pattern)
    # Without blanks every word is a part of one long run.
    lower = read.lower()
    return [back(*span) for value in values for span in value.spans(read, lower, runs=False)]


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
    octet, number, in_hex, name, unit, byte, sign = match.groups()
    if one := octet or byte:
        return bytes.fromhex(one.decode())
    if number or in_hex or unit:
        code = int(number) if number else int(in_hex or unit, 16)
        return chr(min(code, 0x10FFFF)).encode("utf-8", "surrogatepass")
    if name:
        return html5.get(name.decode() + ";", "").encode() or match[0]
    return _ESCAPED.get(sign, sign) if sign else b""


def _in(value: str, charset: str) -> set[bytes]:
    try:
        return {value.encode(charset)}
    except UnicodeEncodeError:
        return set()


def _in_halves(value: str) -> bytes:
    """As JSON writes what is beyond 16 bits (RFC 8259 section 7): each half of a pair by itself."""
    units = memoryview(value.encode("utf-16-le", "surrogatepass")).cast("H")
    return "".join(map(chr, units)).encode("utf-8", "surrogatepass")


def _base64(raw: bytes) -> set[bytes]:
    """What base64 makes of it wherever it begins among its groups of three: the signs that hang on
    it alone.
    """
    found = set[bytes]()
    for offset in range(3):
        # Of the first sign some bits are of what stands before, of the last of what comes after.
        begin = (offset * 8 + 5) // 6
        end = (offset + len(raw)) * 8 // 6
        found.add(base64.b64encode(b"\0" * offset + raw)[begin:end])
    found |= {one.replace(b"+", b"-").replace(b"/", b"_") for one in found}
    return {one for one in found if len(one) >= _LEAST_CODED}


def _any(content: bytes, values: tuple[Forms, ...]) -> bool:
    # In small letters: the forms of all values that are searched so are.
    lower = content.lower()
    return any(form in lower for value in values for form in (*value.plain, *value.coded))


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
