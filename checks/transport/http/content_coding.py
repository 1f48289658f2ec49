"""Content codings (RFC 9110, section 8.4): gzip and deflate, one over the other too, unpacked no
further than is wanted.

A few kilobytes of gzip unpack to gigabytes; so never more is unpacked than there is room for.

Rules, which are those of browsers: what is no coding (utf-8, none, binary) is passed over; what
follows the end of gzip is no page; a checksum that is not right spoils nothing. Each of these is
told, since strict clients refuse it. A coding that exists and was not offered is a fault, and so is
a page that stays packed: nobody can read it.
"""

from __future__ import annotations

import zlib
from typing import Any

from checks.contract import Failed

# br and zstd are not in the standard library of Python 3.11; a server should not send what was not
# offered (RFC 9110 section 12.5.3).
OFFERED = "gzip, deflate"
# RFC 9110 section 8.4.1.3: x-gzip means the same.
_KNOWN = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
# IANA's other codings, which nobody offered to read.
_NOT_OFFERED = frozenset(
    {"aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"}
)
# curl stops at five too (MAX_ENCODE_STACK): each layer multiplies what a few bytes become.
_MOST_CODINGS = 5
# What a layer hands on at once to the next one.
_PIECE = 65_536
# A header of gzip has ten bytes, and a file name perhaps.
_LONGEST_HEADER = 8192
_ADLER_BYTES = 4
# RFC 1951 section 3.2.4: an empty stored block, which a flush leaves behind (zlib, Z_SYNC_FLUSH).
_FLUSHED = b"\x00\x00\xff\xff"
_MAGIC = b"\x1f\x8b"
"""how everything in gzip begins (RFC 1952 section 2.3.1)"""


class Body:
    """Gathers a body, unpacking it as it comes, up to `most` bytes."""

    def __init__(self, codings: str, most: int) -> None:
        """`codings` in the order in which they were applied. Raises Failed for one that was never
        offered.
        """
        self.content, self.came, self.full = bytearray(), 0, False
        self.forgiven: list[str] = []
        self._most, self._between = most, 0
        # RFC 9110 section 8.4: listed as applied, so the last one is taken off first.
        self._layers = [_layer(one) for one in reversed(_agreed(codings, self.forgiven))]

    def feed(self, data: bytes) -> None:
        """Take a piece. `full` says that more came than there is room for. Raises Failed."""
        self.came += len(data)
        self._through(data, self._layers)

    def end(self) -> None:
        """The message is over. Raises Failed when what was packed is not."""
        for layer in self._layers:
            self.forgiven += [layer.forgiven] if layer.forgiven else []
            # An empty body is none at all: a 200 to HEAD says gzip and sends nothing.
            if not self.came or layer.ended or self.full:
                continue
            # A script that ends without ending its packer: browsers and curl show all of the page.
            if layer.flushed:
                self.forgiven.append(f"the page's {layer.name} was flushed and never ended")
            else:
                raise Failed("broken-off", f"the page's {layer.name} ended in its middle")

    def is_packed(self) -> bool:
        """Whether what came out is packed still: packed twice and said once, or not said at all."""
        return self.content.startswith(_MAGIC)

    def _through(self, data: bytes, layers: list[_Layer]) -> None:
        if not layers:
            room = self._most - len(self.content)
            self.content += data[:room] if len(data) > room else data
            self.full = self.full or len(data) > room
            return
        layer, *inner = layers
        while data and not self.full and not layer.ended:
            # One byte more than there is room for, which tells "just full" from "too much".
            room = _PIECE if inner else self._most - len(self.content) + 1
            try:
                out, data = layer.unpacked(data, room)
            except zlib.error:
                raise Failed("bad-encoding", f"what came is no {layer.name}") from None
            self._between += len(out) if inner else 0
            # Between two layers there may be no more than a page packed badly could be.
            self.full = self.full or self._between > 2 * self._most + _PIECE
            self._through(out, inner)
        if layer.ended and data:
            layer.end(data)


def _agreed(codings: str, forgiven: list[str]) -> list[str]:
    """The codings that are to be taken off. Raises Failed."""
    named = [one.strip().lower() for one in codings.split(",")] if codings.strip() else []
    # RFC 9110 section 12.5.3: it stands for every coding, and only in what a client accepts.
    if "*" in named:
        raise Failed("bad-encoding", "a content coding that is none: *")
    if [one for one in named if one not in _KNOWN] and len(named) == 1 and named != ["identity"]:
        _refuse(named)
        # locustio/locust#1233: a charset or the like; browsers show what came as it is.
        forgiven.append(f"no content coding: {named[0][:60]}")
    elif len(named) > 1 and any(one not in _KNOWN for one in named):
        _refuse(named)
        # Browsers take nothing off then: the page stays packed, and nobody reads it.
        forgiven.append(f"no list of content codings: {codings[:60]}")
    if len(named) > _MOST_CODINGS:
        raise Failed("bad-encoding", f"{len(named)} content codings one over the other")
    return [_KNOWN[one] for one in named] if all(one in _KNOWN for one in named) else []


