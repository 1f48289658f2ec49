"""The folder in which the backups of one source lie.

    20261122T040000.123Z-9f1c2a/    a backup; its name is its id: the moment of the snapshot, and
                                    six random digits
        manifest.json  proof.json  RESTORE.md  database.dump.zst  roles.sql.zst  schema.sql.zst
    .partial-…  .scratch-…  .remove-…   being written, proven, removed: left by a crash, swept by
                the next run
    .lock                           held by whoever writes here

Rules: one at a time; a folder gets its name once all in it is on the disk; what is removed loses
its name first.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from checks.body import Unreadable
from checks.contract import Failed
from checks.data.backup.store.archive_file import not_written, opened
from checks.data.backup.store.manifest import Manifest, Proof, read_manifest, read_proof, sha256

MANIFEST, PROOF, RESTORE = "manifest.json", "proof.json", "RESTORE.md"
_ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{6}")
# A server that was told to end is gone within a second; ten, and something is wrong.
_REMOVE_SECONDS = 10.0
_LEFT_OVER = (".partial-", ".scratch-", ".remove-")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is there. `manifest` is None where it cannot be read; `fault` then says why,
    and `foreign` that it, or its proof, is of a form that this program does not know: another
    release's, which may know it to be good.
    """

    folder: Path
    manifest: Manifest | None
    manifest_sha256: str = ""
    proof: Proof | None = None
    fault: str = ""
    foreign: bool = False
    lost: str = ""
    """what is not there of its artefacts, or not in its size; looked at each time it is read"""

    @property
    def id(self) -> str:
        """Its name."""
        return self.folder.name

    @property
    def taken_at(self) -> datetime:
        """The moment of its snapshot, in UTC."""
        return datetime.strptime(self.id.partition("Z")[0], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)

    @property
    def proven(self) -> bool:
        """Whether its newest proof found it equal, its manifest is still the one that was proven,
        and every artefact is there in its size.
        """
        return bool(
            not self.lost
            and self.proof
            and self.proof.equal
            and self.proof.manifest_sha256 == self.manifest_sha256
        )

    @property
    def failed(self) -> bool:
        """Whether its newest proof found it wrong, or a part of it is lost."""
        return bool(self.lost or (self.proof and not self.proof.equal))


class Repository:
    """The backups of one source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone in it while the block runs; what a crash left is gone. Raises Failed."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise not_written(problem) from problem
        try:
            _hold(lock)
            self.sweep()
            yield
        finally:
            os.close(lock)

    def now(self) -> datetime:
        """What the clock of this file system says, in UTC."""
        lock = self.folder / ".lock"
        lock.touch()
        # The clock of the file system that holds the backups: it may be another host's, and ages
        # are counted by it.
        return datetime.fromtimestamp(lock.stat().st_mtime, UTC)

    def backups(self) -> tuple[Backup, ...]:
        """All that have a name, the newest first."""
        if not self.folder.is_dir():
            return ()
        names = sorted(
            (path for path in self.folder.iterdir() if _ID.fullmatch(path.name)), reverse=True
        )
        return tuple(_read(path) for path in names if path.is_dir())

    def backup(self, at: str = "") -> Backup:
        """The newest, or the newest whose id or data is of `at` (2026-11-22, or an id). Raises
        Failed "missing".
        """
        for backup in self.backups():
            if not at or backup.id == at or backup.taken_at.date().isoformat() == at:
                return backup
        raise Failed(
            "missing",
            f"there is no backup{f' of {at}' if at else ''} in {self.folder}",
            origin="local",
        )

    def aside(self, kind: str, token: str) -> Path:
        """A new folder without a name of its own yet: kind is partial or scratch. Raises
        Failed.
        """
        path = self.folder / f".{kind}-{token}"
        try:
            path.mkdir(mode=0o700)
        except OSError as problem:
            raise not_written(problem) from problem
        return path

    def publish(self, partial: Path, name: str) -> Path:
        """Give a whole backup its name. Raises Failed."""
        try:
            # Files first, then the name, then the folder: after a power cut a named backup is a
            # whole one.
            synced(partial)
            path = partial.rename(self.folder / name)
            synced(self.folder)
        except OSError as problem:
            raise not_written(problem) from problem
        return path

    def prove(self, backup: Backup, proof: Proof) -> None:
        """Keep what a proof found. Raises Failed."""
        write_whole(backup.folder / PROOF, proof.encoded())

    def found_wrong(self, backup: Backup, fault: str) -> None:
        """Keep that a backup is no longer what was proven. Raises Failed."""
        at = self.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        self.prove(backup, Proof(backup.manifest_sha256, at, equal=False, fault=fault))

    def remove(self, backup: Backup) -> None:
        """Take a backup's name away, then its content."""
        # Without its name it is no backup any more: a crash while it is removed leaves nothing
        # half.
        doomed = backup.folder.rename(self.folder / f".remove-{backup.id}")
        synced(self.folder)
        remove_tree(doomed)

    def sweep(self) -> None:
        """Remove what a crash left. Only for who holds the lock."""
        for path in self.folder.iterdir():
            if path.name.startswith(_LEFT_OVER):
                remove_tree(path)


