"""A directory (recordings, prompts, configuration) as one tar in the pax format, and a hash of what
went in.

What is read is what is hashed: a file that grows meanwhile is taken as long as it was, one that
shrinks is filled up with zeros, one that vanished is left out; the last two are said. Sockets,
pipes and devices are left out.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import IO

from checks.contract import Failed
from checks.data.backup.engine import Found, Previous, Taken, Work, compared
from checks.data.backup.job import Source
from checks.data.backup.store.archive_file import opened
from checks.data.backup.store.manifest import Content, Manifest
from checks.data.backup.tar_extraction import extract

ARCHIVE, TREE = "files.tar", "files"
HASHED_BY = "sum of sha256(path, kind, mode, mtime, content)"
_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 1 << 20
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

    def __init__(self, root: Path, exclude: tuple[str, ...], noted: Callable[[str], None]) -> None:
        self.tally = Tally()
        self.newest = 0.0
        self._noted = noted
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
        for info, path in entries(root, exclude):
            if not info.isreg():
                self.tally.add(info, "")
                yield _header(info)
                continue
            try:
                file = path.open("rb", buffering=0)
            except FileNotFoundError:
                self._noted(f"{info.name} vanished before it was read")
                continue
            with file:
                yield _header(info)
                yield from self._content(file, info)
        # Two blocks of zeros end a tar (POSIX pax).
        yield b"\0" * (2 * _BLOCK)

    def _content(self, file: IO[bytes], info: tarfile.TarInfo) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), info.size
        self.newest = max(self.newest, info.mtime)
        while left:
            data = file.read(min(left, _CHUNK_BYTES))
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


class DirectoryRehearsal:
    """A backup of a directory, restored beside and compared."""

    def scratch_bytes(self, manifest: Manifest) -> int:
        """The archive, and its files."""
        # Twice: the archive is still there while its files are written.
        return 2 * manifest.plain_bytes + 16_000_000

    def rehearse(self, folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Found:
        """Unpack it and read every file. Raises Failed."""
        tree = unpack_tree(folder, manifest, scratch, work)
        with work.events.stage("compare"):
            found = read(tree, work)
            compared(manifest, found)
        return found


def unpack_tree(folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Path:
    """The files of a backup, under `scratch`. Raises Failed."""
    archive, tree = scratch / ARCHIVE, scratch / TREE
    sink = opened(archive)
    try:
        work.unpack(folder, manifest.artefacts[0], sink)
    finally:
        sink.close()
    tree.mkdir(mode=0o700)
    try:
        extract(archive, tree)
    except (tarfile.TarError, OSError) as problem:
        raise Failed("restore-failed", f"tar: {problem}", origin="local") from problem
    archive.unlink()
    return tree


def read(tree: Path, work: Work) -> Found:
    """What a restored tree holds. Raises Failed."""
    stream = TarStream(tree, (), work.events.note)
    while data := stream.read():
        work.advance(len(data))
    newest = datetime.fromtimestamp(stream.newest, UTC).isoformat() if stream.newest else None
    return Found(stream.tally.contents(), newest)


def entries(root: Path, exclude: tuple[str, ...]) -> Iterator[tuple[tarfile.TarInfo, Path]]:
    """Everything under a directory that a tar can hold, in the order of names. Raises Failed."""
    if not root.is_dir():
        raise Failed("directory-missing", f"there is no directory {root}")
    for here, folders, names in os.walk(root, onerror=_unreadable):
        # In place: `os.walk` goes on only into what is left in this list.
        folders[:] = sorted(
            name for name in folders if not _left_out(Path(here, name), root, exclude)
        )
        for name in sorted([*folders, *names]):
            path = Path(here, name)
            if not _left_out(path, root, exclude) and (info := _entry(path, root)) is not None:
                yield info, path


def _entry(path: Path, root: Path) -> tarfile.TarInfo | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    info = tarfile.TarInfo(path.relative_to(root).as_posix())
    # Whole seconds: a tar that is made anew from the restored tree has no more, and the two are
    # compared.
    info.mode, info.mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
    info.uid, info.gid = status.st_uid, status.st_gid
    if stat.S_ISREG(status.st_mode):
        info.size = status.st_size
    elif stat.S_ISLNK(status.st_mode):
        # Links and folders get the time of their restoring: theirs is no part of what is compared.
        info.type, info.linkname, info.mtime = tarfile.SYMTYPE, str(path.readlink()), 0
    elif stat.S_ISDIR(status.st_mode):
        info.type, info.mtime = tarfile.DIRTYPE, 0
    # Sockets, pipes and devices have no content; whoever made them makes them again.
    else:
        return None
    return info


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _left_out(path: Path, root: Path, exclude: tuple[str, ...]) -> bool:
    relative = path.relative_to(root).as_posix()
    return any(fnmatch(relative, pattern) or fnmatch(path.name, pattern) for pattern in exclude)


def _unreadable(problem: OSError) -> None:
    if not isinstance(problem, FileNotFoundError):
        raise Failed("permission", f"{problem.filename}: {problem.strerror}", origin="local")
