"""A backup's artefacts, plain, under their own names: where every rehearsal and every restore
begins.
"""

from __future__ import annotations

from pathlib import Path

from checks.data.backup.engine import Work
from checks.data.backup.store.archive_file import Artefact, opened
from checks.data.backup.store.manifest import Manifest


def unpack_all(folder: Path, manifest: Manifest, archive: Path, work: Work) -> None:
    """Every artefact, plain, under its own name. Raises Failed."""
    for artefact in manifest.artefacts:
        sink = opened(archive / plain_name(artefact))
        try:
            work.unpack(folder, artefact, sink)
        finally:
            sink.close()


def plain_name(artefact: Artefact) -> str:
    """Its name without what packing added."""
    return artefact.name.removesuffix(".age").removesuffix(".zst")
