"""Heads of answers that break RFC 9112 and that every browser takes all the same: read as browsers
read them, and written anew in good form, so that one strict parser reads whatever comes after.

    http/1.1 200                        the name of the protocol in small letters
    X-Long: one\\r\\n two                 folded (RFC 9112 section 5.2)
    X-Old : yes                         a blank before the colon
    X Bad Name: 1, : nothing, no colon  no field at all: passed over
    Set-Cookie: a\\x01b                  a control character in a value
    Content-Length: 78, 78              one length, said twice (RFC 9110 section 8.6)
    Content-Length: +78                 no length: the page ends with the connection
    Content-Length beside chunked       chunked counts (RFC 9112 section 6.3)

Rules: browsers agree on all of these (Chromium's net/http was the measure); a NUL, two different
lengths and a first line without a status stay a fault, as they are there or ought to be. Linear in
the length of the head, which its reader bounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Chromium looks for the name of the protocol within the first bytes, past what a script has let
# slip (net/http/http_util.cc, LocateStartOfStatusLine).
_SLIP_BYTES = 4
# Every repetition is bounded or ends at a sign that it does not take: linear.
_FIRST = re.compile(rb"(?i)http(?:/(\d{1,3})(?:\.(\d{1,3}))?)?[ \t]+(\d{3})(?!\d)[ \t]*(.*)", re.S)
# RFC 9110 section 5.6.2: what the name of a field is made of.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LINE_END = re.compile(rb"\r?\n|\r")
_LENGTH = re.compile(rb"\d{1,18}")
Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Forgiven:
    """A head as browsers read it. `fields` is without those that frame the message."""

    version: str
    status: int
    reason: bytes
    fields: Fields
    framing: Fields

    def written(self) -> bytes:
        """A head in good form that frames the message alike, and says nothing else."""
        return self._in_form(b"x", [(b"Connection", b"close"), *self.framing])

    def in_full(self) -> bytes:
        """A head in good form that says all that it said."""
        return self._in_form(self.reason, [*self.fields, *self.framing])

    def _in_form(self, reason: bytes, fields: Fields) -> bytes:
        lines = [b"HTTP/1.1 %d %s" % (self.status, _plain(reason))]
        lines += [name + b": " + _plain(value) for name, value in fields]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def end_of_head(data: bytes | bytearray) -> int:
    """Where the body begins; -1 where the head goes on. An empty line may end by LF alone."""
    ends = [
        at + len(end) for end in (b"\r\n\r\n", b"\n\n", b"\n\r\n") if (at := data.find(end)) >= 0
    ]
    return min(ends, default=-1)


def final_head(came: bytearray) -> tuple[Forgiven, bytes] | None:
    """The head of the answer itself, and what follows it; None where it is not whole yet, or none.
    Heads of 1xx before it are taken out of `came`: each is looked at once.
    """
    while True:
        while came and came[0] in b"\r\n":
            del came[:1]
        if (length := end_of_head(came)) < 0 or (found := read(bytes(came[:length]))) is None:
            return None
        # RFC 9110 section 15.2: 1xx come before the answer; 101 is one, to who asked for it.
        if found.status >= 200 or found.status == 101:
            return found, bytes(came[length:])
        del came[:length]


def is_hopeless(came: bytearray) -> bool:
    """Whether what came can become no head of an answer, however much follows."""
    begun = bytes(came[:64]).lstrip(b"\r\n")
    within = begun[: _SLIP_BYTES + len(b"http")].lower()
    whole = len(begun) >= _SLIP_BYTES + len(b"http") or b"\n" in begun
    return (whole and b"http" not in within) or b"\0" in came or end_of_head(came) >= 0


def read(head: bytes) -> Forgiven | None:
    """A head as browsers read it; None for what they do not take either."""
    # Browsers refuse a NUL in any header: it is how a header is smuggled past a filter.
    if b"\0" in head:
        return None
    first, *lines = _unfolded(head.lstrip(b"\r\n"))
    begin = first.lower().find(b"http", 0, _SLIP_BYTES + len(b"http"))
    match = _FIRST.fullmatch(first[begin:].strip()) if begin >= 0 else None
    if match is None:
        return None
    fields = [field for line in lines if (field := _field(line))]
    framing = _framing(fields)
    if framing is None:
        return None
    version = "1.0" if (match[1], match[2]) in ((b"1", b"0"), (b"0", b"9")) else "1.1"
    plain = [field for field in fields if field[0].lower() not in _FRAMING]
    return Forgiven(version, int(match[3]), match[4], plain, framing)


def _plain(words: bytes) -> bytes:
    """Words without control characters, which strict parsers refuse (RFC 9110 section 5.5)."""
    return words.translate(None, bytes({*range(9), *range(10, 32), 127}))


_FRAMING = (b"content-length", b"transfer-encoding")


def _unfolded(head: bytes) -> list[bytes]:
    """Lines, each with those that continue it; a lone CR ends one too, as browsers have it."""
    lines: list[list[bytes]] = []
    for line in _LINE_END.split(head):
        if line[:1] in (b" ", b"\t") and len(lines) > 1:
            lines[-1].append(line.strip())
        else:
            lines.append([line])
    return [b" ".join(parts) for parts in lines]


def _field(line: bytes) -> tuple[bytes, bytes] | None:
    """A name with its value; None for a line that is no field, which is passed over."""
    name, colon, value = line.partition(b":")
    name = name.rstrip(b" \t")
    return (name, value.strip(b" \t")) if colon and _TOKEN.fullmatch(name) else None


def _framing(fields: Fields) -> Fields | None:
    """What frames the message; None for two lengths that differ (RFC 9112 section 6.3)."""
    codings = b",".join(value for name, value in fields if name.lower() == b"transfer-encoding")
    if b"chunked" in {one.strip().lower() for one in codings.split(b",")}:
        return [(b"Transfer-Encoding", b"chunked")]
    lengths = {
        one.strip()
        for name, value in fields
        if name.lower() == b"content-length"
        for one in value.split(b",")
    }
    if len(lengths) > 1:
        return None
    # What is no number is no length: then the end of the connection is the end of the page.
    return [(b"Content-Length", one) for one in lengths if _LENGTH.fullmatch(one)]
