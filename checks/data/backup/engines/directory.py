"""A directory (recordings, prompts, configuration) as one tar in the pax format, and a hash of what
went in.

What is read is what is hashed: a file that grows meanwhile is taken as long as it was, one that
shrinks is filled up with zeros, one that vanished is left out; the last two are said. Sockets,
pipes and devices are left out.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import IO

from checks.contract import Failed
from checks.data.backup.engine import Found, Previous, Taken, Work
from checks.data.backup.engines.tar_stream import Tally, TarStream, named
from checks.data.backup.engines.tree import entries
from checks.data.backup.job import Source
from checks.data.backup.store.manifest import Manifest
from checks.data.backup.tar_extraction import checked
from checks.data.backup.tar_extraction import opened as opened_tar

ARCHIVE, TREE = "files.tar", "files"
HASHED_BY = "sum of sha256(path, kind, mode, mtime, content)"
_CHUNK_BYTES = 1 << 20
_MOST_NOTES = 20


class DirectorySource:
    """The live directory."""

    def __init__(self, source: Source) -> None:
        self._root, self._exclude = Path(source.path), source.exclude

    def size(self) -> int:
        """Bytes of its files. Raises Failed."""
        # What it occupies: holes are read as such.
        found = entries(self._root, self._exclude)
        return sum(min(i.size, os.fstat(d).st_blocks * 512) for i, d in found if i.isreg())

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
        few = FewNotes(work.events.note)
        stream = TarStream(self._root, self._exclude, few)
        artefact = work.store(stream, partial, ARCHIVE)
        few.end()
        newest = datetime.fromtimestamp(stream.newest, UTC).isoformat() if stream.newest else None
        return Taken(
            data_as_of=moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            tool="tar, in the pax format",
            server="",
            tables=stream.tally.contents(),
            artefacts=(artefact,),
            hashed_by=HASHED_BY,
            newest_record=newest,
            facts={
                "database_bytes": artefact.plain_bytes,
                "with_attributes": stream.with_attributes,
            },
        )


class FewNotes:
    """Notes of files, the first of them: a cleaning that runs meanwhile takes thousands away, and
    would hide all other notes.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note, self._count = note, 0

    def __call__(self, text: str) -> None:
        self._count += 1
        if self._count <= _MOST_NOTES:
            self._note(text)

    def end(self) -> None:
        """Say how many more there were."""
        if self._count > _MOST_NOTES:
            self._note(f"{self._count - _MOST_NOTES} more vanished or changed while they were read")


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
    files = dict[str, tuple[tarfile.TarInfo, str]]()
    with opened_tar(source) as plain:
        for entry in checked(plain):
            digest = ""
            if entry.islnk():
                first, digest = files[entry.linkname]
                tally.add(named(first, entry.name), digest)
                continue
            if entry.isreg():
                entry.mtime = _whole_seconds(entry)
                newest = max(newest, entry.mtime)
                content = plain.extractfile(entry)
                assert content is not None  # noqa: S101 - it is a file
                digest = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
                files[entry.name] = entry, digest
            else:
                entry.mtime = 0
            # What belongs to the top itself is nothing in it.
            if entry.name != ".":
                tally.add(entry, digest)
        moment = datetime.fromtimestamp(newest, UTC).isoformat() if newest else None
    return Found(tally.contents(), moment)


def _whole_seconds(entry: tarfile.TarInfo) -> int:
    """As of a file that was unpacked: the library has rounded what the header says."""
    written = entry.pax_headers.get("mtime", entry.mtime)
    return int(Decimal(written).to_integral_value(ROUND_FLOOR))


def read(
    tree: Path, work: Work, modes: Mapping[str, int] | None = None, with_attributes: int = 0
) -> Found:
    """What a restored tree holds; `modes` are those of entries that were opened to be read, and so
    many entries are to have attributes. Raises Failed.
    """
    stream = TarStream(tree, (), work.events.note, modes or {})
    while data := stream.read():
        work.advance(len(data))
    newest = datetime.fromtimestamp(stream.newest, UTC).isoformat() if stream.newest else None
    lost = with_attributes - stream.with_attributes
    not_run = (f"extended attributes or ACLs of {lost} entries",) if lost > 0 else ()
    return Found(stream.tally.contents(), newest, not_run=not_run)
