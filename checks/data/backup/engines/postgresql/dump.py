"""A PostgreSQL database, dumped by pg_dump under one exported snapshot in which its rows are
counted and hashed too.

    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;  SELECT pg_export_snapshot();     held open
    until all is done
    pg_dump --snapshot=… --format=custom --compress=0  ->  database.dump.zst         all but what
    follows
    pg_dump --snapshot=… --data-only --table=…         ->  part-….dump.zst           large
    partitions, at the same time
    pg_dump --snapshot=… --schema-only                 ->  schema.sql.zst
    pg_dumpall --roles-only                            ->  roles.sql.zst, administrator.sql.zst
    what the server keeps of the database              ->  create.sql.zst, settings.sql.zst
    what pg_restore says of database.dump as it comes  ->  order.list.zst

A large partition that holds what it held in the previous backup (rows and hash, in this snapshot)
is not dumped again: its artefact is linked, and the manifest says from where.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial as bound
from pathlib import Path
from typing import Any

import psycopg

from checks.contract import Failed
from checks.data.backup.engine import Previous, Taken, Work
from checks.data.backup.engines.postgresql import content as contents
from checks.data.backup.engines.postgresql import extension_rows, order
from checks.data.backup.engines.postgresql.connection import connected, first_line
from checks.data.backup.engines.postgresql.content import Table
from checks.data.backup.engines.postgresql.copied_rows import rows_of
from checks.data.backup.engines.postgresql.own_settings import own_of_database
from checks.data.backup.engines.postgresql.parts import form, reused
from checks.data.backup.engines.postgresql.programs import dump_fault, environment
from checks.data.backup.engines.postgresql.role_dump import address, dumped_roles
from checks.data.backup.engines.postgresql.scripts import LOADER, database_scripts, loader_script
from checks.data.backup.engines.postgresql.server_settings import in_words, of_server
from checks.data.backup.engines.postgresql.session import Connection
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed, postgresql_folder, run, started
from checks.data.backup.store.archive_file import Artefact, Bytes
from checks.data.backup.store.manifest import Content

DATABASE, SCHEMA = "database.dump", "schema.sql"
_LARGE_OBJECTS = "large objects"
# Snapshot, moment and log position in one statement, so that they belong together; on a standby
# moment and position are those of what was replayed.
_MOMENT = """
SELECT pg_catalog.pg_export_snapshot(),
       to_char(coalesce(CASE WHEN pg_catalog.pg_is_in_recovery()
                             THEN pg_catalog.pg_last_xact_replay_timestamp() END, now())
               AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
            ELSE pg_catalog.pg_current_wal_lsn() END::text,
       pg_catalog.pg_database_size(current_database()), current_setting('server_version'),
       current_setting('server_encoding'),
       (SELECT ARRAY[d.datcollate, d.datctype, pg_catalog.pg_get_userbyid(d.datdba)]
          FROM pg_catalog.pg_database d WHERE d.datname = current_database())"""
_EXTENSIONS = "SELECT extname, extversion FROM pg_catalog.pg_extension"


class PostgresqlSource:
    """The live database."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def size(self) -> int:
        """What the database occupies, in bytes."""
        with self._connected() as connection:
            row = connection.execute(
                "SELECT pg_catalog.pg_database_size(current_database())"
            ).fetchone()
            return int(row[0]) if row else 0

    def dump(self, partial: Path, work: Work, previous: Previous | None) -> Taken:
        """Write its artefacts into `partial`. Raises Failed."""
        with self._connected() as connection:
            try:
                return _Dump(self._source, connection, partial, work, previous).taken()
            except psycopg.errors.InsufficientPrivilege as problem:
                raise Failed("permission", first_line(problem)) from problem
            except psycopg.Error as problem:
                raise Failed("sql", first_line(problem)) from problem
            except ToolFailed as failed:
                raise dump_fault(failed) from failed

    @contextmanager
    def _connected(self, snapshot: str = "") -> Iterator[Connection]:
        with connected(self._source, snapshot) as connection:
            yield connection


class _Dump:
    def __init__(
        self,
        source: Source,
        connection: Connection,
        partial: Path,
        work: Work,
        previous: Previous | None,
    ) -> None:
        self._source, self._connection, self._partial, self._work = (
            source,
            connection,
            partial,
            work,
        )
        self._previous = previous
        self._forms: dict[str, str] = {}
        self._told: list[str] = []
        # pg_dump refuses a server that is newer than itself, so the tools are chosen by the server.
        major = connection.info.server_version // 10000
        self._tools = postgresql_folder("pg_dump", major, source.tools_folder)
        row = connection.execute(_MOMENT.encode()).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        (
            self._snapshot,
            self._moment,
            self._lsn,
            self._bytes,
            self._version,
            self._encoding,
            self._locale,
        ) = row

    def taken(self) -> Taken:
        # Sequences know no snapshot: read before the dump they can only be behind it, and a
        # restored one only ahead.
        sequences = contents.sequences(self._connection)
        tables = contents.tables(self._connection)
        large = [
            table for table in tables if table.partition and table.bytes >= self._work.part_bytes
        ]
        self._forms = {table.full_name: form(self._connection, table) for table in large}
        parts = self._part_contents(large)
        rest = [table for table in tables if table not in large]
        rest += extension_rows.tables_of(self._connection)
        dumped: list[tuple[dict[str, Content], list[Artefact]]] = self._work.together(
            bound(self._rows, rest),
            bound(
                self._archive,
                DATABASE,
                [f"--exclude-table-data={table.pattern}" for table in large],
            ),
            *(
                bound(self._parts, parts, large[worker :: self._work.jobs])
                for worker in range(self._work.jobs)
                if large
            ),
        )
        found = {name: content for some, _ in dumped for name, content in some.items()}
        schema, schema_sha256 = self._schema()
        unlogged = contents.unlogged(self._connection)
        if unlogged:
            self._work.events.note(
                f"not in it, since a standby has no rows of unlogged tables: {', '.join(unlogged)}"
            )
        facts = self._facts()
        roles, facts["roles"] = dumped_roles(self._tools, self._source, self._work)
        scripts = {**roles, **database_scripts(facts), LOADER: loader_script()}
        scripts[order.ORDER], facts["needs"] = order.of_live(
            self._connection, self._told, self._work.extensions, [table.oid for table in large]
        )
        return Taken(
            data_as_of=self._moment,
            tool=run([self._tools / "pg_dump", "--version"]).decode().strip(),
            server=self._version,
            tables=found,
            artefacts=(
                *(artefact for _, some in dumped for artefact in some),
                schema,
                *(self._work.store(Bytes(text), self._partial, n) for n, text in scripts.items()),
            ),
            hashed_by=contents.hashed_by(self._connection),
            snapshot=self._snapshot,
            position=self._lsn,
            schema_sha256=schema_sha256,
            newest_record=contents.newest_record(self._connection, self._source.newest_record),
            facts={**facts, "sequences": sequences, "unlogged": unlogged},
        )

    def _facts(self) -> dict[str, Any]:
        return {
            "database": self._source.database,
            "database_bytes": self._bytes,
            "encoding": self._encoding,
            "collate": self._locale[0],
            "ctype": self._locale[1],
            "owner": self._locale[2],
            "extensions": dict(self._connection.execute(_EXTENSIONS).fetchall()),
            "newest_record_query": self._source.newest_record,
            "columns": self._forms,
            "own": own_of_database(self._connection),
            "extension_tables": {
                table.full_name: table.extension
                for table in extension_rows.tables_of(self._connection)
            },
            "extension_sequences": extension_rows.sequences_of(self._connection),
            "server": (server := of_server(self._connection)),
            "had": in_words(server),
        }

    def _rows(self, tables: Sequence[Table]) -> tuple[dict[str, Content], list[Artefact]]:
        """Count and hash in the snapshot, beside the dump."""
        with (
            connected(self._source, self._snapshot) as connection,
            connected(self._source) as now,
        ):
            work = self._work
            found = rows_of(connection, tables, work.throttle, work.advance, now=now)
            if objects := contents.large_objects(connection):
                found[_LARGE_OBJECTS] = objects
        return found, []

    def _archive(self, name: str, more: Sequence[str]) -> tuple[dict[str, Content], list[Artefact]]:
        # Uncompressed: zstd behind the pipe is faster and smaller than pg_dump's gzip, and packs in
        # parallel to it.
        command: list[str | Path] = [*self._pg_dump(), "--format=custom", "--compress=0", *more]
        with started(command, environment(self._source)) as tool:
            if name != DATABASE:
                artefact = self._work.store(tool.output, self._partial, name)
                tool.end()
                return {}, [artefact]
            with order.beside(self._tools / "pg_restore", tool.output) as output:
                artefact = self._work.store(output, self._partial, name)
                tool.end()
                self._told = output.told()
        return {}, [artefact]

    # -- partitions

    def _part_contents(self, large: Sequence[Table]) -> dict[str, Content]:
        """What each large partition holds; it must be known before it is known whether it is
        dumped.
        """
        shares = [large[worker :: self._work.jobs] for worker in range(self._work.jobs)]
        found = self._work.together(
            *(bound(self._rows_of_parts, share) for share in shares if share)
        )
        return {name: content for some in found for name, content in some.items()}

    def _rows_of_parts(self, tables: Sequence[Table]) -> dict[str, Content]:
        work = self._work
        with (
            connected(self._source, self._snapshot) as connection,
            connected(self._source) as now,
        ):
            return rows_of(connection, tables, work.throttle, work.advance, now=now)

    def _parts(
        self, parts: dict[str, Content], tables: Sequence[Table]
    ) -> tuple[dict[str, Content], list[Artefact]]:
        found, artefacts = {}, []
        for table in tables:
            content = parts[table.full_name]
            artefact = reused(
                self._previous,
                table,
                content,
                self._forms[table.full_name],
                self._partial,
                self._work,
            )
            if artefact is None:
                [artefact] = self._archive(
                    f"part-{table.oid}.dump", ["--data-only", f"--table={table.pattern}"]
                )[1]
            artefacts.append(artefact)
            found[table.full_name] = Content(
                content.rows, content.hash, content.bytes, artefact.name
            )
        return found, artefacts

    # -- schema and roles

    def _schema(self) -> tuple[Artefact, str]:
        written = run([*self._pg_dump(), "--schema-only"], environment(self._source))
        plain = contents.plain_schema(written)
        return self._work.store(Bytes(written), self._partial, SCHEMA), contents.schema_hash(plain)

    def _pg_dump(self) -> list[str | Path]:
        return [
            self._tools / "pg_dump",
            "--no-password",
            # Milliseconds: behind an ALTER TABLE that lasts a dump fails after a minute, instead of
            # holding everybody up.
            "--lock-wait-timeout=60000",
            # The server that it comes back to has other disks: no CREATE DATABASE may name one.
            "--no-tablespaces",
            f"--snapshot={self._snapshot}",
            f"--dbname={address(self._source)}",
        ]