def remove_tree(folder: Path) -> None:
    """Remove a folder in which a dying server may still write for a moment."""
    deadline = time.monotonic() + _REMOVE_SECONDS
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def write_whole(path: Path, content: bytes) -> None:
    """A file that is either there and whole, or not there. Raises Failed."""
    # Beside its place, so that the rename stays within one file system.
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    sink = opened(part)
    try:
        sink.write(content)
        sink.settle()
        part.replace(path)
        synced(path.parent)
    except OSError as problem:
        raise not_written(problem) from problem
    finally:
        sink.close()


def synced(folder: Path) -> None:
    """Put a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hold(lock: int) -> None:
    try:
        # Not waited for: the second run of the night would come out as a late one, and the first
        # may hang.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failed(
            "already-running", "another backup, proof or restore is at work here", origin="local"
        ) from None


def _read(folder: Path) -> Backup:
    try:
        written = (folder / MANIFEST).read_bytes()
        manifest = read_manifest(written)
    except OSError as problem:
        return Backup(folder, None, fault=f"{MANIFEST}: {problem.strerror}")
    except Failed as refused:
        return Backup(folder, None, fault=f"{MANIFEST}: {refused.text}")
    except Unreadable as why:
        return Backup(folder, None, fault=f"{MANIFEST}: {why}", foreign=True)
    # A folder that was renamed or copied by hand: its id would say another moment than its data
    # have.
    if manifest.id != folder.name:
        return Backup(folder, None, fault=f"{MANIFEST}: it is that of {manifest.id[:40]}")
    lost = _lost(folder, manifest)
    backup = Backup(folder, manifest, sha256(written), fault=lost, lost=lost)
    try:
        return replace(backup, proof=read_proof((folder / PROOF).read_bytes()))
    except FileNotFoundError:
        return backup
    except OSError as problem:
        return replace(backup, fault=f"{PROOF}: {problem.strerror}")
    except Failed as refused:
        return replace(backup, fault=f"{PROOF}: {refused.text}")
    except Unreadable as why:
        return replace(backup, fault=f"{PROOF}: {why}", foreign=True)


def _lost(folder: Path, manifest: Manifest) -> str:
    """The first artefact that is not there, or not in its size; "" where all are."""
    for artefact in manifest.artefacts:
        try:
            # Not through a link: what it points to may be anything.
            known = (folder / artefact.name).lstat()
        except OSError as problem:
            return f"{artefact.name} is not there ({problem.strerror})"
        if not stat.S_ISREG(known.st_mode) or known.st_size != artefact.bytes:
            return f"{artefact.name} has {known.st_size} bytes, not {artefact.bytes}"
    return ""
