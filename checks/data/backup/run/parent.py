"""The daemon's side of the worker: has a job done, and judges how it ended.

A worker that dies by a signal or speaks nonsense leaves a fault as well: there is no backup,
whoever is to blame.
"""

from __future__ import annotations

from collections.abc import Callable

from checks.contract import Failed, Trace
from checks.data.backup.job import Job
from checks.process.events import Told, broken_in, concluded, followed
from checks.process.parent import python

# For a worker that is asked to end: it stops its tools and removes what it had begun.
_END_SECONDS = 30.0
# The same when the daemon is dead: what is left of it then has no name, and the next run removes
# it.
_ORPHAN_SECONDS = 1.5
# A ticket is read on a telephone: the end of what a worker said is where its cause stands.
_SAID_CHARACTERS = 800


async def converse(job: Job, trace: Trace, told: Callable[[Told], None] | None = None) -> None:
    """Have a job done. Raises Failed in the stage under way, CannotTell. `told` hears every event
    as well.
    """
    program = python(
        "checks.data.backup.run.worker",
        kept=("HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        grace_seconds=_ORPHAN_SECONDS,
    )
    story = await followed(program, job.to_dict(), trace, None, told, patience=_END_SECONDS)
    if story.done is None and story.blind is None and not story.faults:
        broken_in(story, trace)
        raise Failed("worker-died", story.broke_off[:_SAID_CHARACTERS], origin="local")
    concluded(story, trace)
