"""Content codings (RFC 9110, section 8.4.1): gzip and deflate, unpacked no further than is wanted.

A few kilobytes of gzip unpack to gigabytes; so never more is unpacked than there is room for.
"""

from __future__ import annotations

import zlib

from checks.contract import Failed

# br and zstd are not in the standard library of Python 3.11; a server should not send what was not
# offered (RFC 9110 section 12.5.3).
OFFERED = "gzip, deflate"
# zlib.h, inflateInit2: 16 added to the window bits makes it expect the header of gzip (RFC 1952)
# alone.
_GZIP = zlib.MAX_WBITS | 16


class Body:
    """Gathers a body, unpacking it as it comes, up to `most` bytes."""

    def __init__(self, coding: str, most: int) -> None:
        """Raises Failed for a coding that was never offered."""
        self.content, self.came, self.full = bytearray(), 0, False
        self._most, self._coding = most, coding.strip().lower()
        self._unpacking = None
        self._beginning: bytes | None = None
        # RFC 9110 section 8.4.1.3: x-gzip means the same.
        if self._coding in ("gzip", "x-gzip"):
            self._unpacking = zlib.decompressobj(_GZIP)
        elif self._coding == "deflate":
            self._unpacking, self._beginning = zlib.decompressobj(), b""
        elif self._coding not in ("", "identity"):
            raise Failed(
                "bad-encoding", f"a content coding that nobody offered to read: {self._coding[:60]}"
            )

    def feed(self, data: bytes) -> None:
        """Take a piece. `full` says that more came than there is room for. Raises Failed."""
        self.came += len(data)
        if self._unpacking is None:
            room = self._most - len(self.content)
            self.content += data[:room] if len(data) > room else data
            self.full = self.full or len(data) > room
            return
        if self._beginning is not None:
            data = self._deflated(self._beginning + data)
        while data and not self.full:
            data = self._unpacked(data)

    def end(self) -> None:
        """The message is over. Raises Failed when what was packed is not."""
        # An empty body is none at all: a 200 to HEAD says gzip and sends nothing.
        if self._unpacking is not None and self.came and not self._unpacking.eof and not self.full:
            raise Failed("broken-off", f"the page's {self._coding} ended in its middle")

    def _deflated(self, data: bytes) -> bytes:
        """Data to unpack, once it is known whether deflate has its header (RFC 1950) or is bare, as
        some servers mean it.
        """
        if len(data) < 2:
            self._beginning = data
            return b""
        self._beginning = None
        # RFC 1950 section 2.2: compression method 8, and the first two bytes a multiple of 31. RFC
        # 9110 section 8.4.1.2 knows that some servers send deflate without this header.
        if data[0] & 15 != 8 or (data[0] << 8 | data[1]) % 31:
            self._unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
        return data

    def _unpacked(self, data: bytes) -> bytes:
        """Unpack as much as there is room for; returns what is left: nothing, or another gzip after
        the first.
        """
        assert self._unpacking is not None  # noqa: S101 - asked for above
        room = self._most - len(self.content)
        try:
            # One byte more than there is room for, which tells "just full" from "too much".
            out = self._unpacking.decompress(data, room + 1)
        except zlib.error:
            raise Failed("bad-encoding", f"what came is no {self._coding}") from None
        self.content += out[:room]
        self.full = len(out) > room
        if not self._unpacking.eof:
            return self._unpacking.unconsumed_tail
        # RFC 1952 section 2.2: a gzip file may have several members one after the other; servers
        # that compress chunk by chunk send such.
        if (left := self._unpacking.unused_data) and self._coding.endswith("gzip"):
            self._unpacking = zlib.decompressobj(_GZIP)
            return left
        return b""
