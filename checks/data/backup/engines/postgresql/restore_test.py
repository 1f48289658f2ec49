"""A PostgreSQL backup, restored into a server to throw away by the very commands of its RESTORE.md,
and read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial as bound
from pathlib import Path

import psycopg

from checks.contract import Failed
from checks.data.backup.engine import Found, Work, compared
from checks.data.backup.engines.postgresql import content as contents
from checks.data.backup.engines.postgresql.cluster import cluster, drill_user
from checks.data.backup.engines.postgresql.connection import connected
from checks.data.backup.engines.postgresql.dump import DATABASE, ROLES, SCHEMA
from checks.data.backup.engines.postgresql.programs import environment, restore_fault
from checks.data.backup.engines.unpacking import plain_name, unpack_all
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed, postgresql_folder, run
from checks.data.backup.store.manifest import Content, Manifest

_LARGE_OBJECTS = "large objects"


class PostgresqlRehearsal:
    """A backup of PostgreSQL, restored into a server to throw away and compared."""

    def __init__(self, tools: Path | None = None) -> None:
        self._wanted = tools

    def scratch_bytes(self, manifest: Manifest) -> int:
        """The database with its indexes, and its dump unpacked."""
        return int(1.2 * manifest.facts["database_bytes"]) + manifest.plain_bytes + 200_000_000

    def rehearse(self, folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Found:
        """Restore it under `scratch` and read it; nothing of it runs when this returns. Raises
        Failed.
        """
        major = int(manifest.server.split(".")[0])
        tools = postgresql_folder("postgres", major, self._wanted)
        archive = scratch / "archive"
        archive.mkdir(mode=0o700)
        unpacking = work.beside(bound(unpack_all, folder, manifest, archive, work))
        with cluster(tools, scratch, drill_user(work.run_as)) as source:
            unpacking.result()
            load(tools, source, manifest, archive, work.jobs)
            restored = replace(source, database=manifest.facts["database"])
            with work.events.stage("compare"):
                found = read(tools, restored, manifest, archive, work)
                compared(manifest, found)
        return found


def load(tools: Path, source: Source, manifest: Manifest, archive: Path, jobs: int) -> None:
    """Roles, then the database, as RESTORE.md says. Raises Failed."""
    try:
        # Without psqlrc and with ON_ERROR_STOP, psql ends with a status at the first fault instead
        # of going on.
        psql: list[str | Path] = [
            tools / "psql",
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"--file={archive / ROLES}",
        ]
        run([*psql, *address(source)], environment(source))
        load_database(tools, source, manifest, archive, jobs, create=True)
    except ToolFailed as failed:
        raise restore_fault(failed) from failed


def load_database(
    tools: Path, source: Source, manifest: Manifest, archive: Path, jobs: int, create: bool
) -> None:
    """The database alone: made under its own name, or filled where `source` already points
    to it.
    """
    parts = sorted(
        name
        for artefact in manifest.artefacts
        if (name := plain_name(artefact)).startswith("part-")
    )
    # Without --exit-on-error pg_restore counts its faults and goes on; tablespaces of the live host
    # are not here.
    restore: list[str | Path] = [
        tools / "pg_restore",
        "--exit-on-error",
        "--no-password",
        "--no-tablespaces",
    ]
    into = replace(source, database=manifest.facts["database"]) if create else source
    made = ["--create"] if create else []
    whole = archive / DATABASE
    if not parts:
        run([*restore, *made, f"--jobs={jobs}", *address(source), whole], environment(source))
        return
    # Tables, then rows of all archives, then indexes and foreign keys: rows go in faster without,
    # and in any order.
    run([*restore, *made, "--section=pre-data", *address(source), whole], environment(source))
    run([*restore, "--section=data", f"--jobs={jobs}", *address(into), whole], environment(source))
    for part in parts:
        run([*restore, *address(into), archive / part], environment(source))
    run(
        [*restore, "--section=post-data", f"--jobs={jobs}", *address(into), whole],
        environment(source),
    )


def address(source: Source) -> list[str]:
    """Words that tell a tool where to go; libpq's own, so that no name is taken for an option."""
    said = {
        "host": source.host,
        "port": str(source.port or ""),
        "user": source.user,
        "dbname": source.database,
    }
    named = {key: value for key, value in said.items() if value}
    return [f"--dbname={psycopg.conninfo.make_conninfo('', **named)}"]


def read(tools: Path, source: Source, manifest: Manifest, archive: Path, work: Work) -> Found:
    """What the restored database holds. Raises Failed."""
    try:
        with connected(source) as connection:
            # A server older than 14 hashes otherwise: equal rows would look different.
            if contents.hashed_by(connection) != manifest.hashed_by:
                raise Failed(
                    "not-comparable",
                    f"this server does not hash rows by {manifest.hashed_by}",
                    "local",
                )
            found = contents.content(
                connection, contents.tables(connection), work.unthrottled, work.advance
            )
            if objects := contents.large_objects(connection):
                found[_LARGE_OBJECTS] = objects
            newest = contents.newest_record(connection, manifest.facts["newest_record_query"])
            behind = contents.behind(manifest.facts["sequences"], contents.sequences(connection))
        schema = contents.plain_schema(
            run([tools / "pg_dump", "--schema-only", *address(source)], environment(source))
        )
    except ToolFailed as failed:
        raise restore_fault(failed) from failed
    except psycopg.Error as problem:
        raise Failed("compare-failed", str(problem).splitlines()[0], origin="local") from problem
    return Found(
        _comparable(found, manifest), newest, (*behind, *_schema(schema, manifest, archive))
    )


def _comparable(found: dict[str, Content], manifest: Manifest) -> dict[str, Content]:
    """Large objects count where the live side was allowed to read them."""
    return {
        name: each
        for name, each in found.items()
        if name != _LARGE_OBJECTS or name in manifest.tables
    }


def _schema(schema: bytes, manifest: Manifest, archive: Path) -> Sequence[str]:
    """How the schema differs: the first line that one of the two alone has."""
    if contents.schema_hash(schema) == manifest.schema_sha256:
        return ()
    was = (archive / SCHEMA).read_bytes().splitlines()
    now = schema.splitlines()
    # The first line that is gone and the first that is new name the object; the whole difference
    # may be pages long.
    gone = next((line for line in was if line not in set(now)), b"")
    new = next((line for line in now if line not in set(was)), b"")
    return (
        (
            f"the schema differs: {gone.decode(errors='replace')[:200]!r} became"
            f" {new.decode(errors='replace')[:200]!r}"
        ),
    )
