"""The road of a backup: space, dump, write, publish, copy. Whatever breaks it leaves nothing with a
name behind.
"""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime

from checks.data.backup.engine import Previous, Taken, Work
from checks.data.backup.engines.list import source_of
from checks.data.backup.instructions import instructions
from checks.data.backup.job import Job, Source
from checks.data.backup.run.copies import copy_out
from checks.data.backup.run.shrinkage import looked_into
from checks.data.backup.store.archive_file import not_written, room
from checks.data.backup.store.manifest import Link, Manifest
from checks.data.backup.store.repository import MANIFEST, RESTORE, Backup, Repository, write_whole

# Manifest, instructions and the folder's own entries; and a disk that is not filled to its last
# byte.
_SPARE_BYTES = 64_000_000
# Half as much again as the last backup: a database grows between two nights, and by its own rhythm.
_ROOM = 1.5
# Of a database's size, where there is no last time: zstd -1 makes a third of call records, and
# other tables pack less.
_FIRST_SHARE = 0.6


def take(job: Job, source: Source, repository: Repository, work: Work) -> Backup:
    """Take a backup, publish it and copy it out. For who holds the lock. Raises Failed."""
    previous = _previous(repository)
    began = time.monotonic()
    partial = None
    try:
        with work.events.stage("dump", total=_expected(previous)):
            # Before anything is written: a dump that fills the disk would take down whatever shares
            # it.
            room(repository.folder, _needed(source, previous))
            partial = repository.aside("partial", secrets.token_hex(6))
            taken = source_of(source).dump(partial, work, previous)
            before = None if previous is None else previous.manifest
            looked_into(taken, before, job.shrink_percent, work)
        with work.events.stage("write"):
            manifest = _manifest(source, taken, previous, work, time.monotonic() - began)
            write_whole(partial / RESTORE, instructions(manifest).encode())
            # The manifest last: a folder without one is no backup.
            repository.seal(partial, MANIFEST, manifest.encoded())
            write_whole(partial / MANIFEST, manifest.encoded())
            repository.publish(partial, manifest.id)
    # Also on SIGTERM: what has no name is removed now, and after `kill -9` by the next run.
    except BaseException:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        raise
    _tell(work, manifest, time.monotonic() - began)
    backup = repository.backup(manifest.id)
    if job.copies:
        with work.events.stage("copy"):
            copy_out(backup, job.copies, work)
    return backup


def _needed(source: Source, previous: Previous | None) -> int:
    if previous is not None:
        return int(_ROOM * previous.manifest.bytes) + _SPARE_BYTES
    return int(_FIRST_SHARE * source_of(source).size()) + _SPARE_BYTES


def _expected(previous: Previous | None) -> int:
    """Bytes that pass by: the dump's, and those that are hashed."""
    if previous is None:
        return 0
    return previous.manifest.plain_bytes + sum(
        content.bytes for content in previous.manifest.tables.values()
    )


def _previous(repository: Repository) -> Previous | None:
    for backup in repository.backups():
        if backup.manifest is not None and not backup.failed:
            return Previous(backup.manifest, backup.folder)
    return None


def _manifest(
    source: Source, taken: Taken, previous: Previous | None, work: Work, seconds: float
) -> Manifest:
    moment = datetime.fromisoformat(taken.data_as_of).astimezone(UTC)
    manifest = Manifest(
        # Milliseconds by the server's clock make ids sort by their data; six random digits tell two
        # of one moment apart.
        id=f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03}Z-{secrets.token_hex(3)}",
        engine=source.engine,
        source=source.words(),
        data_as_of=taken.data_as_of,
        tool=taken.tool,
        server=taken.server,
        tables=taken.tables,
        artefacts=taken.artefacts,
        hashed_by=taken.hashed_by,
        seconds=round(seconds, 3),
        snapshot=taken.snapshot,
        position=taken.position,
        schema_sha256=taken.schema_sha256,
        newest_record=taken.newest_record,
        facts=taken.facts,
        recipients=work.recipients,
    )
    if previous is None:
        return manifest
    from checks.data.backup.store.manifest import sha256

    try:
        written = (previous.folder / MANIFEST).read_bytes()
    except OSError as problem:
        raise not_written(problem) from problem
    return replace(manifest, previous=Link(previous.manifest.id, sha256(written)))


def _tell(work: Work, manifest: Manifest, seconds: float) -> None:
    work.events.measure("backup_seconds", round(seconds, 3))
    work.events.measure("backup_bytes", manifest.bytes)
    work.events.measure(
        "database_bytes", float(manifest.facts.get("database_bytes", manifest.plain_bytes))
    )
    work.events.measure("rows", manifest.rows)
    work.events.note(
        f"backup {manifest.id} of {manifest.source}: data as of {manifest.data_as_of},"
        f" {manifest.rows} rows in {len(manifest.tables)} tables, {manifest.bytes} bytes in"
        f" {seconds:.1f} s"
    )
