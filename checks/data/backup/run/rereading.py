"""Whether what was proven is still what is there: every night some backups are read whole again,
those first that were not read for the longest time.

A proof is about bytes on a disk, and disks forget. The newest is read by its own proof; the others
take turns, as much of them a night as the newest is twice large. What is not as it was is a fault,
and the backup's proof from then on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engine import Work
from checks.data.backup.store.manifest import Proof
from checks.data.backup.store.repository import Backup, Repository, write_whole

# Its time is when the backup was last read; it holds nothing.
MARK = "read.mark"
_TIMES = 2
# Small backups are all read in every night.
_LEAST_BYTES = 1_000_000_000


def reread(backups: Sequence[Backup], repository: Repository, work: Work) -> None:
    """Read those that are due. Raises Failed for the first that is not as it was."""
    proven = [backup for backup in backups if backup.proven and backup.manifest is not None]
    left = max(_LEAST_BYTES, _TIMES * _bytes(proven[0])) if proven else 0
    wrong = []
    # The newest was read a moment ago, by its proof.
    for backup in sorted(proven[1:], key=_last_read):
        left -= _bytes(backup)
        if left < 0:
            break
        if fault := _changed(backup, work):
            wrong.append(f"{backup.id}: {fault}")
            at = repository.now().astimezone(UTC).isoformat(timespec="seconds")
            said = Proof(
                backup.manifest_sha256,
                at.replace("+00:00", "Z"),
                False,
                fault=f"damaged: {fault}",
            )
            repository.prove(backup, said)
        else:
            write_whole(backup.folder / MARK, b"")
    if wrong:
        with work.events.stage("read-again"):
            raise Failed("damaged", "; ".join(wrong[:3]), origin="local")


def changed(path: Path, sha256: str) -> bool:
    """Whether a file is not what was written. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() != sha256


def _changed(backup: Backup, work: Work) -> str:
    assert backup.manifest is not None  # noqa: S101 - asked for by `reread`
    for artefact in backup.manifest.artefacts:
        try:
            if changed(backup.folder / artefact.name, artefact.sha256):
                return f"{artefact.name} is not what was written: its SHA-256 differs"
        except OSError as problem:
            return f"{artefact.name}: {problem.strerror}"
        work.advance(0)
    return ""


def _bytes(backup: Backup) -> int:
    return backup.manifest.bytes if backup.manifest else 0


def _last_read(backup: Backup) -> float:
    try:
        return (backup.folder / MARK).stat().st_mtime
    except OSError:
        return 0.0
