"""Copies of a backup elsewhere: a second disk, whatever rclone reaches (SFTP, S3 …), a restic
repository.

A copy is read back before it counts: the second disk's files are hashed, rclone and restic compare
by themselves. The manifest goes last, so that a copy without one is known to be half.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from checks.contract import Failed
from checks.counted_lines import sync_folder
from checks.data.backup.engine import Work
from checks.data.backup.programs import ToolFailed, needed, run
from checks.data.backup.store.archive_file import not_written
from checks.data.backup.store.kept_backup import SEALS
from checks.data.backup.store.manifest import Manifest
from checks.data.backup.store.repository import (
    MANIFEST,
    PROOF,
    RESTORE,
    Backup,
    Repository,
    write_whole,
)
from checks.data.backup.store.retention import Keep, evicted
from checks.data.rclone import options


def copy_out(backup: Backup, copies: Sequence[Mapping[str, str]], work: Work) -> None:
    """Copy to every place; the first that fails is told once all were tried. Raises Failed."""
    faults = []
    for place in copies:
        # In this order: a place is exactly one of them (Copy in check.py).
        kind = next(kind for kind in ("folder", "rclone", "restic") if place.get(kind))
        try:
            {"folder": _to_folder, "rclone": _to_rclone, "restic": _to_restic}[kind](backup, place)
        except ToolFailed as failed:
            faults.append(Failed("copy-failed", f"{kind}: {failed.said[-400:]}"))
        except OSError as problem:
            faults.append(not_written(problem))
        except Failed as refused:
            faults.append(refused)
        else:
            work.events.note(f"copied to {place[kind]}")
    # Told also when one failed: how many places have it is what one asks in an emergency.
    work.events.measure("copies", len(copies) - len(faults))
    if faults:
        raise faults[0]


def retain_copies(
    repository: Repository,
    copies: Sequence[Mapping[str, str]],
    keep: tuple[int, int, int],
    work: Work,
) -> None:
    """On every second disk: the proofs beside the copies, and no more of them than by the same rule
    as here. What rclone and restic reach keeps what it is told to there. Raises Failed.
    """
    here = {backup.id: backup for backup in repository.backups()}
    sources = {backup.manifest.source for backup in here.values() if backup.manifest}
    for place in copies:
        folder = Path(place.get("folder") or "")
        if not place.get("folder") or not folder.is_dir():
            continue
        there = Repository(folder, repository.key)
        try:
            for backup in _of_sources(there, sources):
                if (local := here.get(backup.id)) is not None:
                    _prove_alike(local, backup)
            # Several sources may have their copies in one folder: each fills its own places.
            for source in sources:
                own = _of_sources(there, {source})
                doomed = evicted(own, Keep(*keep))
                for backup in own:
                    if backup.id in doomed:
                        there.remove(backup)
                        work.events.note(f"the copy {backup.id} in {folder} made room")
        except OSError as problem:
            raise not_written(problem) from problem


def _of_sources(there: Repository, sources: set[str]) -> list[Backup]:
    return [
        backup
        for backup in there.backups()
        if backup.manifest is not None and not backup.foreign and backup.manifest.source in sources
    ]


def _prove_alike(local: Backup, copy: Backup) -> None:
    """The newest proof of a backup, beside its copy; its seal first, as where it was written."""
    for name in (SEALS[PROOF], PROOF):
        source, target = local.folder / name, copy.folder / name
        if not source.is_file():
            continue
        content = source.read_bytes()
        if not target.is_file() or target.read_bytes() != content:
            write_whole(target, content)


def _to_folder(backup: Backup, place: Mapping[str, str]) -> None:
    parent = Path(place["folder"])
    # A folder that is made here would fill the root disk under the mount point.
    if not parent.is_dir():
        raise Failed("copy-failed", f"{parent} is not there: is the disk mounted?", origin="local")
    partial = parent / f".partial-{secrets.token_hex(6)}"
    try:
        shutil.copytree(backup.folder, partial)
        _read_back(partial, backup.manifest)
        for path in partial.iterdir():
            _sync_file(path)
        sync_folder(partial)
        partial.rename(parent / backup.id)
        sync_folder(parent)
    finally:
        if partial.exists():
            shutil.rmtree(partial)


def _read_back(folder: Path, manifest: Manifest | None) -> None:
    for artefact in manifest.artefacts if manifest else ():
        with (folder / artefact.name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != artefact.sha256:
                raise Failed(
                    "copy-differs", f"{artefact.name} is not what was copied", origin="local"
                )


def _to_rclone(backup: Backup, place: Mapping[str, str]) -> None:
    rclone: list[str | Path] = [needed("rclone"), *options(place.get("config"))]
    target = f"{place['rclone'].rstrip('/')}/{backup.id}"
    # Everything else before the manifest: a copy without it is known to be half.
    run([*rclone, "copy", f"--exclude={MANIFEST}", backup.folder, target])
    run([*rclone, "copy", f"--include={MANIFEST}", backup.folder, target])
    # --download compares contents also where the far store knows no hash that both have.
    run([*rclone, "check", "--one-way", "--download", backup.folder, target])


def _to_restic(backup: Backup, place: Mapping[str, str]) -> None:
    secret = {"RESTIC_PASSWORD": place["password"]} if place.get("password") else {}
    restic: list[str | Path] = [needed("restic"), f"--repo={place['restic']}", "--quiet"]
    run([*restic, "backup", "--tag=reveille", f"--tag={backup.id}", backup.folder], secret)
    # A tenth of the packs is read: all of them, every night, would be the traffic of a whole
    # restore.
    run([*restic, "check", "--read-data-subset=1/10"], secret)


def _sync_file(path: Path) -> None:
    import os

    with path.open("rb") as file:
        os.fsync(file.fileno())


__all__ = ["MANIFEST", "RESTORE", "copy_out", "retain_copies"]
