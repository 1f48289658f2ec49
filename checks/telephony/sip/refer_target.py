"""Where a REFER leads to (RFC 3515 section 2.1), read so narrowly that the engine, which calls the
very URI, goes where it was read to go and nowhere else.

    <sip:8000@pbx.example;transport=tcp?Replaces=a%40b%3Bto-tag%3D1>    8000 at pbx.example
    <sip:8000@pbx.example;maddr=192.0.2.9>, <sip:8000@pbx.example?Route=…>, "<sip:8000@…>" <sip:…>
                                                                        None

Rules: one URI with one user and one host; of its parameters and headers (RFC 3261 section 19.1.1)
those alone that lead nowhere else. A far end that writes more is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

# A name in front holds nothing that begins or ends a URI; the parameters of the header behind it
# are the header's.
_NAME_ADDR = re.compile(r"(?:\"[^\"<>\\]*\"\s*|[^\"<>,:;@]*)<([^<>\"\s]*)>\s*(?:;[^<>\",]*)?")
_URI = re.compile(
    r"sips?:(?P<user>[^@:;?&<>\"\s/]+)@(?P<place>[A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?)"
    r"(?P<parameters>(?:;[A-Za-z0-9!%*_+`'~.-]+(?:=[A-Za-z0-9!%*_+`'~.:\[\]/&$-]+)?)*)"
    r"(?:\?(?P<headers>[^?<>\"\s]*))?",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# maddr and ttl lead to another host, method makes another request of it, lr and the like are of
# routes.
_LEADING = frozenset({"maddr", "ttl", "method", "lr", "received", "comp"})
# RFC 3891, and what says who asked: the call replaces one that stands. Every other would stand in
# our INVITE as the far end writes it, Route before all.
_HARMLESS = frozenset({"replaces", "require", "referred-by"})


@dataclass(frozen=True, slots=True)
class ReferTarget:
    """Whom a REFER wants called."""

    user: str
    place: str
    """host or host:port, as it is written"""


def refer_target(written: str) -> ReferTarget | None:
    """The user and host of a Refer-To; None for one that says more, or says it oddly."""
    written = written.strip()
    named = _NAME_ADDR.fullmatch(written)
    found = _URI.fullmatch(named[1] if named else written)
    # A line break within a header's value would begin a header of its own in our INVITE.
    if found is None or _CONTROL.search(unquote(written)):
        return None
    parameters = {one.partition("=")[0].lower() for one in found["parameters"].split(";")[1:]}
    headers = {one.partition("=")[0].lower() for one in (found["headers"] or "").split("&")} - {""}
    if parameters & _LEADING or any("%" in one for one in parameters) or headers - _HARMLESS:
        return None
    return ReferTarget(unquote(found["user"]), found["place"])
