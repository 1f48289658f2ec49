"""Back onto a live MariaDB server: into a database of another name, compared there. MariaDB cannot rename a database,
so one that is there is never replaced: the application is pointed to the restored one, or it is renamed by hand.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from checks.contract import Refused
from checks.data.backup import mariadb
from checks.data.backup.job import Source
from checks.data.backup.mariadb_rehearsal import load, read
from checks.data.backup.repository import Backup
from checks.data.backup.unpacking import unpack_all
from checks.data.backup.work import Work, compared


def restore_database(source: Source, backup: Backup, scratch: Path, to: str, overwrite: bool, work: Work) -> None:
    """Restore `backup` as the database `to` (or its own), which must not be there. Raises Refused."""
    if backup.manifest is None:
        raise Refused("manifest", backup.fault, origin="local")
    target = replace(source, database=to or source.database)
    with mariadb.connected(replace(source, database="")) as server:
        if mariadb.rows(server, "SHOW DATABASES LIKE %s", (target.database,)):
            more = "MariaDB cannot rename it: restore to another name" if overwrite else "name another one"
            raise Refused("exists", f"the database {target.database} is there; {more} with --to", origin="local")
    unpack_all(backup.folder, backup.manifest, scratch, work)
    try:
        load(target, backup.manifest, scratch, source.tools_folder, users=False)
        with work.voice.stage("compare"):
            compared(backup.manifest, read(target, backup.manifest, work, source.tools_folder))
    except BaseException:
        with mariadb.connected(replace(source, database="")) as server:
            server.query(f"DROP DATABASE IF EXISTS {mariadb.quoted(target.database)}")
        raise
    work.voice.note(f"{target.database} is that of {backup.manifest.data_as_of}, {backup.manifest.rows} rows, equal")
