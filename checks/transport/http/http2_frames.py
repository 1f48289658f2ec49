"""Frames and fields of HTTP/2 as browsers take them, before the state machine of h2 sees them.

    refused here    a priority scheme that changes (RFC 9218 section 2.1), extended CONNECT that is
                    taken back (RFC 8441 section 3), GOAWAY of a stream, flags that DATA does not
                    have, an ALTSVC whose value is none
    passed over     settings out of their range, pushes allowed by a server, credit or data for
                    streams that are none of ours, priorities; fields of the connection, lengths
                    that are none, statuses in a trailer

Rules: Chromium's framer and session were the measure, each line tried against it; what is passed
over breaks RFC 9113 all the same, and is said in `forgiven`. One frame at a time, linear.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from hpack import Decoder, HeaderTuple

from checks.contract import Failed
from checks.transport.http.forgiving import framing

# RFC 9113 section 6, RFC 7838 section 4.
_DATA, _HEADERS, _PRIORITY, _SETTINGS, _GOAWAY, _WINDOW_UPDATE, _ALTSVC = 0, 1, 2, 4, 7, 8, 10
HEADER_BYTES = 9
_OUR_STREAM = 1
_ACK = 1
_DATA_FLAGS = 0x09
"""END_STREAM and PADDED (RFC 9113 section 6.1)"""
_PRIORITY_BYTES = 5
# RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1.
_ENABLE_PUSH, _INITIAL_WINDOW_SIZE, _MAX_FRAME_SIZE = 2, 4, 5
_CONNECT_PROTOCOL, _NO_PRIORITIES = 8, 9
_ONCE_SAID = {_CONNECT_PROTOCOL: "extended CONNECT", _NO_PRIORITIES: "no priorities"}
_RANGE = {
    _ENABLE_PUSH: range(1),
    _INITIAL_WINDOW_SIZE: range(2**31),
    _MAX_FRAME_SIZE: range(2**14, 2**24),
}
# RFC 7838 section 3: `clear`, or a list of alternatives, each with an authority in quotes. Every
# repetition ends at a sign that it does not take: linear.
_ALTERNATIVE = (
    rb"""[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+="(?:[^"\\]|\\.)*:\d{1,5}"[ \t]*"""
    rb"""(?:;[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+=(?:"(?:[^"\\]|\\.)*"|[^",; \t]+)[ \t]*)*"""
)
_ALTERNATIVES = re.compile(rb"clear|%b(?:,%b)*" % (_ALTERNATIVE, _ALTERNATIVE), re.I | re.S)
# RFC 9113 section 8.2.2. Transfer-Encoding is not among them: browsers refuse it.
_OF_A_CONNECTION = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"te"})
_MOST_FORGIVEN = 5
"""how many kinds of breach are told; a far end that makes each of them is told by these"""


class Forgiven(list[str]):
    """What was passed over, each kind of it once."""

    def note(self, what: str) -> None:
        """Keep a breach for whoever reads of this look."""
        if what not in self and len(self) < _MOST_FORGIVEN:
            self.append(what)


class Frames:
    """The server's frames of one connection, in their order."""

    def __init__(self, forgiven: Forgiven) -> None:
        self._forgiven = forgiven
        self._said = dict.fromkeys(_ONCE_SAID, 0)
        self._settled = False

    def taken(self, frame: bytes) -> bytes:
        """What h2 shall have of a whole frame; empty for nothing. Raises Failed."""
        kind, flags = frame[3], frame[4]
        stream = int.from_bytes(frame[5:9], "big") & 0x7FFFFFFF
        if kind == _SETTINGS and not flags & _ACK:
            return self._settings(frame)
        if kind == _GOAWAY and stream:
            raise Failed("bad-peer", "HTTP/2: GOAWAY of a stream, and not of the connection")
        if kind == _ALTSVC:
            _look_at_alternatives(frame[HEADER_BYTES:])
        if kind == _DATA and flags & ~_DATA_FLAGS:
            raise Failed("bad-peer", f"HTTP/2: browsers know no DATA with the flags {flags:#04x}")
        if kind == _PRIORITY and stream and len(frame) == HEADER_BYTES + _PRIORITY_BYTES:
            return b""
        if kind in (_DATA, _WINDOW_UPDATE) and stream not in (0, _OUR_STREAM):
            self._forgiven.note(f"a frame of stream {stream}, which nobody opened")
            return b""
        return frame

    def _settings(self, frame: bytes) -> bytes:
        """Settings without those that browsers do not heed."""
        payload = frame[HEADER_BYTES:]
        if len(payload) % 6:
            return frame  # h2 tells it as what it is
        kept = b""
        for name, value in struct.iter_unpack("!HI", payload):
            self._hold_to_what_was_said(name, value)
            if name in _RANGE and value not in _RANGE[name]:
                self._forgiven.note(f"its setting {name} is {value}, which is out of its range")
            else:
                kept += struct.pack("!HI", name, value)
        self._settled = True
        return len(kept).to_bytes(3, "big") + frame[3:HEADER_BYTES] + kept

    def _hold_to_what_was_said(self, name: int, value: int) -> None:
        if name not in _ONCE_SAID:
            return
        if value not in (0, 1):
            raise Failed("bad-peer", f"HTTP/2: its setting {name} is {value}, and not 0 or 1")
        # Extended CONNECT may come later, and not go again; priorities are settled by the first
        # frame, in which the last word counts.
        changed = value < self._said[name] if name == _CONNECT_PROTOCOL else self._settled
        if changed and value != self._said[name]:
            raise Failed("bad-peer", f"HTTP/2: its setting {name} ({_ONCE_SAID[name]}) changes")
        self._said[name] = value


def _look_at_alternatives(payload: bytes) -> None:
    length = int.from_bytes(payload[:2], "big")
    value = payload[2 + length :]
    if len(payload) < 2 + length or not _ALTERNATIVES.fullmatch(value):
        raise Failed("bad-peer", "HTTP/2: browsers end a connection whose ALTSVC has no such value")


class Fields(Decoder):
    """HPACK, and which of the fields count."""

    def __init__(self, forgiven: Forgiven) -> None:
        super().__init__()
        self._forgiven = forgiven
        self.trailing = False
        """whether what comes now is a trailer"""

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """The fields that h2 shall have."""
        found: Iterable[Any] = super().decode(data, raw)
        return list(self._counting(found))

    def _counting(self, fields: Iterable[Any]) -> Iterator[HeaderTuple]:
        for field in fields:
            # Blanks around a value: malformed (RFC 9113 section 8.2.1), taken by Chromium and curl.
            name, value = bytes(field[0]), bytes(field[1]).strip(b" \t")
            if name in _OF_A_CONNECTION or (self.trailing and name == b":status"):
                self._forgiven.note(f"the field {name.decode()}, which HTTP/2 does not have here")
            elif name == b"content-length" and not value.isdigit():
                # Of two lengths that differ h2 says so itself; what is no number is no length.
                self._forgiven.note("a Content-Length that is no number")
                for _, length in framing([(name, value)]) or []:
                    yield type(field)(name, length)
            else:
                yield type(field)(name, value)
