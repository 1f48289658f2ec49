"""Addresses as the headers of a far end hold them: Contact, From, To, Route, Record-Route (RFC 3261
sections 20.10 and 25.1).

    "Ops <desk>, night" <sip:far@Edge.example:5060;lr> ; Expires = 60

Rules: lenient in form, as phones are: quoted names, lists in one line, blanks around every sign,
any case, no brackets, any scheme. Names of parameters come in lower case. Linear in what came.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

# A quoted string with its escapes, or a URI in brackets: no sign in them divides anything. A quote
# without its end takes all that follows, so that nothing is looked at twice.
_WHOLE = r'"(?:[^"\\]|\\.)*+"?|<[^<>]*+>'
_PIECE = re.compile(rf"{_WHOLE}|[^,;\"<]++|.", re.DOTALL)
_SIP = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@:;?<>\s]+)(?::[^@\s]*)?@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?(?P<rest>[;?][^\s<>]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class NameAddress:
    """One address: its URI as it was written, and the parameters of the header."""

    uri: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SipUri:
    """The parts of a SIP URI that say where it leads: user unescaped, host in lower case."""

    scheme: str
    user: str
    host: str
    port: int | None
    parameters: Mapping[str, str]


def listed(values: Iterable[str], sign: str = ",") -> list[str]:
    """The members of a header that may stand in several lines and several in a line (RFC 3261
    section 7.3.1), in order.
    """
    found = []
    for value in values:
        parts: list[list[str]] = [[]]
        for piece in _PIECE.findall(value):
            if piece == sign:
                parts.append([])
            else:
                parts[-1].append(piece)
        found += [whole for part in parts if (whole := "".join(part).strip())]
    return found


def addresses(values: Iterable[str]) -> list[NameAddress]:
    """Every address of a header. Raises ValueError for what is none."""
    return [_read(one) for one in listed(values)]


def parameters(text: str) -> dict[str, str]:
    """Parameters behind a semicolon each, quotes taken off; a repeated one has its first value."""
    found: dict[str, str] = {}
    for part in listed([text], ";"):
        name, _, value = part.partition("=")
        found.setdefault(name.strip().lower(), plain(value))
    return found


def plain(value: str) -> str:
    """A token, or a quoted string without its quotes and escapes."""
    bare = value.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        return re.sub(r"\\(.)", r"\1", bare[1:-1], flags=re.DOTALL)
    return bare


def sip_uri(uri: str) -> SipUri:
    """The parts of a SIP or SIPS URI. Raises ValueError for any other."""
    found = _SIP.fullmatch(uri.strip())
    if found is None or int(found["port"] or 0) > 65535:
        raise ValueError(f"{uri[:80]!r} is no SIP URI")
    # RFC 3261 section 19.1.4: scheme, host and names of parameters have no case, the user has.
    return SipUri(
        found["scheme"].lower(),
        unquote(found["user"] or ""),
        found["host"].lower().rstrip("."),
        int(found["port"]) if found["port"] else None,
        parameters((found["rest"] or "").partition("?")[0]),
    )


def _read(one: str) -> NameAddress:
    pieces = _PIECE.findall(one)
    at = next((n for n, piece in enumerate(pieces) if len(piece) > 1 and piece[0] == "<"), None)
    if at is not None:
        uri, rest = pieces[at][1:-1].strip(), "".join(pieces[at + 1 :])
    else:
        # RFC 3261 section 20: without brackets a parameter belongs to the header, not to the URI.
        uri, _, rest = one.partition(";")
        rest = rest and ";" + rest
    # "*" stands for all bindings; every other address has a scheme.
    if not uri.strip() or any(sign in uri for sign in '<>"') or (":" not in uri and uri != "*"):
        raise ValueError(f"{one[:80]!r} is no address")
    return NameAddress(uri.strip(), parameters(rest))
