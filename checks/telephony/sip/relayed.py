"""A SIP message on its way through our own relay, which has TLS where the engine has TCP: written
anew, so that neither side sees that there are two connections.

Towards the far end the relay is not there: the topmost Via (RFC 3261 section 20.42) and Contact
name our end of the TLS connection, and its own entries of Route and Record-Route are gone. Towards
the engine it is a proxy that stays in the path (RFC 3261 section 16.6, items 4 and 8): every later
request of a dialog comes through it.

Bodies and every other line pass as they came. Linear in the message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

from checks.telephony.sip.framing import unfolded
from checks.telephony.sip.name_address import listed

# Of our own engine alone, which is bound to the loopback address for the relay.
_ENGINE = re.compile(r"(?<=[@:])(127\.0\.0\.1:\d{1,5})([^<>,\s]*)")
_BY_TCP = re.compile(r";transport=tcp", re.IGNORECASE)
_BY_TLS = re.compile(r";transport=tls", re.IGNORECASE)
_SENT_BY = re.compile(r"SIP/2\.0/TCP ([^\s;]+)", re.IGNORECASE)
_ADDED = re.compile(r";(?:received|rport)=[^;,\s]*", re.IGNORECASE)
_LONG = {"v": "via", "m": "contact"}
_Lines = list[tuple[str, str]]


class Relayed:
    """Rewrites the messages of one connection: `relay` is where the engine sends to, `own` our end
    of the TLS connection, each as host:port.
    """

    def __init__(self, relay: str, own: str) -> None:
        self._relay, self._own = relay, own
        self._sent_by, self._contact = relay, relay

    def outward(self, message: bytes) -> bytes:
        """What the engine says, as the far end gets it."""
        return self._written(message, self._to_far_end)

    def inward(self, message: bytes) -> bytes:
        """What the far end says, as the engine gets it."""
        return self._written(message, self._to_engine)

    def _written(self, message: bytes, change: Callable[[str, _Lines], _Lines]) -> bytes:
        head, blank, body = message.partition(b"\r\n\r\n")
        # Bytes of any encoding pass as they are.
        text = unfolded(head).decode("latin-1")
        first, *rest = text.split("\r\n")
        lines = change(first, [(_name(line), line) for line in rest])
        return "\r\n".join([first, *(line for _, line in lines)]).encode("latin-1") + blank + body

    # --- towards the far end

    def _to_far_end(self, first: str, lines: _Lines) -> _Lines:
        if first.startswith("SIP/"):
            lines = _without_top_via(lines)
        else:
            lines = _with_top_via(lines, self._seen_as_ours)
        return [(name, kept) for name, line in lines if (kept := self._outside(name, line))]

    def _outside(self, name: str, line: str) -> str:
        """A header as it is outside; "" where nothing of it is."""
        if name in ("route", "record-route"):
            return self._without_us(line)
        return _ENGINE.sub(self._our_contact, line) if name == "contact" else line

    def _seen_as_ours(self, via: str) -> str:
        if found := _SENT_BY.match(via):
            self._sent_by = found[1]
        return _SENT_BY.sub(f"SIP/2.0/TLS {self._own}", via, count=1)

    def _our_contact(self, found: re.Match[str]) -> str:
        self._contact = found[1]
        return self._own + _BY_TCP.sub(";transport=tls", found[2])

    def _without_us(self, line: str) -> str:
        """A Route or Record-Route without our entry; "" where it had no other."""
        name, _, value = line.partition(":")
        kept = [one for one in listed([value]) if f"<sip:{self._relay};" not in one]
        return f"{name}: {', '.join(kept)}" if kept else ""

    # --- towards the engine

    def _to_engine(self, first: str, lines: _Lines) -> _Lines:
        lines = [
            (name, self._engines_contact(line) if name == "contact" else line)
            for name, line in lines
        ]
        us = ("record-route", f"Record-Route: <sip:{self._relay};transport=tcp;lr>")
        if first.startswith("SIP/"):
            lines = _with_top_via(lines, self._seen_as_the_engine_s)
            # Who answers has the first proxy of the way last (RFC 3261 section 12.1.2).
            last = max((n for n, (name, _) in enumerate(lines) if name == us[0]), default=-1)
            lines.insert(last + 1, us)
            return lines
        branch = hashlib.sha256("".join(_top_via(lines)).encode("latin-1", "replace")).hexdigest()
        # RFC 3261 section 16.11: a proxy without memory has the same branch for an INVITE, its
        # CANCEL, its ACK and each repetition.
        via = f"Via: SIP/2.0/TCP {self._relay};branch=z9hG4bK{branch[:24]}"
        return [("via", via), us, *lines]

    def _seen_as_the_engine_s(self, via: str) -> str:
        sent, sign, parameters = via.partition(";")
        if " ".join(sent.split()).lower() != f"sip/2.0/tls {self._own}".lower():
            return via
        asked = ";rport" if ";rport" in parameters.lower() else ""
        return f"SIP/2.0/TCP {self._sent_by}{asked}{_ADDED.sub('', sign + parameters)}"

    def _engines_contact(self, line: str) -> str:
        head, sign, rest = line.partition(f"@{self._own}")
        if not sign:
            return line
        uri, bracket, tail = rest.partition(">")
        return f"{head}@{self._contact}{_BY_TLS.sub(';transport=TCP', uri)}{bracket}{tail}"


def _name(line: str) -> str:
    name = line.partition(":")[0].strip().lower()
    return _LONG.get(name, name)


def _at(lines: _Lines) -> int:
    return next((n for n, (name, _) in enumerate(lines) if name == "via"), -1)


def _top_via(lines: _Lines) -> Sequence[str]:
    return listed([lines[_at(lines)][1].partition(":")[2]])[:1] if _at(lines) >= 0 else ()


def _without_top_via(lines: _Lines) -> _Lines:
    if (at := _at(lines)) < 0:
        return lines
    rest = listed([lines[at][1].partition(":")[2]])[1:]
    kept = [("via", f"Via: {', '.join(rest)}")] if rest else []
    return [*lines[:at], *kept, *lines[at + 1 :]]


def _with_top_via(lines: _Lines, change: Callable[[str], str]) -> _Lines:
    if (at := _at(lines)) < 0:
        return lines
    top, *rest = listed([lines[at][1].partition(":")[2]]) or [""]
    return [*lines[:at], ("via", f"Via: {', '.join([change(top), *rest])}"), *lines[at + 1 :]]
