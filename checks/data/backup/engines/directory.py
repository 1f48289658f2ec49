"""A directory (recordings, prompts, configuration) as one tar in the pax format, and a hash of what
went in.

What is read is what is hashed: a file that grows meanwhile is taken as long as it was, one that
shrinks is filled up with zeros, one that vanished is left out; the last two are said. Sockets,
pipes and devices are left out. Hard links, holes and extended attributes are not kept, and said.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO

from checks.contract import Failed
from checks.data.backup.engine import Found, Previous, Taken, Work
from checks.data.backup.engines.tree import entries, top_of
from checks.data.backup.job import Source
from checks.data.backup.store.manifest import Content, Manifest
from checks.data.backup.tar_extraction import checked
from checks.data.backup.tar_extraction import opened as opened_tar

ARCHIVE, TREE = "files.tar", "files"
HASHED_BY = "sum of sha256(path, kind, mode, mtime, content)"
_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 1 << 20
_HOLE_BYTES = 1 << 16
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
        self._noted, self._modes = noted, modes
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
        lost = Counter[str]()
        yield _header(top_of(root))
        for info, descriptor in entries(root, exclude, self._noted):
            info.mode = self._modes.get(info.name, info.mode)
            yield _header(info)
            if info.isreg():
                lost.update(_not_kept(descriptor))
                yield from self._content(descriptor, info)
            else:
                info.mtime = 0
                self.tally.add(info, "")
        for what, count in sorted(lost.items()):
            self._noted(f"{count} files {what}")
        # Two blocks of zeros end a tar (POSIX pax).
        yield b"\0" * (2 * _BLOCK)

    def _content(self, descriptor: int, info: tarfile.TarInfo) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), info.size
        self.newest = max(self.newest, info.mtime)
        while left:
            data = os.read(descriptor, min(left, _CHUNK_BYTES))
            if not data:
                self._noted(f"{info.name} shrank while it was read")
                # The header before it has promised the size: a shorter content would shift
                # everything that follows.
                data = b"\0" * min(left, _CHUNK_BYTES)
            digest.update(data)
            left -= len(data)
            yield data
        if info.size % _BLOCK:
            # Content is filled up to a block of 512 bytes.
            yield b"\0" * (_BLOCK - info.size % _BLOCK)
        self.tally.add(info, digest.hexdigest())


class DirectorySource:
    """The live directory."""

    def __init__(self, source: Source) -> None:
        self._root, self._exclude = Path(source.path), source.exclude

    def size(self) -> int:
        """Bytes of its files. Raises Failed."""
        return sum(info.size for info, _ in entries(self._root, self._exclude))

    def dump(
        self,
        partial: Path,
        work: Work,
        previous: Previous | None,  # noqa: ARG002 - a tar is written anew each time
    ) -> Taken:
        """Write its artefact into `partial`. Raises Failed."""
        # By the clock of the file system that holds the backup, as the folder was made: no other
        # clock is known to be right.
        moment = datetime.fromtimestamp(partial.stat().st_mtime, UTC)
        stream = TarStream(self._root, self._exclude, work.events.note)
        artefact = work.store(stream, partial, ARCHIVE)
        newest = datetime.fromtimestamp(stream.newest, UTC).isoformat() if stream.newest else None
        return Taken(
            data_as_of=moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            tool="tar, in the pax format",
            server="",
            tables=stream.tally.contents(),
            artefacts=(artefact,),
            hashed_by=HASHED_BY,
            newest_record=newest,
            facts={"database_bytes": artefact.plain_bytes},
        )


def streamed(folder: Path, manifest: Manifest, work: Work) -> Found:
    """What an archive holds, read while it is unpacked."""
    reading, writing = os.pipe()
    with open(reading, "rb") as source:  # noqa: PTH123 - a descriptor
        unpacking = work.beside(lambda: _unpacked_into(writing, folder, manifest, work))
        problem: Exception | None = None
        try:
            found = read_archive(source)
        except (tarfile.TarError, OSError) as refused:
            problem = refused
        # To its end: what stands behind a tar's own end counts for the hash, too.
        while source.read(_CHUNK_BYTES):
            continue
        unpacking.result()
    if problem is not None:
        raise Failed("restore-failed", f"tar: {problem}", origin="local") from problem
    return found


def _unpacked_into(writing: int, folder: Path, manifest: Manifest, work: Work) -> None:
    with open(writing, "wb", buffering=0) as sink:
        work.unpack(folder, manifest.artefacts[0], _Whole(sink))


class _Whole:
    """A pipe takes a part of what it is given; this gives it all."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink

    def write(self, data: bytes, /) -> int:
        view = memoryview(data)
        while view:
            view = view[self._sink.write(view) :]
        return len(data)


def read_archive(source: IO[bytes]) -> Found:
    """What the stream of an archive holds; nothing is unpacked. Raises TarError, OSError."""
    tally, newest = Tally(), 0.0
    with opened_tar(source) as plain:
        for entry in checked(plain):
            digest = ""
            if entry.isreg():
                newest = max(newest, int(entry.mtime))
                content = plain.extractfile(entry)
                assert content is not None  # noqa: S101 - it is a file
                digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
            else:
                entry.mtime = 0
            # What belongs to the top itself is nothing in it.
            if entry.name != ".":
                tally.add(entry, digest)
        moment = datetime.fromtimestamp(newest, UTC).isoformat() if newest else None
    return Found(tally.contents(), moment)


def read(tree: Path, work: Work, modes: Mapping[str, int] | None = None) -> Found:
    """What a restored tree holds; `modes` are those of entries that were opened to be read. Raises
    Failed.
    """
    stream = TarStream(tree, (), work.events.note, modes or {})
    while data := stream.read():
        work.advance(len(data))
    newest = datetime.fromtimestamp(stream.newest, UTC).isoformat() if stream.newest else None
    return Found(stream.tally.contents(), newest)


def _not_kept(descriptor: int) -> Iterator[str]:
    """What a file has that its entry in a tar does not."""
    status = os.fstat(descriptor)
    if status.st_nlink > 1:
        yield "have more than one name (hard links): each comes back as a file of its own"
    # st_blocks counts 512 bytes whatever the file system's block is (stat(2)); less than one of
    # those is no hole but a file system that packs.
    if status.st_blocks * 512 + _HOLE_BYTES < status.st_size:
        yield "have holes: they come back filled with zeros, and need that much room"
    try:
        if any(name != "security.selinux" for name in os.listxattr(descriptor)):
            yield "have extended attributes or an ACL, which are not in it"
    except OSError:  # a file system without any
        return


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
