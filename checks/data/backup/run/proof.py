"""The road of a proof: unpack, restore into something throw-away, compare with what the snapshot
held, drop.

A fault of the backup itself (damaged, differs, cannot be restored) is kept as its proof, and such a
backup counts no more. A fault of this host (no space, no tool, a wrong key, a server that died)
says nothing about the backup.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engine import Found, Work
from checks.data.backup.engines.list import rehearsal_of
from checks.data.backup.job import Job
from checks.data.backup.store.archive_file import room
from checks.data.backup.store.manifest import Manifest, Proof
from checks.data.backup.store.repository import Backup, Repository, remove_tree
from checks.data.backup.store.retention import Keep, evicted
from checks.data.backup.store.seal import Seal

_OF_THIS_HOST = frozenset(
    {"no-space", "not-written", "tool-missing", "client-older", "wrong-key", "no-key",
     "cluster-died", "drill-user",
     "extension-missing", "locale-missing", "not-comparable", "other-database"}
)  # fmt: skip


# What this host lacks, and another may have.
_LACKING = frozenset(
    {
        "tool-missing",
        "client-older",
        "extension-missing",
        "locale-missing",
        "not-comparable",
        "other-database",
    }
)
# Names in one line of a trace; the proof has them all.
_MOST_NAMED = 8


def prove(job: Job, backup: Backup, repository: Repository, work: Work) -> Proof:
    """Prove a backup and keep what was found. For who holds the lock. Raises Failed."""
    began = time.monotonic()
    if backup.manifest is None:
        with work.events.stage("restore"):
            raise Failed("manifest", backup.fault, origin="local")
    manifest = backup.manifest
    try:
        found = _rehearsed(job, backup, manifest, repository, work)
    except Failed as refused:
        # A drill that this host could not hold says nothing of the backup: its last proof stays.
        if refused.code not in _OF_THIS_HOST:
            fault = f"{refused.code}: {refused.text}"
            repository.prove(
                backup, Proof(backup.manifest_sha256, _moment(repository), False, fault=fault)
            )
        if refused.code in _LACKING:
            text = f"cannot prove here, which says nothing of the backup: {refused.text}"
            raise Failed(refused.code, text, refused.origin) from refused
        raise
    seconds = time.monotonic() - began
    rows = sum(content.rows for content in found.tables.values())
    # The comparison runs within the stage of the restore, since the drill's server has to live for
    # it.
    restoring = round(work.events.seconds["restore"] - work.events.seconds["compare"], 3)
    proof = Proof(
        backup.manifest_sha256,
        _moment(repository),
        True,
        round(seconds, 3),
        restoring,
        rows,
        not_run=found.not_run,
    )
    repository.prove(backup, proof)
    work.events.measure("proof_seconds", round(seconds, 3))
    work.events.measure("proven_rows", rows)
    work.events.note(f"backup {backup.id} restored in {_spoken(restoring)}, {rows} rows, equal")
    _tell_apart(backup, repository, found, work)
    return proof


def _tell_apart(backup: Backup, repository: Repository, found: Found, work: Work) -> None:
    """What the proof is no proof of."""
    if found.not_run:
        named = ", ".join(found.not_run[:_MOST_NAMED])
        more = len(found.not_run) - _MOST_NAMED
        work.events.note(
            "no part of the proof, or compared only as it stands in the backup:"
            f" {named}{f' and {more} more' if more > 0 else ''}"
        )
    if repository.key is not None and backup.sealed is not Seal.OURS:
        work.events.note(
            f"its manifest is {backup.sealed.value}: it is as it says, and who wrote that is not"
            " known"
        )


def retain(keep: tuple[int, int, int], repository: Repository, work: Work) -> None:
    """Remove what retention lets go, and nothing that another release may know to be good. For who
    holds the lock.
    """
    backups = repository.backups()
    # What another release wrote is left to it: it may know that to be good. No place at all means
    # that whoever asks keeps everything.
    known = [backup for backup in backups if not backup.foreign]
    doomed = evicted(known, Keep(*keep)) if any(keep) else frozenset()
    for backup in backups:
        if backup.id in doomed:
            repository.remove(backup)
            why = (
                "" if any(one.proven for one in known) else ": none is proven, the newest are kept"
            )
            work.events.note(f"backup {backup.id} made room{why}")
    left = [backup for backup in backups if backup.id not in doomed]
    work.events.measure("backups_proven", sum(backup.proven for backup in left))
    work.events.measure("backups_kept", len(left))


@contextmanager
def scratch_folder(job: Job, repository: Repository, needed: int) -> Iterator[Path]:
    """Room to restore in, gone afterwards; also what a crash left there is gone. Raises Failed."""
    # Named after the folder: several repositories may share one scratch disk, and each sweeps its
    # own.
    mark = ".scratch-" + hashlib.sha256(str(repository.folder.resolve()).encode()).hexdigest()[:10]
    parent = Path(job.scratch) if job.scratch else repository.folder
    for left_over in parent.glob(f"{mark}-*"):
        remove_tree(left_over)
    room(parent, needed, f"in {parent}")
    folder = parent / f"{mark}-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        remove_tree(folder)


def _rehearsed(
    job: Job, backup: Backup, manifest: Manifest, repository: Repository, work: Work
) -> Found:
    with work.events.stage("restore", total=manifest.bytes):
        rehearsal = rehearsal_of(manifest.engine, job.source.tools_folder if job.source else None)
        if manifest.recipients and not work.identities:
            raise Failed("no-key", "it is encrypted, and no identity is configured", origin="local")
        with scratch_folder(job, repository, rehearsal.scratch_bytes(manifest)) as scratch:
            return rehearsal.rehearse(backup.folder, manifest, scratch, work)


def _moment(repository: Repository) -> str:
    return repository.now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
