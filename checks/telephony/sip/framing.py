"""Where a SIP message ends in a stream (RFC 3261 sections 18.3 and 20.14)."""

from __future__ import annotations

import re

LONGEST_BYTES = 65_536
"""of a message: a head without an end would fill the memory"""
_FOLDED = re.compile(rb"\r\n[ \t]+")
# RFC 3261 section 25.1: HCOLON allows blanks before the colon; parsers do not.
_BLANK_COLON = re.compile(rb"(?m)^([A-Za-z0-9.!%*_+`'~-]+)[ \t]+:")
# l is the compact form of Content-Length (RFC 3261 section 7.3.3).
_LENGTHS = re.compile(rb"(?im)^(?:content-length|l)[ \t]*+:([^\r\n]*+)\r?$")


class TooLong(ValueError):
    """What came does not end."""


class Stream:
    """Takes bytes as they arrive, gives whole messages."""

    def __init__(self) -> None:
        self._buffer = b""

    def take(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. Raises TooLong."""
        # CRLF between messages is a keep-alive (RFC 5626 section 3.5.1).
        self._buffer = (self._buffer + data).lstrip(b"\r\n")
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        if not found and len(self._buffer) > LONGEST_BYTES:
            raise TooLong("what came does not end")
        return found

    def _next(self) -> bytes | None:
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        # RFC 3261 section 20.14: over a stream Content-Length is required.
        body = body_length(head + b"\r\n") if blank else 0
        if not blank or len(rest) < body:
            return None
        end = len(head) + len(blank) + body
        message, self._buffer = self._buffer[:end], self._buffer[end:].lstrip(b"\r\n")
        return message


def unfolded(head: bytes) -> bytes:
    """A head with one line for each header, and no blank before its colon."""
    return _BLANK_COLON.sub(rb"\1:", _FOLDED.sub(b" ", head))


def lengths(head: bytes) -> list[bytes]:
    """Every Content-Length of a head that was unfolded, as it was written."""
    return [found.strip(b" \t") for found in _LENGTHS.findall(head)]


def body_length(head: bytes) -> int:
    """What the head of a message, line ends and all, says of its body; 0 if nothing."""
    found = lengths(unfolded(head))
    written = found[0][:10] if found else b""
    return int(written) if written.isdigit() else 0
