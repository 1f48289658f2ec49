"""Back onto a live PostgreSQL server: into a database of a random name, compared there, then
renamed into place.

    the commands of its RESTORE.md, for reveille_restore_…; compare; BEGIN; ALTER DATABASE calls
    RENAME TO calls_before_…; ALTER DATABASE reveille_restore_… RENAME TO calls; COMMIT

Roles that the server lacks are made; those that it has stay as they are, passwords and all. The
administrator's step is done where whoever restores is a superuser, and else told.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from checks.contract import Failed
from checks.data.backup.engine import Work, compared
from checks.data.backup.engines.postgresql.connection import first_line
from checks.data.backup.engines.postgresql.copied_rows import copied_names
from checks.data.backup.engines.postgresql.dump import SCHEMA
from checks.data.backup.engines.postgresql.loading import (
    LOADER_PREFIX,
    Prepared,
    bring_back,
    prepared,
)
from checks.data.backup.engines.postgresql.own_settings import differing_own
from checks.data.backup.engines.postgresql.programs import login, restore_fault
from checks.data.backup.engines.postgresql.restore_test import judged, own_of, read
from checks.data.backup.engines.postgresql.session import without_limits
from checks.data.backup.engines.postgresql.withheld import Entry
from checks.data.backup.engines.unpacking import unpack_all
from checks.data.backup.instructions import ADMINISTRATORS_STEP, PLAIN, RESTORE_STEP, commands
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed, postgresql_folder
from checks.data.backup.store.manifest import Manifest
from checks.data.backup.store.repository import Backup
from checks.data.backup.unreached import unreached

PREFIX = "reveille_restore_"
# A name has at most NAMEDATALEN - 1 bytes; what is longer PostgreSQL cuts off in silence.
_NAME_BYTES = 63
_MOST_NAMED = 8
_IS_TEMPLATE = "SELECT FROM pg_catalog.pg_database WHERE datname = %s AND datistemplate"
Connection = psycopg.Connection[tuple[Any, ...]]


def restore_database(
    source: Source, backup: Backup, scratch: Path, to: str, overwrite: bool, work: Work
) -> None:
    """Restore `backup` as the database `to` (or its own). Raises Failed."""
    manifest, target = _of(backup), to or source.database
    facts = manifest.facts
    with _maintenance(source) as server:
        there = _exists(server, target)
        if there and not overwrite:
            raise Failed(
                "exists",
                f"the database {target} is there; --overwrite puts it aside",
                origin="local",
            )
        # Before a new name is drawn, since what is left over of a crash may fill the disk.
        _sweep(server)
        tools = postgresql_folder(
            "pg_restore", server.info.server_version // 10000, source.tools_folder
        )
        plain = scratch / PLAIN
        plain.mkdir(mode=0o700)
        unpack_all(backup.folder, manifest, plain, work)
        name = PREFIX + secrets.token_hex(8)
        try:
            restored = replace(source, database=name)
            ready = prepared(scratch, tools, manifest.facts, _any_extension(server))
            left = _brought_back(server, restored, ready, manifest, tools, work)
            with work.events.stage("compare"):
                told = read(tools, restored, _question(manifest), work)
                told["withheld"] = [[each.kind, each.name, each.text] for each in left]
                compared(manifest, judged(told, manifest, (plain / SCHEMA).read_bytes()))
            if wrong := differing_own(facts.get("own"), own_of(restored)):
                work.events.note("; ".join(wrong))
            aside = _change_places(server, name, target, backup.id if there else "")
        except psycopg.Error as problem:
            raise Failed("restore-failed", first_line(problem)) from problem
        except ToolFailed as failed:
            raise restore_fault(failed) from failed
        finally:
            _drop(server, name)
            _drop_loaders(server)
    work.events.note(f"{target} is that of {manifest.data_as_of}, {manifest.rows} rows, equal")
    if aside:
        work.events.note(
            f"the old one is kept as {aside}; when you are content: DROP DATABASE {aside}"
        )


def _of(backup: Backup) -> Manifest:
    assert backup.manifest is not None  # noqa: S101 - it may be restored
    return backup.manifest


@contextmanager
def _maintenance(source: Source) -> Iterator[Connection]:
    try:
        connection: Connection = psycopg.connect(
            **{**login(source), "dbname": "postgres"}, autocommit=True
        )
    except psycopg.OperationalError as problem:
        said = str(problem).strip()
        raise Failed(unreached(said), said.splitlines()[0]) from problem
    with connection:
        # It waits while the tools work, and is nobody who forgot to leave.
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("SET quote_all_identifiers = off")
        without_limits(connection)
        yield connection


def _exists(server: Connection, name: str) -> bool:
    return (
        server.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", (name,)).fetchone()
        is not None
    )


def _sweep(server: Connection) -> None:
    """What a crash left: databases of our prefix and its length, in which nobody works."""
    question = "SELECT datname FROM pg_catalog.pg_database WHERE datname ~ %s"
    for (name,) in server.execute(question, (f"^{PREFIX}[0-9a-f]{{16}}$",)).fetchall():
        _drop(server, name)
    _drop_loaders(server)


def _drop_loaders(server: Connection) -> None:
    if server.closed:
        return
    roles = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname ~ %s"
    for (name,) in server.execute(roles, (f"^{LOADER_PREFIX}[0-9a-f]{{16}}$",)).fetchall():
        server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def _drop(server: Connection, name: str) -> None:
    if not server.closed:
        # A template is not dropped as long as it is one.
        if server.execute(_IS_TEMPLATE, (name,)).fetchone():
            server.execute(
                sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name))
            )
        server.execute(
            # FORCE ends sessions that still hang in it (PostgreSQL 13 and later): the drop would
            # otherwise fail.
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _brought_back(
    server: Connection,
    restored: Source,
    ready: Prepared,
    manifest: Manifest,
    tools: Path,
    work: Work,
) -> Sequence[Entry]:
    """Run the commands; what was left to an administrator."""
    for said in bring_back(
        commands(manifest, RESTORE_STEP), ready, tools, restored, work.jobs, rows_as_me=True
    ):
        work.events.note(said)
    if not ready.held.withheld:
        return ()
    if server.execute("SHOW is_superuser").fetchone() != ("on",):
        work.events.note(
            "left to an administrator, by step 3 of RESTORE.md:"
            f" {', '.join(each.words for each in ready.held.causes[:_MOST_NAMED])}"
        )
        return ready.held.withheld
    bring_back(commands(manifest, ADMINISTRATORS_STEP), ready, tools, restored, work.jobs)
    return ()


def _any_extension(server: Connection) -> frozenset[str]:
    """For a backup of an older release: nothing is left to an administrator but what is his in
    any case.
    """
    asked = "SELECT name FROM pg_catalog.pg_available_extensions"
    return frozenset(name for (name,) in server.execute(asked))


def _question(manifest: Manifest) -> dict[str, Any]:
    return {
        "hashed_by": manifest.hashed_by,
        "copied": copied_names(manifest.tables),
        "newest_record_query": manifest.facts["newest_record_query"],
    }


def _change_places(server: Connection, name: str, target: str, before: str) -> str:
    """Give the restored database its name, and the old one another; returns that."""
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    if not before:
        server.execute(rename.format(sql.Identifier(name), sql.Identifier(target)))
        return ""
    mark = f"_before_{before[:15].lower()}_{secrets.token_hex(4)}"
    # Cut by bytes and then read without a torn character: names may be of any script.
    aside = target.encode()[: _NAME_BYTES - len(mark)].decode(errors="ignore") + mark
    # Both renames or none: at no moment is there no database under the name.
    with _nobody_in(server, target), server.transaction():
        server.execute(rename.format(sql.Identifier(target), sql.Identifier(aside)))
        server.execute(rename.format(sql.Identifier(name), sql.Identifier(target)))
    server.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(aside))
    )
    return aside


@contextmanager
def _nobody_in(server: Connection, name: str) -> Iterator[None]:
    """Nobody is in a database, and nobody comes in, while the block runs; it is let in again if
    that fails.
    """
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
    try:
        ask = (
            # Each session is waited for, up to 10 s: a rename fails while anybody is connected.
            "SELECT pg_catalog.pg_terminate_backend(pid, 10000) FROM pg_catalog.pg_stat_activity"
            " WHERE datname = %s"
        )
        server.execute(ask, (name,))
        yield
    except BaseException:
        server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
        raise
