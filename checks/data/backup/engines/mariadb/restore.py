"""Back onto a live MariaDB server: into a database of another name, compared there. MariaDB cannot
rename a database, so one that is there is never replaced: the application is pointed to the
restored one, or it is renamed by hand.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engine import Work, compared
from checks.data.backup.engines.mariadb import content
from checks.data.backup.engines.mariadb.dump import SCHEMA
from checks.data.backup.engines.mariadb.other_databases import spoken_of
from checks.data.backup.engines.mariadb.restore_test import judged, load, read
from checks.data.backup.engines.unpacking import unpack_all
from checks.data.backup.instructions import RESTORE_STEP, commands
from checks.data.backup.job import Source
from checks.data.backup.store.repository import Backup

# Not LIKE, for which an underscore is any letter.
_SAME_NAME = "SELECT schema_name FROM information_schema.schemata WHERE schema_name = %s"


def restore_database(
    source: Source, backup: Backup, scratch: Path, to: str, overwrite: bool, work: Work
) -> None:
    """Restore `backup` as the database `to` (or its own), which must not be there. Raises
    Failed.
    """
    if backup.manifest is None:
        raise Failed("manifest", backup.fault, origin="local")
    target = replace(source, database=to or source.database)
    with content.connected(replace(source, database="")) as server:
        if content.rows(server, _SAME_NAME, (target.database,)):
            more = (
                "MariaDB cannot rename it: restore to another name"
                if overwrite
                else "name another one"
            )
            raise Failed(
                "exists",
                f"the database {target.database} is there; {more} with --to",
                origin="local",
            )
    plain = scratch / "plain"
    plain.mkdir(mode=0o700)
    unpack_all(backup.folder, backup.manifest, plain, work)
    try:
        others = backup.manifest.facts.get("others", [])
        load(commands(backup.manifest, RESTORE_STEP), target, plain, source.tools_folder, others)
        with work.events.stage("compare"):
            told = read(target, work, source.tools_folder, backup.manifest.facts)
            kept = plain / SCHEMA
            was = kept.read_bytes() if kept.exists() else b""
            compared(backup.manifest, judged(told, backup.manifest, was))
        _told_of_its_old_name(target, str(backup.manifest.facts.get("database", "")), work)
    except BaseException:
        # Half a database under the right name would be taken for a good one: it is dropped, and the
        # fault goes on.
        with content.connected(replace(source, database="")) as server:
            server.query(f"DROP DATABASE IF EXISTS {content.quoted(target.database)}")
        raise
    work.events.note(
        f"{target.database} is that of {backup.manifest.data_as_of}, {backup.manifest.rows} rows,"
        " equal"
    )


def _told_of_its_old_name(target: Source, old: str, work: Work) -> None:
    """A dump names a sequence with its database: under another name its tables ask that one."""
    with content.connected(target) as restored:
        if old != target.database and old in spoken_of(restored):
            work.events.event(
                warning=f"defaults or views of {target.database} speak of the database {old}:"
                f" restore it under its own name, or alter them before it is written to"
            )