def _refuse(named: list[str]) -> None:
    if strange := [one for one in named if one in _NOT_OFFERED]:
        raise Failed("bad-encoding", f"a content coding that nobody offered to read: {strange[0]}")


class _Layer:
    """One coding."""

    name = ""

    def __init__(self) -> None:
        self.ended, self.forgiven = False, ""
        self._last = b""
        self._unpacking: Any = None

    @property
    def flushed(self) -> bool:
        """Whether all that was packed has come, though nobody said that it was the end."""
        return self._last == _FLUSHED

    def _note_end(self, data: bytes) -> None:
        self.ended = self._unpacking.eof
        taken = data[: len(data) - len(self._unpacking.unconsumed_tail)]
        self._last = (self._last + taken[-len(_FLUSHED) :])[-len(_FLUSHED) :]

    def unpacked(self, data: bytes, room: int) -> tuple[bytes, bytes]:
        """What some data become, no more than there is room for, and what is left of them. Raises
        zlib.error.
        """
        raise NotImplementedError

    def end(self, data: bytes) -> None:
        """Take what comes after the end."""


class _Deflate(_Layer):
    """RFC 1950, or bare RFC 1951 as some servers mean it (RFC 9110 section 8.4.1.2)."""

    name = "deflate"

    def __init__(self) -> None:
        super().__init__()
        self._beginning, self._trailer, self._sum = b"", b"", 1

    def unpacked(self, data: bytes, room: int) -> tuple[bytes, bytes]:
        if self._unpacking is None:
            data = self._beginning + data
            if len(data) < 2:
                self._beginning = data
                return b"", b""
            # RFC 1950 section 2.2: compression method 8, and the first two bytes a multiple of 31.
            bare = data[0] & 15 != 8 or (data[0] << 8 | data[1]) % 31
            data = data if bare else data[2:]
            self._unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
        out = self._unpacking.decompress(data, room)
        self._sum = zlib.adler32(out, self._sum)
        self._note_end(data)
        return out, self._unpacking.unused_data or self._unpacking.unconsumed_tail

    def end(self, data: bytes) -> None:
        # Chromium reads what follows as the checksum of RFC 1950, with its header or without; what
        # follows that is passed over.
        if len(self._trailer) < _ADLER_BYTES:
            self._trailer = (self._trailer + data)[:_ADLER_BYTES]
            whole = len(self._trailer) == _ADLER_BYTES
            if whole and self._trailer != self._sum.to_bytes(_ADLER_BYTES, "big"):
                raise Failed("bad-encoding", "what came is no deflate: its checksum is wrong")


class _Gzip(_Layer):
    """RFC 1952: header, deflate, and a trailer of checksum and length."""

    name = "gzip"

    def __init__(self) -> None:
        super().__init__()
        self._header, self._trailer, self._sum = bytearray(), b"", 0

    def unpacked(self, data: bytes, room: int) -> tuple[bytes, bytes]:
        if self._unpacking is None:
            self._header += data
            if (begin := _end_of_header(self._header)) < 0:
                return b"", b""
            # Bare deflate: zlib's own reading of gzip gives nothing when the checksum is wrong.
            self._unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
            data = bytes(self._header[begin:])
        out = self._unpacking.decompress(data, room)
        self._sum = zlib.crc32(out, self._sum)
        self._note_end(data)
        return out, self._unpacking.unused_data or self._unpacking.unconsumed_tail

    def end(self, data: bytes) -> None:
        # Chromium and curl look at no second member (RFC 1952 section 2.2), and pass over zeros
        # that fill a block.
        whole, self._trailer = self._trailer + data, (self._trailer + data)[:9]
        if whole[:4] != self._sum.to_bytes(4, "little")[: len(whole)]:
            self.forgiven = "the checksum of gzip is not right"
        elif len(whole) > 8:
            self.forgiven = "more comes after the end of gzip"


def _layer(name: str) -> _Layer:
    return _Gzip() if name == "gzip" else _Deflate()


def _end_of_header(header: bytearray) -> int:
    """Where the packed data begin (RFC 1952 section 2.3); -1 where the header goes on. Raises
    zlib.error.
    """
    if header[:3] != (_MAGIC + b"\x08")[: len(header)]:
        raise zlib.error("no gzip")
    begin = _past_fields(header) if len(header) >= 12 else -1
    if begin < 0 and len(header) > _LONGEST_HEADER:
        raise zlib.error("a header that does not end")
    return begin if begin < len(header) else -1


def _past_fields(header: bytearray) -> int:
    flags, at = header[3], 10
    if flags & 4:  # an extra field, with its length before it
        at += 2 + int.from_bytes(header[10:12], "little")
    for flag in (8, 16):  # the name of a file, a comment: each up to a NUL
        if flags & flag and (at := header.find(b"\0", at) + 1) == 0:
            return -1
    return at + (2 if flags & 2 else 0)
