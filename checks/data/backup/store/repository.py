"""The folder in which the backups of one source lie.

    20261122T040000.123Z-9f1c2a/    a backup; its name is its id: the moment of the snapshot, and
                                    six random digits
        manifest.json  proof.json  RESTORE.md  database.dump.zst  roles.sql.zst  schema.sql.zst
        manifest.seal  proof.seal       whether they are ours: seal.py
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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from checks.contract import Failed
from checks.counted_lines import sync_folder
from checks.data.backup.store.archive_file import not_written, opened
from checks.data.backup.store.kept_backup import MANIFEST, PROOF, SEALS, Backup, read_backup
from checks.data.backup.store.manifest import Proof
from checks.data.backup.store.seal import Key

__all__ = [
    "MANIFEST",
    "PROOF",
    "RESTORE",
    "Backup",
    "Repository",
    "remove_tree",
    "write_whole",
]

RESTORE = "RESTORE.md"
_ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{6}")
# A server that was told to end is gone within a second; ten, and something is wrong.
_REMOVE_SECONDS = 10.0
# A worker is given 1.5 s when its daemon is dead, and killed then.
_ORPHAN_SECONDS = 3.0
_LEFT_OVER = (".partial-", ".scratch-", ".remove-")


class Repository:
    """The backups of one source."""

    def __init__(self, folder: Path, key: Key | None = None) -> None:
        """`key` is this monitor's own: without it nothing can be said of seals."""
        self.folder, self.key = folder, key

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
        return tuple(read_backup(path, self.key) for path in names if path.is_dir())

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
            sync_folder(partial)
            path = partial.rename(self.folder / name)
            sync_folder(self.folder)
        except OSError as problem:
            raise not_written(problem) from problem
        return path

    def prove(self, backup: Backup, proof: Proof) -> None:
        """Keep what a proof found. Raises Failed."""
        self.seal(backup.folder, PROOF, proof.encoded())
        write_whole(backup.folder / PROOF, proof.encoded())

    def seal(self, folder: Path, name: str, content: bytes) -> None:
        """Write the seal of a file of a backup, where there is a key. Raises Failed."""
        if self.key is None:
            return
        path = folder / SEALS[name]
        before = path.read_bytes().splitlines(keepends=True)[:1] if path.is_file() else []
        write_whole(path, self.key.seal(name, content) + b"".join(before))

    def found_wrong(self, backup: Backup, fault: str) -> None:
        """Keep that a backup is no longer what was proven. Raises Failed."""
        at = self.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        self.prove(backup, Proof(backup.manifest_sha256, at, equal=False, fault=fault))

    def remove(self, backup: Backup) -> None:
        """Take a backup's name away, then its content."""
        # Without its name it is no backup any more: a crash while it is removed leaves nothing
        # half.
        doomed = backup.folder.rename(self.folder / f".remove-{backup.id}")
        sync_folder(self.folder)
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
        sync_folder(path.parent)
    except OSError as problem:
        raise not_written(problem) from problem
    finally:
        sink.close()


def _hold(lock: int) -> None:
    # The second run of the night is not waited for: it would come out as a late one, and the first
    # may hang. A worker whose daemon was killed is, since it is about to end (parent.py).
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Failed(
                    "already-running",
                    "another backup, proof or restore is at work here",
                    origin="local",
                ) from None
        time.sleep(0.05)
