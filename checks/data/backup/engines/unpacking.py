"""A backup's artefacts, plain, under their own names: where every rehearsal and every restore
begins.
"""

from __future__ import annotations

from pathlib import Path

from checks.data.backup.engine import Work
from checks.data.backup.store.archive_file import opened
from checks.data.backup.store.manifest import Manifest


def unpack_all(folder: Path, manifest: Manifest, archive: Path, work: Work) -> None:
    """Every artefact, plain, under its own name. Raises Failed."""
    for artefact in manifest.artefacts:
        sink = opened(archive / artefact.plain_name)
        try:
            work.unpack(folder, artefact, sink)
        finally:
            sink.close()
