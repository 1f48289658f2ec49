"""A PostgreSQL backup, restored into a server to throw away, and read.

It is brought back by the commands of step 2 of its RESTORE.md, as they stand there: rows of each
owner's tables as that owner, so that what a constraint or a generated column calls runs with its
rights alone. Step 3, an administrator's, is compared as text.

`PostgresqlRehearsal` is the worker's side; `restored` runs in the sandbox.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from checks.contract import CannotTell, Failed
from checks.data.backup.engine import (
    Found,
    Work,
    compared,
    found_of,
    of_known_form,
    schema_difference,
    told_tables,
)
from checks.data.backup.engines.postgresql import content as contents
from checks.data.backup.engines.postgresql import withheld
from checks.data.backup.engines.postgresql.cluster import cluster
from checks.data.backup.engines.postgresql.connection import connected, first_line
from checks.data.backup.engines.postgresql.copied_rows import copied_names, rows_of
from checks.data.backup.engines.postgresql.dump import DATABASE, SCHEMA
from checks.data.backup.engines.postgresql.extension_rows import tables_of, with_administrator
from checks.data.backup.engines.postgresql.loading import address, bring_back, prepared
from checks.data.backup.engines.postgresql.order import TRUSTED
from checks.data.backup.engines.postgresql.own_settings import differing_own, own_of_database
from checks.data.backup.engines.postgresql.programs import environment, restore_fault
from checks.data.backup.engines.postgresql.roles import statements
from checks.data.backup.engines.postgresql.scripts import ADMINISTRATOR, ROLES
from checks.data.backup.engines.postgresql.server_settings import for_drill, not_given
from checks.data.backup.instructions import PLAIN, RESTORE_STEP, commands
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed, postgresql_folder, run
from checks.data.backup.sandbox.outside import drilled
from checks.data.backup.store.manifest import Content, Manifest

_LARGE_OBJECTS = "large objects"
_FACTS = ("database", "encoding", "collate", "ctype", "owner", "own", "server", "extensions")
_MOST_NAMED = 8

Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresqlRehearsal:
    """A backup of PostgreSQL, restored into a server to throw away and compared."""

    def __init__(self, tools: Path | None = None) -> None:
        self._wanted = tools

    def scratch_bytes(self, manifest: Manifest) -> int:
        """The database with its indexes, and its dump unpacked."""
        return int(1.2 * manifest.facts["database_bytes"]) + manifest.plain_bytes + 200_000_000

    def rehearse(self, folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Found:
        """Restore it in a sandbox and compare it; nothing of it runs when this returns. Raises
        Failed, CannotTell.
        """
        major = int(manifest.server.split(".")[0])
        tools = postgresql_folder("postgres", major, self._wanted)
        task = {
            "engine": manifest.engine,
            "artefacts": [artefact.plain_name for artefact in manifest.artefacts],
            "jobs": work.jobs,
            "scratch_bytes": self.scratch_bytes(manifest) - manifest.plain_bytes,
            "tools": str(tools),
            "database": manifest.facts["database"],
            "newest_record_query": manifest.facts["newest_record_query"],
            "hashed_by": manifest.hashed_by,
            "copied": copied_names(manifest.tables),
            "extensions": work.extensions,
            "facts": {name: manifest.facts.get(name) for name in _FACTS},
            "commands": commands(manifest, RESTORE_STEP),
        }
        with drilled(task, folder, manifest, scratch, self._wanted, work) as (told, plain):
            found = judged(told, manifest, plain(SCHEMA))
            compared(manifest, found)
            powers = _powers(plain(ADMINISTRATOR) or plain(ROLES))
            unlogged = (f"rows of {name}, unlogged" for name in manifest.facts.get("unlogged", ()))
            left = (
                f"rows of {name}"
                for name in with_administrator(told, manifest.facts.get("extension_tables", {}))
            )
            return replace(found, not_run=(*_not_run(told), *left, *powers, *unlogged))


def restored(task: Mapping[str, Any], artefacts: Any, scratch: Path, work: Work) -> dict[str, Any]:
    """Restore it and read it: in the sandbox. Raises Failed, CannotTell."""
    tools = Path(task["tools"])
    given = for_drill(task["facts"].get("server") or {}, tools, task["extensions"])
    with cluster(tools, scratch, given) as source:
        folder = artefacts().parent
        try:
            with psycopg.connect(
                host=source.host, user=source.user, dbname="postgres", autocommit=True
            ) as server:
                trusted = {name for (name,) in server.execute(TRUSTED)} | set(task["extensions"])
            described = withheld.described(tools / "pg_restore", folder / PLAIN / DATABASE)
            if (lacking := withheld.withheld_of(described, trusted)).lacking:
                raise CannotTell(_needed(lacking))
            backup = prepared(folder, tools, task["facts"], frozenset(trusted))
            into = replace(source, database=task["database"])
            bring_back(task["commands"], backup, tools, into, work.jobs)
            held = backup.held
            own = own_of(into)
            with connected(into) as connection:
                otherwise = not_given(task["facts"], given, connection)
            with connected(source, read_only=False) as server:
                reader = _make_reader(server, into.database)
                server.commit()
            with work.events.stage("compare"):
                found = read(tools, into, task, work, reader)
        except ToolFailed as failed:
            raise restore_fault(failed) from failed
        except psycopg.Error as problem:
            raise Failed("restore-failed", first_line(problem)) from problem
    return {
        **found,
        "own": own,
        "withheld": [[each.kind, each.name, each.text] for each in held.withheld],
        "otherwise": otherwise,
    }


def read(
    tools: Path, source: Source, task: Mapping[str, Any], work: Work, reader: str = ""
) -> dict[str, Any]:
    """What the restored database holds; `reader` asks the site's own question. Raises Failed,
    ToolFailed, psycopg.Error.
    """
    with connected(source) as connection:
        # A server older than 14 hashes otherwise: equal rows would look different.
        if contents.hashed_by(connection) != task["hashed_by"]:
            text = f"this server does not hash rows by {task['hashed_by']}"
            raise Failed("not-comparable", text, origin="local")
        more = tables_of(connection)
        tables = (*contents.tables(connection), *more)
        found = rows_of(connection, tables, work.unthrottled, work.advance, copied=task["copied"])
        if objects := contents.large_objects(connection):
            found[_LARGE_OBJECTS] = objects
        sequences = contents.sequences(connection)
    # The site's own question may be put to a view: its functions run as a role without rights.
    with connected(replace(source, user=reader or source.user)) as connection:
        newest = contents.newest_record(connection, task["newest_record_query"])
    command: list[str | Path] = [
        tools / "pg_dump",
        "--schema-only",
        "--no-tablespaces",
        *address(source),
    ]
    plain = run(command, environment(source))
    return {
        "tables": told_tables(found),
        "newest": newest,
        "sequences": sequences,
        "extension_tables": [table.full_name for table in more],
        "schema": contents.plain_schema(plain).decode("utf-8", "surrogateescape"),
    }


def own_of(source: Source) -> dict[str, Any]:
    """What the server keeps of a database outside of it. Raises psycopg.Error, Failed."""
    with connected(source) as connection:
        return own_of_database(connection)


def _make_reader(server: Connection, database: str) -> str:
    """Who asks the site's own question: may read everything, and do nothing else. Of a name that no
    role of the live server has.
    """
    reader = f"reveille_reader_{secrets.token_hex(8)}"
    server.execute(f"CREATE ROLE {reader} LOGIN BYPASSRLS IN ROLE pg_read_all_data".encode())
    grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
    server.execute(grant.format(sql.Identifier(database), sql.Identifier(reader)))
    return reader


def _needed(held: withheld.Contents) -> str:
    causes = sorted({each.words for each in held.causes})[:_MOST_NAMED]
    return (
        f"{held.lacking[0].words} needs {', '.join(causes)}, which only a superuser can make; an"
        " extension that you trust is named in `extensions`"
    )


def judged(told: Mapping[str, Any], manifest: Manifest, schema: bytes) -> Found:
    """What `read` told, as facts. Raises Failed for what is of another form."""
    found = found_of(told)
    with of_known_form():
        sequences = {str(name): [int(n) for n in at] for name, at in told["sequences"].items()}
        now = str(told["schema"]).encode("utf-8", "surrogateescape")
        texts = [str(text) for _, _, text in told.get("withheld", ())]
        new = {str(each) for each in told["extension_tables"]} - manifest.tables.keys()
        tables = {name: each for name, each in found.tables.items() if name not in new} | {
            name: manifest.tables[name]
            for name in with_administrator(told, manifest.facts.get("extension_tables", {}))
        }
    left = with_administrator(told, manifest.facts.get("extension_sequences", {}))
    were = {name: at for name, at in manifest.facts["sequences"].items() if name not in left}
    behind = contents.behind(were, sequences)
    behind += differing_own(manifest.facts.get("own"), told.get("own"))
    differences = (*behind, *differing_schema(now, manifest, schema, texts))
    return Found(_comparable(tables, manifest), found.newest_record, differences)


def _comparable(found: dict[str, Content], manifest: Manifest) -> dict[str, Content]:
    """Large objects count where the live side was allowed to read them, and tables where it had
    their rows.
    """
    uncounted = {_LARGE_OBJECTS, *manifest.facts.get("unlogged", ())} - manifest.tables.keys()
    return {name: each for name, each in found.items() if name not in uncounted}


def differing_schema(
    now: bytes, manifest: Manifest, kept: bytes, withheld_texts: Sequence[str] = ()
) -> Sequence[str]:
    """How the schema differs: the first line that one of the two alone has. What was not run is
    compared as text: it has to stand in the schema that was kept.
    """
    plain = contents.plain_schema
    # A backup of 0.1.0 is as good as it was: it is compared in the form in which it was kept.
    if "own" not in manifest.facts:
        plain, now = contents.by_lines, contents.by_lines(now)
    if not withheld_texts and contents.schema_hash(now) == manifest.schema_sha256:
        return ()
    kept = plain(kept)
    if contents.schema_hash(kept) != manifest.schema_sha256:
        return (f"{SCHEMA} is not the schema that was backed up",)
    was = kept.splitlines()
    for text in withheld_texts:
        lines = plain(text.encode("utf-8", "surrogateescape")).splitlines()
        if (at := _place(lines, was)) is None:
            return (f"the schema lacks {lines[0].decode(errors='replace')[:200]!r}",)
        del was[at : at + len(lines)]
    if now.splitlines() == was:
        return ()
    return (schema_difference(b"\n".join(was), now),)


def _place(lines: Sequence[bytes], within: Sequence[bytes]) -> int | None:
    """Where these lines stand together."""
    if not lines:
        return 0
    length = len(lines)
    starts = (at for at, line in enumerate(within) if line == lines[0])
    return next((at for at in starts if list(within[at : at + length]) == list(lines)), None)


def _not_run(told: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands in the backup as text alone, for people."""
    told_apart = (str(each) for each in told.get("otherwise", ()))
    left = (f"{str(kind).lower()} {name}" for kind, name, _ in told["withheld"])
    return tuple(each[:120] for each in (*left, *told_apart))


def _powers(roles: bytes) -> tuple[str, ...]:
    found = statements(roles.decode("utf-8"))
    return tuple(f"{' '.join(each.powers)} of {each.role}"[:120] for each in found if each.powers)
