"""What backups there are, for whoever reports: read from their manifests and proofs, nothing else
is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from checks.data.backup.run.hashes import differing
from checks.data.backup.store.repository import Backup, Repository


@dataclass(frozen=True, slots=True)
class Kept:
    """One backup. `proven_at` is when it was last restored and found equal; `fault` what is wrong
    with it, or "".
    """

    id: str
    source: str
    data_as_of: datetime
    bytes: int
    rows: int
    proven_at: datetime | None
    restore_seconds: float
    fault: str
    folder: Path


def kept(folder: Path) -> tuple[Kept, ...]:
    """Every backup of a folder, the newest first; empty where there is no folder yet."""
    return tuple(_kept(backup) for backup in Repository(folder).backups())


def newest_proven(folder: Path, hashed: bool = False) -> Kept | None:
    """The newest that was restored and found equal: what one could go back to. `hashed`: and whose
    artefacts are, by their hashes now, what was written.
    """
    for backup in Repository(folder).backups():
        whole = not hashed or (backup.manifest and not differing(backup, backup.manifest))
        if backup.proven and whole:
            return _kept(backup)
    return None


def _kept(backup: Backup) -> Kept:
    manifest, proof = backup.manifest, backup.proof
    return Kept(
        id=backup.id,
        source=manifest.source if manifest else "",
        data_as_of=_moment(manifest.data_as_of) if manifest else backup.taken_at,
        bytes=manifest.bytes if manifest else 0,
        rows=manifest.rows if manifest else 0,
        proven_at=_moment(proof.at) if proof and backup.proven else None,
        restore_seconds=proof.restore_seconds if proof and backup.proven else 0.0,
        fault=backup.fault or (proof.fault if proof else ""),
        folder=backup.folder,
    )


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))
