"""Where a body ends (RFC 9112 sections 6 and 7), read as browsers read it.

    d;name=value CRLF  thirteen bytes CRLF  0 CRLF  trailers  CRLF

Rules: the size of a chunk is hexadecimal digits and nothing else before it (neither +, 0x nor a
blank); blanks after it (no tab), a lone LF and an extension without a name are forgiven, as
browsers forgive them. Whatever comes after the end is not looked at.
"""

from __future__ import annotations

import re

from checks.transport.http.forgiving import Fields

_SIZE = re.compile(rb"0{0,4096}([0-9A-Fa-f]{1,16}) *(;.*)?", re.S)
# Chromium's limit of such a line is 16 kB; what is longer frames nothing.
_LONGEST_LINE = 16_384
_MOST_TRAILERS = 2000


def framed(framing: Fields) -> Chunks | Plain:
    """What reads a body that is framed so: by chunks, by a length, by the end of the connection."""
    for name, value in framing:
        if name.lower() == b"transfer-encoding":
            return Chunks()
        return Plain(int(value))
    return Plain(None)


class Plain:
    """A body of some length, or up to the end of the connection."""

    broken, forgiven = "", ""

    def __init__(self, length: int | None) -> None:
        self._left = length
        self._pieces: list[bytes] = []

    @property
    def delimited(self) -> bool:
        """Whether its end was announced."""
        return self._left is not None

    @property
    def complete(self) -> bool:
        """Whether all of it has come."""
        return self._left == 0

    def feed(self, data: bytes) -> None:
        """Take what came."""
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        self._pieces.append(data)

    def taken(self) -> list[bytes]:
        """What of the body has come since the last time."""
        pieces, self._pieces = self._pieces, []
        return pieces


class Chunks:
    """A body in chunks."""

    delimited = True

    def __init__(self) -> None:
        self.complete, self.broken, self.forgiven = False, "", ""
        self._came, self._left, self._trailers = bytearray(), 0, 0
        self._pieces: list[bytes] = []
        self._at_size = True
        self._in_trailer = False

    def feed(self, data: bytes) -> None:
        """Take what came; what breaks the frame is kept as `broken`."""
        self._came += data
        at = 0
        while not self.complete and not self.broken:
            if (after := self._data(at) if self._left else self._line(at)) == at:
                break
            at = after
        del self._came[:at]

    def taken(self) -> list[bytes]:
        """What of the body has come since the last time."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def _data(self, at: int) -> int:
        piece = bytes(self._came[at : at + self._left])
        self._pieces.append(piece)
        self._left -= len(piece)
        return at + len(piece)

    def _line(self, at: int) -> int:
        end = self._came.find(b"\n", at)
        if end < 0:
            if len(self._came) - at > _LONGEST_LINE:
                self.broken = "a line of a chunk does not end"
            return at
        line = bytes(self._came[at:end])
        if not line.endswith(b"\r"):
            self.forgiven = "a line of a chunk ends by LF alone"
        self._take(line.removesuffix(b"\r"))
        return end + 1

    def _take(self, line: bytes) -> None:
        if self._in_trailer:
            self._trailers += 1
            self.complete = not line
            if self._trailers > _MOST_TRAILERS:
                self.broken = "the trailer does not end"
        # RFC 9112 section 7.1: a line end closes the data of each chunk.
        elif not self._at_size:
            self._at_size = True
            if line:
                self.broken = "a chunk is longer than it says"
        elif match := _SIZE.fullmatch(line):
            self._left, self._at_size = int(match[1], 16), False
            self._in_trailer = self._left == 0
            if match[2] == b";":
                self.forgiven = "an extension of a chunk without a name"
        else:
            self.broken = "the size of a chunk is no number"
