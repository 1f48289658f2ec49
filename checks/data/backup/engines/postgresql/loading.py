"""How an archive of pg_dump is loaded: tables, then the rows of each owner's tables as that owner,
then rights, indexes and the rest.

    CREATE ROLE reveille_load_… LOGIN NOINHERIT PASSWORD …; GRANT app TO reveille_load_…;
    pg_restore --section=pre-data …                            all but rights
    pg_restore --section=data --role=app -U reveille_load_…    for each owner
    pg_restore …                                               rights
    pg_restore --section=post-data …                           indexes, keys, triggers, views

Rows make a server run what tables call: check constraints, generated columns, domains. As the
owner of the table that is harmless, as a superuser it is a shell. `SET ROLE` in a superuser's own
session could be taken back by that very code; hence a session of somebody who is none.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from checks.data.backup.engines.postgresql.dump import DATABASE
from checks.data.backup.engines.postgresql.programs import OPTIONS, environment, login
from checks.data.backup.engines.postgresql.withheld import Contents, data_by_owner, listed
from checks.data.backup.job import Source
from checks.data.backup.programs import run

LOADER = "reveille_load_"
_SUPERUSERS = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolsuper"
_ROLE = "SELECT FROM pg_catalog.pg_roles WHERE rolname = %s"
# Schemas that an owner of a table in them may not enter by his own right.
_CLOSED = """
SELECT DISTINCT n.nspname, pg_catalog.pg_get_userbyid(c.relowner)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S')
   AND NOT pg_catalog.has_schema_privilege(c.relowner, n.oid, 'USAGE')"""

Connection = psycopg.Connection[tuple[Any, ...]]


class Loading:
    """One archive, into one server. `source` is the way in as its administrator, `into` the
    database that it becomes; that is made where `create` says so.
    """

    def __init__(
        self,
        tools: Path,
        source: Source,
        into: Source,
        archive: Path,
        held: Contents,
        jobs: int,
        create: bool = True,
    ) -> None:
        self._tools, self._source, self._into = tools, source, into
        self._archive, self._held, self._jobs, self._create = archive, held, jobs, create
        gone = {entry.id for entry in held.withheld}
        self._lines = listed(tools / "pg_restore", archive / DATABASE, gone)

    def load(self, parts: Sequence[str]) -> str:
        """Load it, and these archives of single tables; says of whose rows could not be loaded as
        their owner's, "" where all were. Raises ToolFailed, psycopg.Error.
        """
        made = ["--create"] if self._create else []
        plain = [line for line in self._lines if not _is_of_rights(line)]
        whole = self._archive / DATABASE
        to = self._source if self._create else self._into
        self._restore(to, whole, [*made, "--section=pre-data"], plain, "pre-data")
        with self._loader() as (loader, superusers, why):
            for name in (DATABASE, *parts):
                path = self._archive / name
                rows = data_by_owner(self._tools / "pg_restore", path, self._held)
                for number, (owner, lines) in enumerate(rows.items()):
                    own = loader is not None and owner and owner not in superusers
                    words = [f"--role={owner}"] if own else []
                    words += [] if name != DATABASE else [f"--jobs={self._jobs}"]
                    who = loader if own and loader is not None else self._into
                    self._restore(who, path, [*words, "--section=data"], lines, f"{name}-{number}")
        rights = [line for line in self._lines if _is_of_rights(line)]
        if rights:
            self._restore(self._into, whole, (), rights, "rights")
        words = ["--section=post-data", f"--jobs={self._jobs}"]
        self._restore(self._into, whole, words, plain, "post-data")
        return why

    def _restore(
        self, who: Source, path: Path, words: Sequence[str], lines: Sequence[str], name: str
    ) -> None:
        chosen = self._archive / f"{name}.list"
        chosen.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
        # Without --exit-on-error pg_restore counts its faults and goes on; tablespaces of the live
        # host are not here.
        plain = ["--exit-on-error", "--no-password", "--no-tablespaces", f"--use-list={chosen}"]
        command: list[str | Path] = [
            self._tools / "pg_restore",
            *plain,
            *words,
            *address(who),
            "--",
            path,
        ]
        run(command, environment(who))

    @contextmanager
    def _loader(self) -> Iterator[tuple[Source | None, frozenset[str], str]]:
        """Who loads: a role without any right but to become an owner of a table; None, and why,
        where there can be none.
        """
        with psycopg.connect(**login(self._into), autocommit=True, options=OPTIONS) as server:
            superusers = frozenset(name for (name,) in server.execute(_SUPERUSERS))
            loader = replace(
                self._into,
                user=LOADER + secrets.token_hex(8),
                password=secrets.token_hex(16),
            )
            why = _made(server, loader, self._owners() - superusers)
            try:
                if self._create:  # whose rights are set by now
                    self._may_connect(server, "GRANT {} TO {}", loader)
                why = why or _refused(loader)
                with _schemas_open(server):
                    yield None if why else loader, superusers, why
            finally:
                if self._create:
                    self._may_connect(server, "REVOKE {} FROM {}", loader)
                # To drop one that is not there wants the right too (IF EXISTS or not).
                if server.execute(_ROLE, (loader.user,)).fetchone():
                    server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(loader.user)))

    def _may_connect(self, server: Connection, change: LiteralString, loader: Source) -> None:
        connect = sql.SQL("CONNECT ON DATABASE {}").format(sql.Identifier(self._into.database))
        server.execute(sql.SQL(change).format(connect, sql.Identifier(loader.user)))

    def _owners(self) -> frozenset[str]:
        return frozenset(
            entry.owner
            for entry in self._held.entries
            if entry.kind in ("TABLE", "SEQUENCE") and entry.owner
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


def _is_of_rights(line: str) -> bool:
    """Rights come after the rows. Those of the database itself are set where it is made."""
    rest = line.split(maxsplit=3)[3]
    return rest.startswith(("ACL ", "DEFAULT ACL ")) and not rest.startswith("ACL - DATABASE ")


def _made(server: Connection, loader: Source, owners: frozenset[str]) -> str:
    """Make the role; why not, where that is refused."""
    try:
        make = sql.SQL("CREATE ROLE {} LOGIN NOINHERIT PASSWORD {}")
        server.execute(make.format(sql.Identifier(loader.user), loader.password))
        for owner in sorted(owners):
            grant = sql.SQL("GRANT {} TO {}")
            server.execute(grant.format(sql.Identifier(owner), sql.Identifier(loader.user)))
    except psycopg.errors.InsufficientPrivilege as problem:
        # Who may not make roles is no superuser: then rows are loaded as whoever restores.
        return str(problem).splitlines()[0]
    return ""


def _refused(loader: Source) -> str:
    """Why the server lets no loader in; "" where it does."""
    try:
        psycopg.connect(**login(loader)).close()
    except psycopg.OperationalError as problem:
        return str(problem).strip().splitlines()[0]
    return ""


@contextmanager
def _schemas_open(server: Connection) -> Iterator[None]:
    """Whoever owns a table may enter its schema while the block runs."""
    closed = server.execute(_CLOSED).fetchall()
    names = [(sql.Identifier(schema), sql.Identifier(owner)) for schema, owner in closed]
    for schema, owner in names:
        server.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, owner))
    yield
    # Nothing is taken that they had: these had nothing.
    for schema, owner in names:
        server.execute(sql.SQL("REVOKE USAGE ON SCHEMA {} FROM {}").format(schema, owner))
