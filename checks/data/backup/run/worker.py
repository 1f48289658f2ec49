"""The process in which a backup is taken, proven and restored: `python -m
checks.data.backup.run.worker` (see process/child.py for what it tells). It asks nobody anything and
ends by itself.

SIGTERM ends it as a fault would: its tools are stopped, what it had begun is removed, nothing has a
name.
"""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import FrameType

from checks.contract import CannotTell, Failed
from checks.data.backup.engine import Work
from checks.data.backup.events import BackupEvents
from checks.data.backup.job import Job
from checks.data.backup.run.backup_run import take
from checks.data.backup.run.copies import retain_copies
from checks.data.backup.run.hashes import hash_again, refuse_rotten
from checks.data.backup.run.proof import prove, retain
from checks.data.backup.run.sealing import own_key
from checks.data.backup.store.repository import Backup, Repository
from checks.data.backup.store.throttle import Throttle
from checks.process.child import job, step_back, telling


class Ended(BaseException):
    """Somebody asked the worker to end."""


def main() -> int:
    """Do the job. 0 done, 1 refused."""
    wanted, events = Job.from_dict(job()), BackupEvents(telling())
    # SIGHUP as well: a terminal that is closed ends a restore in good order.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    if not step_back(wanted.nice):
        events.note("the sandbox does not let a process lower its own priority")
    try:
        perform(wanted, events)
    except Failed as refused:
        events.refused(refused)
        return 1
    except CannotTell as own:
        events.event(blind=str(own))
        return 1
    events.event(done={})
    return 0


def perform(job: Job, events: BackupEvents) -> None:
    """Do the job. Raises Failed."""
    if job.do == "restore":
        from checks.data.backup.run.restoring import restore

        restore(job, events)
        return
    if job.do == "try" and job.source:
        from checks.data.backup.run.rights import tried

        tried(job, job.source, work_for(job, events))
        return
    repository = Repository(Path(job.folder), own_key(job))
    work, rotten = work_for(job, events), list[Backup]()
    with ExitStack() as held:
        # The lock before the stage: two runs at once are a fault of the one that came second.
        try:
            held.enter_context(repository.locked())
        except Failed:
            events.event(begin="dump" if job.do.startswith("take") else "restore")
            raise
        backup = (
            take(job, job.source, repository, work) if job.source and job.do != "prove" else None
        )
        # Proven under the same lock: nobody can remove it between its taking and its proof.
        if job.do != "take":
            prove(job, backup or repository.backup(job.at), repository, work)
            rotten = hash_again(repository, work)
        retain(job.keep, repository, work)
        if job.copies and job.do.startswith("take"):
            with events.stage("copy"):
                retain_copies(repository, job.copies, job.keep, work)
        with events.stage("compare") if rotten else nullcontext():
            refuse_rotten(rotten)


def work_for(job: Job, events: BackupEvents) -> Work:
    """What the job's engine works with."""
    return Work(
        events,
        Throttle(job.bytes_a_second),
        job.recipients,
        job.identities,
        job.jobs,
        job.part_bytes,
        job.run_as,
        job.extensions,
    )


def _end(number: int, _frame: FrameType | None) -> None:
    raise Ended(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
