"""A tar of a directory, made while it is read, and a hash of what goes into it.

Kept as GNU tar keeps them (tar(5)): hard links, holes (GNU.sparse, 1.0), extended attributes and
ACLs. What is compared is the content under each name: where it comes back to may know no holes or
links, and that is no fault of the backup.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tarfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import Any

from checks.data.backup.engines.tree import ATTRIBUTE, entries, top_of
from checks.data.backup.store.manifest import Content

_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 1 << 20
_HOLE_BYTES = 1 << 16
# A file of more pieces than this is written whole: their list would be as large as what it saves.
_MOST_PIECES = 20_000
_NOTHING = bytes(_CHUNK_BYTES)
# A sum does not depend on the order of what is added; with XOR two equal entries would cancel each
# other.
_MODULUS = 2**128


class Tally:
    """Counts and hashes files, by the first part of their paths; no order changes it."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[int, int, int]] = {}

    def add(self, info: tarfile.TarInfo, content_sha256: str) -> None:
        """Count one entry of a tar, with the SHA-256 of its content ("" for what has none)."""
        top = info.name.split("/")[0] if "/" in info.name else "."
        told = repr(
            (
                info.name,
                info.type,
                info.mode,
                int(info.mtime),
                info.linkname,
                info.size,
                content_sha256,
            )
        )
        value = int.from_bytes(
            # A name on Linux is any bytes: surrogateescape gives back those that are no UTF-8.
            hashlib.sha256(told.encode("utf-8", "surrogateescape")).digest()[:16],
            "big",
        )
        rows, total, size = self._sums.get(top, (0, 0, 0))
        self._sums[top] = (rows + 1, (total + value) % _MODULUS, size + info.size)

    def contents(self) -> dict[str, Content]:
        """What was added so far."""
        return {
            top: Content(rows, f"{total:032x}", size)
            for top, (rows, total, size) in sorted(self._sums.items())
        }


class TarStream:
    """A tar of a directory, made while it is read."""

    def __init__(
        self,
        root: Path,
        exclude: tuple[str, ...],
        noted: Callable[[str], None],
        modes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.tally = Tally()
        self.newest = 0.0
        self.with_attributes = 0
        self._noted, self._modes = noted, modes
        self._linked: dict[tuple[int, int], tuple[tarfile.TarInfo, str]] = {}
        self._pieces = self._made(root, exclude)
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes; empty at the end."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = piece
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        return data

    def _made(self, root: Path, exclude: tuple[str, ...]) -> Iterator[bytes]:
        yield _header(top_of(root))
        for info, descriptor in entries(root, exclude, self._noted):
            info.mode = self._modes.get(info.name, info.mode)
            self.with_attributes += any(key.startswith(ATTRIBUTE) for key in info.pax_headers)
            if info.isreg():
                yield from self._file(descriptor, info)
            else:
                yield _header(info)
                info.mtime = 0
                self.tally.add(info, "")
        # Two blocks of zeros end a tar (POSIX pax).
        yield b"\0" * (2 * _BLOCK)

    def _file(self, descriptor: int, info: tarfile.TarInfo) -> Iterator[bytes]:
        """A file, or one more name of a file that stands before it."""
        status = os.fstat(descriptor)
        identity = status.st_dev, status.st_ino
        if identity in self._linked:
            first, digest = self._linked[identity]
            yield _header(_link(info, first))
            self.tally.add(named(first, info.name), digest)
            return
        pieces = _pieces(descriptor, status, info.size)
        if pieces is None:
            pieces, before = [(0, info.size)], b""
            yield _header(info)
        else:
            before = _map(pieces, info.size)
            yield _header(_sparse(info, len(before) + sum(length for _, length in pieces)))
        yield before
        digest = yield from self._content(descriptor, info, pieces)
        self.tally.add(info, digest)
        if status.st_nlink > 1:
            self._linked[identity] = info, digest

    def _content(
        self, descriptor: int, info: tarfile.TarInfo, pieces: Sequence[tuple[int, int]]
    ) -> Generator[bytes, None, str]:
        digest, at, written, shrank = hashlib.sha256(), 0, 0, False
        self.newest = max(self.newest, info.mtime)
        for begin, length in pieces:
            _hash_hole(digest, begin - at)
            os.lseek(descriptor, begin, os.SEEK_SET)
            left = length
            while left:
                data = os.read(descriptor, min(left, _CHUNK_BYTES))
                # The header before it has promised the size: a shorter content would shift
                # everything that follows.
                shrank = shrank or not data
                data = data or _NOTHING[: min(left, _CHUNK_BYTES)]
                digest.update(data)
                left -= len(data)
                yield data
            at, written = begin + length, written + length
        _hash_hole(digest, info.size - at)
        if shrank:
            self._noted(f"{info.name} shrank while it was read")
        # Content is filled up to a block of 512 bytes.
        yield b"\0" * (-written % _BLOCK)
        return digest.hexdigest()


def named(info: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    """The same file under another of its names."""
    other = copy(info)
    other.name = name
    return other


def _link(info: tarfile.TarInfo, first: tarfile.TarInfo) -> tarfile.TarInfo:
    link = named(first, info.name)
    link.type, link.linkname, link.size, link.pax_headers = tarfile.LNKTYPE, first.name, 0, {}
    return link


def _sparse(info: tarfile.TarInfo, stored: int) -> tarfile.TarInfo:
    """The header of a file with holes, of which `stored` bytes follow."""
    folder, _, last = info.name.rpartition("/")
    # A tar that knows no holes would unpack it under this name.
    header = named(
        info, f"{folder}/GNUSparseFile.0/{last}" if folder else f"GNUSparseFile.0/{last}"
    )
    header.size = stored
    header.pax_headers = {
        **info.pax_headers,
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": info.name,
        "GNU.sparse.realsize": str(info.size),
    }
    return header


def _map(pieces: Sequence[tuple[int, int]], size: int) -> bytes:
    """Where the pieces of a file with holes lie, before them."""
    # The last of no length says where the file ends, behind a hole.
    numbers = [len(pieces) + 1, *(number for piece in pieces for number in piece), size, 0]
    text = "".join(f"{number}\n" for number in numbers).encode()
    return text + b"\0" * (-len(text) % _BLOCK)


def _pieces(descriptor: int, status: os.stat_result, size: int) -> list[tuple[int, int]] | None:
    """Where a file has data, as (begin, length); None where it has no holes to speak of."""
    # st_blocks counts 512 bytes whatever the file system's block is (stat(2)); less than one of
    # those is no hole but a file system that packs.
    if status.st_blocks * 512 + _HOLE_BYTES >= size:
        return None
    pieces, at = list[tuple[int, int]](), 0
    try:
        while at < size and len(pieces) <= _MOST_PIECES:
            begin = os.lseek(descriptor, at, os.SEEK_DATA)
            at = min(os.lseek(descriptor, begin, os.SEEK_HOLE), size)
            if begin < at:
                pieces.append((begin, at - begin))
    except OSError as problem:
        # ENXIO: nothing but a hole from here on (lseek(2)); else it cannot tell.
        if problem.errno != errno.ENXIO:
            return None
    return pieces if len(pieces) <= _MOST_PIECES else None


def _hash_hole(digest: Any, length: int) -> None:
    """A hole reads as zeros."""
    while length > 0:
        digest.update(_NOTHING[: min(length, _CHUNK_BYTES)])
        length -= _CHUNK_BYTES


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
