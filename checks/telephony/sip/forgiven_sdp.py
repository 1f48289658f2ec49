"""A session description as phones read it that forgive (RFC 4566, RFC 8866): what a strict parser
stumbles over is written as it was meant, and everything else stays as it came.

    s=                                 s=-
    o=My PBX 1 1 IN IP4 192.0.2.7      o=My_PBX 1 1 IN IP4 192.0.2.7
    c=IN IP4 192.0.2.7/127             c=IN IP4 192.0.2.7
    m=audio  4000 rtp/avp 8            m=audio 4000 RTP/AVP 8
    a=                                 left out

baresip, SIPp and Asterisk take each of these. Nothing is made up of a stream: its port, address,
protocol and formats are those that were sent, or the parser's refusal stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# User, session, version, network, kind of address, address (RFC 4566 section 5.2).
_ORIGIN = re.compile(r"(.*\S)?\s+(\d+)\s+(\d+)\s+(IN)\s+(IP[46])\s+(\S+)", re.IGNORECASE)
_NOBODY = "- 0 0 IN IP4 0.0.0.0"
# An address for one has no time to live (RFC 4566 section 5.7).
_CONNECTION = re.compile(r"IN\s+(IP[46])\s+([^\s/]+)(?:/\d+)*", re.IGNORECASE)
# Media, port, number of ports, protocol, formats (RFC 4566 section 5.14).
_MEDIA = re.compile(r"(\w+)\s+(\d+(?:/\d+)?)\s+([\w/]+)\s+(\S.*)")
# A line has a type of one letter, "=" and a value; what has not is nothing.
_LINE = re.compile(r"\s{0,8}([A-Za-z])\s{0,8}=(.*)")
_ATTRIBUTE = re.compile(r"([^\s:]+)(?:\s{0,8}:\s{0,8}(.*))?")
# What fits the 64 bits that many parsers have for the numbers of an origin.
_DIGITS = 18
_BANDWIDTH = re.compile(r"[\w-]+:\d+(\.\d+)?")
# The longest that a description is read at all: far ends send one or two thousand bytes.
_LONGEST = 32768


def forgiven(body: bytes) -> tuple[bytes, list[str]]:
    """The description as it was meant, and the lines that were read otherwise than they came."""
    if len(body) > _LONGEST:
        return body, []
    text = body.decode("utf-8-sig", "surrogateescape").replace("\0", "")
    came = re.split(r"\r\n|\r|\n", text)
    came = came[:-1] if not came[-1] else came
    changed = [] if text.encode("utf-8", "surrogateescape") == body else ["a NUL, or a BOM"]
    kept = list[str]()
    for line in came:
        meant = _meant(line)
        kept += [meant] if meant else []
        # A blank at a line's end is forgiven by every parser.
        if not meant or meant != line.rstrip():
            changed.append(repr(line[:60]))
    whole = list(_whole(kept))
    changed += [f"no {one[:2]}" for one in whole if one not in kept]
    return "".join(f"{one}\r\n" for one in whole).encode("utf-8", "surrogateescape"), changed


def _meant(line: str) -> str:
    """A line as it was meant; "" where it says nothing."""
    found = _LINE.fullmatch(line)
    if not found:
        return ""
    kind, value = found[1].lower(), found[2].strip()
    match kind:
        case "s":
            return f"s={value or '-'}"
        case "o":
            return f"o={_origin(value)}"
        case "c" if known := _CONNECTION.fullmatch(value):
            return f"c=IN {known[1].upper()} {known[2]}"
        case "m" if known := _MEDIA.fullmatch(value):
            formats = " ".join(known[4].split())
            return f"m={known[1].lower()} {known[2]} {known[3].upper()} {formats}"
        case "a":
            return _attribute(value)
        case "b" if not _BANDWIDTH.fullmatch(value):
            return ""
        case "v":
            return "v=0"
    return f"{kind}={value}" if value else ""


def _origin(value: str) -> str:
    """Only its user may have blanks that others put in."""
    if found := _ORIGIN.fullmatch(value):
        user = "_".join((found[1] or "-").split())
        session, version = found[2][-_DIGITS:], found[3][-_DIGITS:]
        return f"{user} {session} {version} IN {found[5].upper()} {found[6]}"
    return value if len(value.split(" ")) == 6 else _NOBODY


def _attribute(value: str) -> str:
    """One without a name, or a format's parameters that are none, says nothing."""
    known = _ATTRIBUTE.fullmatch(value)
    if not known:
        return ""
    name, said = known[1], known[2] or ""
    if name.lower() in ("rtpmap", "fmtp"):
        # Blanks count in no attribute that a codec is read from.
        said = " ".join(said.split())
        return f"a={name}:{said}" if " " in said else ""
    return f"a={name}:{said}" if said else f"a={name}"


def _whole(lines: list[str]) -> Iterator[str]:
    """With the lines that each description has (RFC 4566 section 5), in their order."""
    rest = [one for one in lines if not one.startswith(("v=", "o=", "s="))]
    for kind, otherwise in (("v=", "v=0"), ("o=", f"o={_NOBODY}"), ("s=", "s=-")):
        yield next((one for one in lines if one.startswith(kind)), otherwise)
    yield from rest
