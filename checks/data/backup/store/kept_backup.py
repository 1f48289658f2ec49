"""One backup that is there: its manifest, its proof, what their seals say, and whether its files
are still there.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from checks.body import Unreadable
from checks.contract import Failed
from checks.data.backup.store.manifest import Manifest, Proof, read_manifest, read_proof, sha256
from checks.data.backup.store.seal import Key, Seal

MANIFEST, PROOF = "manifest.json", "proof.json"
SEALS = {MANIFEST: "manifest.seal", PROOF: "proof.seal"}
_LONGEST_SEAL = 400


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
    sealed: Seal = Seal.NONE
    """what the seal of its manifest says"""
    proof_sealed: Seal = Seal.NONE
    lost: str = ""
    """which artefact is not there, or not as large as it was; "" where all are"""

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
        and every artefact is there, as large as it was.
        """
        return bool(
            self.proof
            and self.proof.equal
            and self.proof.manifest_sha256 == self.manifest_sha256
            and not self.lost
            and Seal.BROKEN not in (self.sealed, self.proof_sealed)
        )

    @property
    def ours(self) -> bool:
        """Whether this monitor's own key has sealed the manifest and its proof: nobody else can
        have written them.
        """
        return self.sealed is Seal.OURS and self.proof_sealed is Seal.OURS

    @property
    def failed(self) -> bool:
        """Whether its newest proof found it wrong, or a part of it is lost."""
        return bool(self.lost or (self.proof and not self.proof.equal))


def read_backup(folder: Path, key: Key | None) -> Backup:
    """What lies in its folder; what cannot be read stands in its `fault`."""
    try:
        written = (folder / MANIFEST).read_bytes()
        sealed = _says(folder, MANIFEST, written, key)
        if sealed is Seal.BROKEN:
            raise Failed("manifest", f"it was {sealed.value}", origin="local")
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
    backup = Backup(folder, manifest, sha256(written), fault=lost, sealed=sealed, lost=lost)
    return _with_proof(backup, key)


def _with_proof(backup: Backup, key: Key | None) -> Backup:
    try:
        written = (backup.folder / PROOF).read_bytes()
        proof, sealed = read_proof(written), _says(backup.folder, PROOF, written, key)
    except FileNotFoundError:
        return backup
    except OSError as problem:
        return replace(backup, fault=f"{PROOF}: {problem.strerror}")
    except Failed as refused:
        return replace(backup, fault=f"{PROOF}: {refused.text}")
    except Unreadable as why:
        return replace(backup, fault=f"{PROOF}: {why}", foreign=True)
    if sealed is Seal.BROKEN:
        return replace(backup, fault=f"{PROOF}: it was {sealed.value}", proof_sealed=sealed)
    return replace(backup, proof=proof, proof_sealed=sealed)


def _says(folder: Path, name: str, written: bytes, key: Key | None) -> Seal:
    try:
        seal = (folder / SEALS[name]).read_bytes()[:_LONGEST_SEAL]
    except FileNotFoundError:
        seal = None
    # Without a key one seal is as good as another: it is somebody else's.
    if key is None:
        return Seal.NONE if seal is None else Seal.ANOTHER
    return key.says(name, written, seal)


def _lost(folder: Path, manifest: Manifest) -> str:
    """Which artefact is not there as it was: a proof is about files, and lives no longer than
    they.
    """
    for artefact in manifest.artefacts:
        try:
            status = (folder / artefact.name).lstat()
        except OSError as problem:
            return f"{artefact.name} is not there ({problem.strerror})"
        if not stat.S_ISREG(status.st_mode) or status.st_size != artefact.bytes:
            return f"{artefact.name} has {status.st_size} bytes, not {artefact.bytes}"
    return ""
