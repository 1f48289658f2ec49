"""One file of a backup: what is read is compressed, encrypted, hashed and written in one pass, and
unpacked likewise.

    source -> zstd (level 1, content checksum in the frame) -> age, where there are recipients ->
    SHA-256 -> file, fsync

Reading slowly is the throttle: the work of a dump is done in the database server, which waits when
its pipe is full; `nice` would only slow the client. zstd without its checksum lets most flipped
bits pass, so it is always on.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from checks.contract import CannotTell, Failed
from checks.data.backup.store.encryption import decrypt, encrypt
from checks.data.backup.store.throttle import Metered, Readable, Throttle

_CHUNK_BYTES = 1 << 20
# The fastest level: a dump holds a snapshot open in the live server for as long as it lasts.
_LEVEL = 1
# EFBIG is FAT's limit of 4 GB a file, and that of `ulimit -f`: for the backup the same as a full
# disk.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
OWN_ROOM_BYTES = 16_000_000
"""what folders, and a file system's own entries, take beside the files of a restore"""


class Writable(Protocol):
    """Where bytes go to."""

    def write(self, data: bytes, /) -> int:
        """Take them all."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a backup as its manifest describes it. `reused_from` names the backup that first
    held it.
    """

    name: str
    bytes: int
    sha256: str
    plain_bytes: int
    reused_from: str | None = None

    @property
    def plain_name(self) -> str:
        """Its name without what packing added."""
        return self.name.removesuffix(".age").removesuffix(".zst")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)


class Bytes:
    """A source of bytes that are there already."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        return data


class Sink:
    """A new file that hashes what it takes. `fault` keeps what broke it: the cipher would hide
    that.
    """

    def __init__(self, path: Path) -> None:
        # O_EXCL: nothing that is there is written over, not even through a link.
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._digest = hashlib.sha256()
        self.count = 0
        self.fault: OSError | None = None

    def write(self, data: bytes) -> int:
        """Take all of it."""
        view = memoryview(data)
        try:
            while view:
                # write(2) may take less than it was given, near the end of a disk.
                view = view[os.write(self._descriptor, view) :]
        except OSError as problem:
            self.fault = problem
            raise
        self._digest.update(data)
        self.count += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def settle(self) -> str:
        """Put it on the disk; returns the SHA-256."""
        os.fsync(self._descriptor)
        return self._digest.hexdigest()

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)


class Hashed:
    """Reads a file and hashes what it gave."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        self._file = path.open("rb", buffering=0)
        self._digest, self._told = hashlib.sha256(), told
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(_CHUNK_BYTES if size < 0 else size)
        self._digest.update(data)
        self.count += len(data)
        self._told(len(data))
        return data

    def finish(self) -> str:
        """Read what is left; returns the SHA-256 of the whole file."""
        # zstd stops at the end of its frame: what was appended must count for the hash, too.
        while self.read():
            continue
        return self._digest.hexdigest()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def store(
    source: Readable,
    path: Path,
    recipients: Sequence[str],
    throttle: Throttle,
    told: Callable[[int], None],
) -> Artefact:
    """Write everything that `source` has into a new file. Raises Failed "no-space" or
    "not-written".
    """
    import zstandard  # the daemon reads manifests, and needs none of it

    plain = Metered(source, throttle, told)
    sink = opened(path)
    try:
        packed = zstandard.ZstdCompressor(
            # The size is not known before the end of the pipe; the checksum is what finds a flipped
            # bit.
            level=_LEVEL,
            write_checksum=True,
            write_content_size=False,
        )
        with packed.stream_reader(
            cast(Any, plain), read_size=_CHUNK_BYTES, closefd=False
        ) as reader:
            if recipients:
                encrypt(reader, sink, recipients)
            else:
                _pour(reader, sink)
        digest = sink.settle()
    except OSError as problem:
        raise not_written(sink.fault or problem) from problem
    finally:
        sink.close()
    return Artefact(path.name, sink.count, digest, plain.count)


def unpack(
    path: Path,
    artefact: Artefact,
    target: Writable,
    identities: Sequence[str],
    told: Callable[[int], None],
) -> None:
    """Write the plain content of an artefact to `target`, and hold it to its description.

    Raises Failed: "missing", "empty", "damaged", "wrong-key", "no-space"; and
    CannotTell for a file that this host cannot read.
    """
    try:
        reader = Hashed(path, told)
    except FileNotFoundError:
        raise Failed("missing", f"{artefact.name} is not there", origin="local") from None
    except IsADirectoryError:
        raise Failed("damaged", f"{artefact.name} is a folder", origin="local") from None
    except OSError as own:  # a disk or a right of this host says nothing of the backup
        raise CannotTell(f"cannot prove here: {artefact.name}: {own.strerror}") from own
    watched = _Watched(target)
    try:
        problem = _unpacked(
            reader, watched, encrypted=path.name.endswith(".age"), identities=identities
        )
        digest = reader.finish()
    finally:
        reader.close()
    if watched.fault:
        raise not_written(watched.fault)
    if reader.count == 0:
        raise Failed("empty", f"{artefact.name} has no content", origin="local")
    # First whether it is the file that was written: only then does a complaint of age speak of the
    # key.
    if digest != artefact.sha256:
        raise Failed(
            "damaged",
            f"{artefact.name} is not what was written: its SHA-256 differs",
            origin="local",
        )
    if problem:
        raise problem
    if watched.count != artefact.plain_bytes:
        raise Failed(
            "damaged",
            f"{artefact.name} unpacks to {watched.count} bytes, not {artefact.plain_bytes}",
            "local",
        )


def opened(path: Path) -> Sink:
    """A new file to write to. Raises Failed."""
    try:
        return Sink(path)
    except OSError as problem:
        raise not_written(problem) from problem


def not_written(problem: OSError) -> Failed:
    """What the disk said, as a fault."""
    code = "no-space" if problem.errno in _FULL else "not-written"
    return Failed(code, problem.strerror or str(problem), origin="local")


def room(folder: Path, needed: int, where: str = "") -> None:
    """That so many bytes are free on the disk of a folder; `where` says for whom, or in what place.
    Raises Failed.
    """
    if (free := shutil.disk_usage(folder).free) < needed:
        wanted = f"{needed / 1e6:.0f} MB are needed{f' {where}' if where else ''}"
        raise Failed("no-space", f"{wanted}, {free / 1e6:.0f} MB are free", origin="local")


class _Watched:
    def __init__(self, target: Writable) -> None:
        self._target = target
        self.count = 0
        self.fault: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            self._target.write(data)
        except OSError as problem:
            self.fault = problem
            raise
        self.count += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _unpacked(
    reader: Hashed, target: _Watched, encrypted: bool, identities: Sequence[str]
) -> Failed | None:
    """Unpack; what did not work is given back, to be told once it is known whether the file is the
    one written.
    """
    import zstandard

    unzipped = zstandard.ZstdDecompressor().stream_writer(cast(Any, target), closefd=False)
    try:
        if encrypted:
            decrypt(reader, unzipped, identities)
        else:
            _pour(reader, unzipped)
    except zstandard.ZstdError as problem:
        return Failed("damaged", f"zstd: {problem}", origin="local")
    except OSError as problem:
        return Failed("damaged", str(problem), origin="local")
    except Failed as problem:
        return problem
    return None


def _pour(reader: Any, target: Writable) -> None:
    while data := reader.read(_CHUNK_BYTES):
        target.write(data)
