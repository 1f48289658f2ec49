"""Back onto a live PostgreSQL server: into a database of a random name, compared there, then
renamed into place.

    CREATE DATABASE reveille_restore_…; pg_restore; compare; BEGIN; ALTER DATABASE calls RENAME TO
    calls_before_…; ALTER DATABASE reveille_restore_… RENAME TO calls; COMMIT

Roles that the server lacks are made; those that it has stay as they are, passwords and all.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from checks.contract import Failed
from checks.data.backup.engine import Work, compared
from checks.data.backup.engines.postgresql.dump import DATABASE, ROLES, SCHEMA
from checks.data.backup.engines.postgresql.loading import LOADER, Loading
from checks.data.backup.engines.postgresql.own_settings import give_back, locale_of
from checks.data.backup.engines.postgresql.programs import login, restore_fault
from checks.data.backup.engines.postgresql.restore_test import judged, read
from checks.data.backup.engines.postgresql.roles import NotRoles, statements
from checks.data.backup.engines.postgresql.withheld import everything
from checks.data.backup.engines.unpacking import unpack_all
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed, postgresql_folder
from checks.data.backup.store.manifest import Manifest
from checks.data.backup.store.repository import Backup
from checks.data.backup.unreached import unreached

PREFIX = "reveille_restore_"
# A name has at most NAMEDATALEN - 1 bytes; what is longer PostgreSQL cuts off in silence.
_NAME_BYTES = 63
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
        unpack_all(backup.folder, manifest, scratch, work)
        name = PREFIX + secrets.token_hex(8)
        try:
            _make_roles(server, (scratch / ROLES).read_text(encoding="utf-8"), work)
            _create(server, name, manifest)
            restored = replace(source, database=name)
            _load(tools, restored, manifest, scratch, work)
            with work.events.stage("compare"):
                told = read(tools, restored, _question(manifest), work)
                compared(manifest, judged(told, manifest, (scratch / SCHEMA).read_bytes()))
            if missing := give_back(server, name, facts["owner"], facts.get("own", {})):
                work.events.note(
                    f"{', '.join(missing)}: not on this server, so without rights and settings in"
                    " the database"
                )
            aside = _change_places(server, name, target, backup.id if there else "")
        except psycopg.Error as problem:
            raise Failed("restore-failed", str(problem).splitlines()[0]) from problem
        except ToolFailed as failed:
            raise restore_fault(failed) from failed
        finally:
            _drop(server, name)
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
        if connection.info.server_version >= 140000:
            connection.execute("SET idle_session_timeout = 0")
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
    roles = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname ~ %s"
    for (name,) in server.execute(roles, (f"^{LOADER}[0-9a-f]{{16}}$",)).fetchall():
        server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def _drop(server: Connection, name: str) -> None:
    if not server.closed:
        server.execute(
            # FORCE ends sessions that still hang in it (PostgreSQL 13 and later): the drop would
            # otherwise fail.
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _create(server: Connection, name: str, manifest: Manifest) -> None:
    facts = manifest.facts
    # Only template0 may be copied with another encoding and locale, and it holds nothing that a
    # site has added.
    command = sql.SQL(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}"
    ).format(sql.Identifier(name), facts["encoding"], facts["collate"], facts["ctype"])
    server.execute(command + locale_of(facts.get("own", {})))
    # An owner that this server lacks was made before, where its line could be read; else the
    # restoring role owns it.
    if (
        server.execute(
            "SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", (facts["owner"],)
        ).fetchone()
        is not None
    ):
        owner = sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
            sql.Identifier(name), sql.Identifier(facts["owner"])
        )
        server.execute(owner)


def _load(tools: Path, restored: Source, manifest: Manifest, archive: Path, work: Work) -> None:
    """Everything, and each owner's rows as that owner, where the server lets somebody in who is no
    superuser.
    """
    held = everything(tools / "pg_restore", archive / DATABASE)
    parts = sorted(
        name for artefact in manifest.artefacts if (name := artefact.plain_name).startswith("part-")
    )
    loading = Loading(tools, restored, restored, archive, held, work.jobs, create=False)
    if why := loading.load(parts):
        work.events.note(
            f"rows were loaded as {restored.user or 'the restoring role'}, and not as the owners of"
            f" their tables ({why}): what a constraint calls ran with that role's rights"
        )


def _question(manifest: Manifest) -> dict[str, Any]:
    return {
        "hashed_by": manifest.hashed_by,
        "newest_record_query": manifest.facts["newest_record_query"],
    }


def _make_roles(server: Connection, written: str, work: Work) -> None:
    """Only those that are missing."""
    known = {
        name
        for (name,) in server.execute(
            "SELECT quote_ident(rolname) FROM pg_catalog.pg_roles"
        ).fetchall()
    }
    try:
        found = statements(written)
    except NotRoles as why:
        raise Failed("restore-failed", f"{ROLES}: {why}", origin="local") from None
    made = 0
    for statement in found:
        # A role that is there keeps its password and its rights: only what is missing is made.
        if statement.role in known:
            continue
        server.execute(statement.text.encode())
        made += statement.makes
    if made:
        work.events.note(f"{made} roles that the server lacked were made")


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
