"""One secret in each form that is searched as it is: what coding sign by sign makes of it is read
back first (spellings.py), and what is coded as a whole is decoded first (coded_runs.py).

    Forms("hunter2").plain    UTF-8, Latin-1, UTF-16, with quotes doubled (RFC 4180, SQL), in both
                              normal forms (UAX 15), as who took UTF-8 for Latin-1 writes it
    Forms("hunter2").coded    what base64 makes of it at each of its three offsets, base32 at each
                              of its five (RFC 4648)
    Forms("hunter2").hashed   its unsalted hashes, which can be tried offline
    Forms(a long one).halves  for who cuts it off
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import groupby

# Below this a value is taken where it stands alone: "12" within 4123 is no PIN that came back.
SHORT = 6
# Base64 of fewer signs is a word of its own in too many texts.
_LEAST_CODED = 8
# A value that is cut off by who says it back ("hunter2-and…") is known by half of it; the half of a
# shorter one is a word that anybody may write.
_LONG = 20
_WIDE = ("utf-16-le", "utf-16-be")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_DIRECT_IN_UTF_7 = _LETTERS + "'(),-./:? "
_OPTIONAL_IN_UTF_7 = '!"#$%&*;<=>@[]^_`{|}'
_DIRECT_IN_A_MAILBOX = "".join(map(chr, range(0x20, 0x7F))).replace("&", "")
_HASHES = ("md5", "sha1", "sha256", "sha512")


class Forms:
    """One value, in each form that is searched as it is."""

    @property
    def count(self) -> int:
        """How many are looked for in every text."""
        return len(self.plain) + len(self.coded) + len(self.halves)

    def __init__(self, value: str, read_back: Callable[[bytes], Iterable[bytes]]) -> None:
        """`read_back` makes of bytes that look coded themselves what a search will see of them."""
        raw = value.encode("utf-8", "surrogatepass")
        self.whole_words = len(value) < SHORT
        self.plain = {raw, *_in(value, "latin-1"), raw.replace(b" ", b"+")} - {b""}
        self.wide, self.hashed = frozenset[bytes](), frozenset[bytes]()
        self.halves = tuple[bytes, ...]()
        self.longest = 0
        if self.whole_words:
            self.coded = {base64.b64encode(raw)}
            return
        self.plain |= set(_written(value, raw))
        for one in tuple(self.plain):
            self.plain |= set(read_back(one))
        self.plain = {one.lower() for one in self.plain if len(one) >= SHORT}
        self.coded = {one.lower() for one in (*_base64(raw), *_base32(raw))}
        self.wide = frozenset(value.encode(order, "surrogatepass").strip(b"\0") for order in _WIDE)
        # Zeros are taken out of a text before it is searched, so that of an ASCII value is its own.
        self.plain |= frozenset() if value.isascii() else {one.lower() for one in self.wide}
        self.hashed = frozenset(hashlib.new(name, raw).digest() for name in _HASHES)
        if len(value) >= _LONG:
            half = len(value) // 2
            both = (value[:half], value[half:])
            self.halves = tuple(one.encode("utf-8", "surrogatepass").lower() for one in both)
        self.longest = max(map(len, (*self.plain, *self.coded, *self.halves)))


def _written(value: str, raw: bytes) -> Iterable[bytes]:
    for normal in ("NFC", "NFD"):
        for case in (str, str.lower, str.upper):
            yield case(unicodedata.normalize(normal, value)).encode("utf-8", "surrogatepass")
    yield _in_halves(value)
    for charset in ("latin-1", "cp1252"):
        yield raw.decode(charset, "replace").encode()
    if sum(map(str.isascii, value)) >= SHORT:
        yield value.encode("ascii", "replace")
        yield raw.decode("ascii", "replace").encode()
        yield re.sub("[^\0-\x7f]", "\ufffd", value).encode()
    yield raw.replace(b'"', b'""')
    yield raw.replace(b"'", b"''")
    yield raw.replace(b"'", rb"'\''")
    yield raw.replace(b" ", b"_")  # RFC 2047 section 4.2
    yield from _in_seven_bits(value)


def _in_seven_bits(value: str) -> Iterable[bytes]:
    """UTF-7, with and without what need not be coded in it, and as mailboxes are named: RFC 2152,
    RFC 3501 section 5.1.3.
    """
    for plain in (_DIRECT_IN_UTF_7, _DIRECT_IN_UTF_7 + _OPTIONAL_IN_UTF_7):
        yield _shifted(value, plain, b"+", b"/")
    yield _shifted(value, _DIRECT_IN_A_MAILBOX, b"&", b",")


def _shifted(value: str, plain: str, shift: bytes, slash: bytes) -> bytes:
    written = list[bytes]()
    for direct, signs in groupby(value, plain.__contains__):
        part = "".join(signs)
        if direct:
            written.append(part.encode())
            continue
        for itself, more in groupby(part, shift.decode().__eq__):
            units = "".join(more).encode("utf-16-be", "surrogatepass")
            coded = base64.b64encode(units).rstrip(b"=").replace(b"/", slash)
            # A shift alone is written as one that shifts nothing.
            written.append((shift + b"-") * (len(units) // 2) if itself else shift + coded + b"-")
    return b"".join(written)


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


def _base32(raw: bytes) -> set[bytes]:
    """The same for base32 and its groups of five (RFC 4648 section 6)."""
    found = set[bytes]()
    for offset in range(5):
        begin = (offset * 8 + 4) // 5
        end = (offset + len(raw)) * 8 // 5
        found.add(base64.b32encode(b"\0" * offset + raw)[begin:end])
    return {one for one in found if len(one) >= _LEAST_CODED}
