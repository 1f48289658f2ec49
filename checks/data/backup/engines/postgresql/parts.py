"""Large partitions that hold what they held: their archives are linked, and not written again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import LiteralString

from checks.data.backup.engine import Previous, Work
from checks.data.backup.engines.postgresql.content import Table
from checks.data.backup.engines.postgresql.session import Connection
from checks.data.backup.store.archive_file import Artefact
from checks.data.backup.store.manifest import Content

_FORM: LiteralString = """
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attgenerated::text
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


def form(connection: Connection, table: Table) -> str:
    """A hash of the names, types and order of a table's columns."""
    columns = connection.execute(_FORM, (table.oid,)).fetchall()
    return hashlib.sha256(repr(columns).encode()).hexdigest()


def reused(
    previous: Previous | None, table: Table, content: Content, form: str, partial: Path, work: Work
) -> Artefact | None:
    """The artefact of the previous backup, linked into `partial`, where the partition still holds
    the same in the same columns (`form`).
    """
    # Another recipient could not read the old artefact: then everything is written anew.
    if previous is None or previous.manifest.recipients != work.recipients:
        return None
    was = previous.manifest.tables.get(table.full_name)
    by_name = {artefact.name: artefact for artefact in previous.manifest.artefacts}
    if was is None or not was.equal(content) or was.artefact not in by_name:
        return None
    # An archive names the columns that it fills: renamed or moved, they would not be found.
    if previous.manifest.facts.get("columns", {}).get(table.full_name) != form:
        return None
    artefact = by_name[was.artefact]
    # Read whole before it is linked: a bit that fell on the disk would go on into every later
    # backup.
    if not _intact(previous.folder / artefact.name, artefact):
        return None
    # A hard link: it costs nothing, and removing the older backup leaves the content to this one.
    os.link(previous.folder / artefact.name, partial / artefact.name)
    work.advance(artefact.plain_bytes)
    first = artefact.reused_from or previous.manifest.id
    return Artefact(artefact.name, artefact.bytes, artefact.sha256, artefact.plain_bytes, first)


def _intact(path: Path, artefact: Artefact) -> bool:
    """Whether a file is still the one that was written; its proof reads it whole again."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == artefact.sha256
    except OSError:
        return False
