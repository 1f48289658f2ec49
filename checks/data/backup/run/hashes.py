"""Whether the backups that were proven some day are still what was written: every night their
artefacts are hashed again, for as long as the night allows, the one that waited longest first.

The size of each is looked at whenever it is said to be proven
(checks/data/backup/store/repository.py); a bit that rots keeps the size.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engine import Work
from checks.data.backup.store.archive_file import Hashed
from checks.data.backup.store.manifest import Manifest
from checks.data.backup.store.repository import PROOF, Backup, Repository

# At 100 MB a second, as a single disk reads, this is 60 GB a night; what is left has its turn the
# next night.
WITHIN_SECONDS = 600.0
# A drill by hand during the day finds all of them hashed this night.
_NIGHT_SECONDS = 20 * 3600.0


def hash_again(
    repository: Repository, work: Work, within_seconds: float = WITHIN_SECONDS
) -> list[Backup]:
    """Hash what is called proven; those that differ are proven no more, and are given back. For who
    holds the lock. Raises Failed.
    """
    deadline = time.monotonic() + within_seconds
    # The proof's own time of change says when it was looked at last: no second file to keep.
    fresh = repository.now().timestamp() - _NIGHT_SECONDS
    proven = [(_looked_at(one), one) for one in repository.backups() if one.proven]
    waiting = sorted((pair for pair in proven if pair[0] < fresh), key=lambda pair: pair[0])
    seen = dict[tuple[int, int], str]()
    rotten = list[Backup]()
    for _, backup in waiting:
        if time.monotonic() > deadline:
            work.events.note(f"backup {backup.id} and newer ones are hashed another night")
            break
        assert backup.manifest is not None  # noqa: S101 - it is proven
        if fault := differing(backup, backup.manifest, work, seen):
            repository.found_wrong(backup, fault)
            work.events.note(f"backup {backup.id} is not what was written: {fault}")
            rotten.append(backup)
        else:
            os.utime(backup.folder / PROOF)
    return rotten


def differing(
    backup: Backup,
    manifest: Manifest,
    work: Work | None = None,
    seen: dict[tuple[int, int], str] | None = None,
) -> str:
    """The first artefact that is not what was written; "" where all are. `seen` keeps the hash of
    files that several backups share by hard links.
    """
    known = {} if seen is None else seen
    for artefact in manifest.artefacts:
        path = backup.folder / artefact.name
        try:
            status = path.lstat()
            identity = (status.st_dev, status.st_ino)
            if identity not in known:
                known[identity] = _hash(path, work)
        except OSError as problem:
            return f"missing: {artefact.name}: {problem.strerror}"
        if known[identity] != artefact.sha256:
            return f"damaged: {artefact.name} is not what was written: its SHA-256 differs"
    return ""


def refuse_rotten(rotten: list[Backup]) -> None:
    """Raises Failed where a backup that one could go back to is lost."""
    if rotten:
        raise Failed(
            "damaged",
            f"{', '.join(backup.id for backup in rotten)}: no longer what was written and proven",
            origin="local",
        )


def _looked_at(backup: Backup) -> float:
    return (backup.folder / PROOF).stat().st_mtime


def _hash(path: Path, work: Work | None) -> str:
    reader = Hashed(path, work.throttle.take if work else lambda _count: None)
    try:
        return reader.finish()
    finally:
        reader.close()
