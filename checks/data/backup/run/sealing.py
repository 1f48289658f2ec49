"""The key of this monitor, for whoever writes manifests and proofs."""

from __future__ import annotations

from pathlib import Path

from checks.data.backup.job import Job
from checks.data.backup.store.archive_file import not_written
from checks.data.backup.store.seal import Key, key_of


def own_key(job: Job) -> Key | None:
    """The key that this monitor seals with; made with its first backup. Raises Failed."""
    try:
        return key_of(Path(job.state) if job.state else None, make=True)
    except OSError as problem:
        raise not_written(problem) from problem
