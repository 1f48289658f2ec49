"""The road back: restore beside the live one, prove it there, and only then change places. The old
one is left aside.

Rule 1: nothing that is there is touched unless the job says `overwrite`, and nothing of it is ever
deleted. Rule 2: they change places in one step, once the restored one was found equal; whatever
breaks before leaves the live one as it was, and the next run removes what was left half done.
"""

from __future__ import annotations

from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engine import Work
from checks.data.backup.events import BackupEvents
from checks.data.backup.job import Job, Source
from checks.data.backup.run.sealing import own_key
from checks.data.backup.store.archive_file import OWN_ROOM_BYTES
from checks.data.backup.store.repository import Backup, Repository
from checks.data.backup.store.seal import Seal
from checks.data.backup.store.throttle import Throttle

# Faults of the target (no room, no right, something is there) say nothing of the backup.
_OF_THE_BACKUP = frozenset({"damaged", "missing", "empty", "differs"})


def restore(job: Job, events: BackupEvents) -> None:
    """Restore the newest backup, or that of `job.at`. Raises Failed."""
    work = Work(events, Throttle(None), job.recipients, job.identities, job.jobs, run_as=job.run_as)
    repository = Repository(Path(job.folder), own_key(job))
    with events.stage("restore"):
        if job.source is None:
            raise Failed(
                "no-source",
                "what is restored to is not configured: name a check of kind backup",
                "local",
            )
        with repository.locked():
            backup = repository.backup(job.at) if job.at else _newest_good(repository)
            _may_be_restored(backup, job.source)
            _warned(backup, repository, work)
            try:
                _by_engine(job, job.source, backup, repository, work)
            except Failed as refused:
                # What the restore saw of the backup itself is its newest proof: `backup list` must
                # not call it good a moment later.
                if refused.code in _OF_THE_BACKUP:
                    repository.found_wrong(backup, f"{refused.code}: {refused.text}")
                raise


def _warned(backup: Backup, repository: Repository, work: Work) -> None:
    """What this monitor did not seal is restored all the same: by then there may be nothing else,
    and its key may be gone with the host.
    """
    if not backup.proven:
        work.events.note(
            f"backup {backup.id} was never proven to come back: it is compared now, row for row"
        )
    if repository.key is not None and backup.sealed is not Seal.OURS:
        work.events.event(
            warning=f"backup {backup.id} is {backup.sealed.value}: its content is what its manifest"
            " says, and who wrote that is not known"
        )


def _newest_good(repository: Repository) -> Backup:
    """The newest backup that was not found wrong; proven or not."""
    good = (
        backup
        for backup in repository.backups()
        if backup.manifest is not None and not backup.failed
    )
    return next(good, None) or repository.backup()


def _by_engine(
    job: Job, source: Source, backup: Backup, repository: Repository, work: Work
) -> None:
    from checks.data.backup.run.proof import scratch_folder

    assert backup.manifest is not None  # noqa: S101 - it may be restored
    # Imported late: a restore of files needs no driver of a database.
    if source.engine in ("sqlite", "directory"):
        from checks.data.backup.engines.file_restore import restore_files

        restore_files(source, backup, job.to, job.overwrite, work)
        return
    if source.engine == "mariadb":
        from checks.data.backup.engines.mariadb.restore import restore_database
    else:
        from checks.data.backup.engines.postgresql.restore import restore_database
    with scratch_folder(job, repository, backup.manifest.plain_bytes + OWN_ROOM_BYTES) as scratch:
        restore_database(source, backup, scratch, job.to, job.overwrite, work)


def _may_be_restored(backup: Backup, source: Source) -> None:
    if backup.manifest is None:
        raise Failed("manifest", backup.fault, origin="local")
    if backup.lost:
        raise Failed("missing", f"{backup.id}: {backup.lost}", origin="local")
    if backup.failed:
        raise Failed(
            "not-proven",
            f"{backup.id} was found wrong: {backup.proof.fault if backup.proof else ''}",
            "local",
        )
    if backup.manifest.engine != source.engine:
        raise Failed(
            "manifest",
            f"{backup.id} is of {backup.manifest.engine}, not {source.engine}",
            origin="local",
        )
