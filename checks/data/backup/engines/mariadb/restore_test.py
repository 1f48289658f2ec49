"""A MariaDB backup, restored into a server to throw away (throw_away_server.py).

Users come first, since views and routines name them, and lose every right that is of the whole
server: no definer may read or write a file (FILE), nor be anybody else (SUPER, SET USER). The dump
is loaded by a user of that one database.

`MariadbRehearsal` is the worker's side; `restored` runs in the sandbox.
"""

from __future__ import annotations

import hashlib
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql

from checks.contract import Failed
from checks.data.backup.engine import (
    Found,
    Work,
    compared,
    found_of,
    of_known_form,
    schema_difference,
    told_tables,
)
from checks.data.backup.engines.mariadb import (
    content,
    dump,
    endless_events,
    floats,
    programs,
)
from checks.data.backup.engines.mariadb.other_databases import lacking
from checks.data.backup.engines.mariadb.server_settings import for_drill
from checks.data.backup.engines.mariadb.throw_away_server import server
from checks.data.backup.engines.mariadb.users import make_users, needed_client
from checks.data.backup.instructions import RESTORE_STEP, commands
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed, run
from checks.data.backup.sandbox.outside import drilled
from checks.data.backup.store.manifest import Content, Manifest
from checks.data.quoted_rows import without_rows

_USERS = "SELECT User, Host FROM mysql.user WHERE Host <> '' AND User NOT IN ('', %s)"


class MariadbRehearsal:
    """A backup of MariaDB, restored into a server to throw away and compared."""

    def __init__(self, tools: Path | None = None) -> None:
        self._tools = tools

    def scratch_bytes(self, manifest: Manifest) -> int:
        """The database, its dump unpacked, and the server's own logs."""
        # Indexes built anew need up to half as much again; the redo log and the system's own tables
        # are some 600 MB.
        return int(1.5 * manifest.facts["database_bytes"]) + manifest.plain_bytes + 600_000_000

    def rehearse(self, folder: Path, manifest: Manifest, scratch: Path, work: Work) -> Found:
        """Restore it in a sandbox and compare it; nothing of it runs when this returns. Raises
        Failed, CannotTell.
        """
        facts = manifest.facts
        task = {
            "engine": manifest.engine,
            "artefacts": [artefact.plain_name for artefact in manifest.artefacts],
            "jobs": work.jobs,
            "scratch_bytes": self.scratch_bytes(manifest) - manifest.plain_bytes,
            "tools": str(self._tools or ""),
            **{name: facts[name] for name in ("database", "charset", "collation")},
            "newest_record_query": facts["newest_record_query"],
            "history": bool(facts.get("history", False)),
            "floats": facts.get("floats", []),
            "others": facts.get("others", []),
            "server": for_drill(facts.get("server", {}), manifest.server),
            "folder": for_drill(facts.get("server", {}), manifest.server, folder_alone=True),
            "commands": commands(manifest, RESTORE_STEP),
        }
        with drilled(task, folder, manifest, scratch, self._tools, work) as (told, kept):
            found_there = judged(told, manifest, kept(dump.SCHEMA))
            compared(manifest, found_there)
        return replace(found_there, not_run=tuple(_not_compared(manifest.facts)))


def restored(task: Mapping[str, Any], artefacts: Any, scratch: Path, work: Work) -> dict[str, Any]:
    """Restore it and read it: in the sandbox. Raises Failed."""
    tools = Path(task["tools"]) if task["tools"] else None
    with server(tools, scratch, task["server"], task["folder"]) as administrator:
        archive = artefacts()
        try:
            make_users(administrator, archive / dump.USERS, tools)
            loader = _loader(administrator, task["database"])
        except pymysql.Error as problem:
            raise content.refusal(str(problem), "restore-failed") from problem
        load(task["commands"], loader, archive, tools, task["others"])
        with work.events.stage("compare"):
            database = replace(administrator, database=task["database"])
            return read(database, work, tools, task)


def load(
    commands: str, source: Source, archive: Path, tools: Path | None, others: Sequence[str] = ()
) -> None:
    """The commands of RESTORE.md, for the database that `source` names; the artefacts lie in
    `archive`, which is called plain. Raises Failed; of its own where one of the `others` is not
    there.
    """
    client = shlex.join(map(str, [needed_client(tools), *programs.address(source)]))
    way = f'mariadb() {{ {client} "$@"; }}\nDATABASE={shlex.quote(source.database)}'
    text = f"cd -- {shlex.quote(str(archive.parent))}\n{way}\n{commands}"
    try:
        run(["bash", "-e", "-c", text], programs.environment(source))
    except ToolFailed as failed:
        said = without_rows(failed.said)[-600:]
        refused = Failed("restore-failed", f"{failed.tool}: {said}")
        raise (lacking(said, others) or refused) from failed


def _loader(administrator: Source, database: str) -> Source:
    """Who loads: may do all in the one database, and make things in another's name. So may the
    definers there: views are read with their rights.
    """
    loader = replace(administrator, user=f"reveille_load_{secrets.token_hex(8)}", database=database)
    # In a grant `_` and `%` stand for others, unless they are escaped.
    pattern = content.quoted(database.replace("\\", "\\\\").replace("_", r"\_").replace("%", r"\%"))
    with content.connected(replace(administrator, database="")) as connection:
        connection.query(f"CREATE USER {loader.user}@localhost")
        users = content.rows(connection, _USERS, (administrator.user,))
        for user, host in users:
            # PyMySQL puts values in by %: that of a name is written twice.
            grant = f"GRANT ALL PRIVILEGES ON {pattern.replace('%', '%%')}.* TO %s@%s"
            content.rows(connection, grant, (user, host))
        connection.query(f"GRANT SET USER ON *.* TO {loader.user}@localhost")
    return loader


def read(
    source: Source, work: Work, tools: Path | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """What the restored database holds; `facts` are a manifest's. Raises Failed."""
    history = bool(facts.get("history", False))
    try:
        with content.connected(source) as connection:
            names = [name for name, _, _ in content.rows(connection, content.TABLES)]
            tables = content.contents(connection, names, work.advance, history)
            newest = content.newest_record(connection, facts["newest_record_query"])
            missing = content.missing_definers(connection)
            exact = floats.sums(connection, facts.get("floats", []))
            events = endless_events.written(connection)
        plain = programs.schema(programs.dump_program(tools), source, events)
    except pymysql.Error as problem:
        raise Failed("compare-failed", without_rows(str(problem)), origin="local") from problem
    except ToolFailed as failed:
        text = f"{failed.tool}: {without_rows(failed.said)[-600:]}"
        raise Failed("compare-failed", text, "local") from failed
    # Under another name a default still asks the sequence of the database that was backed up.
    backed_up = str(facts.get("database", source.database))
    texts = programs.without_names(plain, source.database, backed_up)
    return {
        "tables": told_tables(tables),
        "newest": newest,
        "missing": missing,
        "floats": exact,
        "schema": texts[-1].decode("utf-8", "surrogateescape"),
        # Release 0.1.0 kept the hash of the first.
        "schemas": [hashlib.sha256(text).hexdigest() for text in texts],
    }


def judged(told: Mapping[str, Any], manifest: Manifest, kept: bytes = b"") -> Found:
    """What `read` told, as facts; `kept` is the schema as it was. Raises Failed for other forms."""
    found_there = found_of(told)
    with of_known_form():
        missing = [str(who) for who in told["missing"]] if _has_users(manifest) else []
        schemas = [str(each) for each in told["schemas"]]
        now = str(told["schema"]).encode("utf-8", "surrogateescape")
        exact = {str(name): [str(each) for each in both] for name, both in told["floats"].items()}
    # Who was gone already when it was taken is no fault of the backup.
    missing = [who for who in missing if who not in manifest.facts.get("definers_gone", ())]
    wrong = [f"the user {who}, who defines something, is missing" for who in missing]
    wrong += floats.differing(manifest.facts.get("float_sums", {}), exact)
    if manifest.schema_sha256 not in schemas:
        was = programs.without_own_name(kept, manifest.facts["database"])
        if programs.as_sent(was) != programs.as_sent(now):
            wrong.append(schema_difference(was, now))
    tables = _between(found_there.tables, manifest)
    return Found(tables, found_there.newest_record, tuple(wrong))


def _not_compared(facts: Mapping[str, Any]) -> Iterator[str]:
    """What the proof is no proof of, for people."""
    for name in facts.get("floats_cut_off", ()):
        yield f"FLOATs of {name} beyond six digits"[:120]
    for name in facts.get("moving", ()):
        yield f"rows of {name} but for their number: it was written to meanwhile"[:120]
    for name in facts.get("server", {}).get("log_ins", ()):
        yield f"log-ins by {name}"[:120]


def _between(found: Mapping[str, Content], manifest: Manifest) -> dict[str, Content]:
    """A table that was written to while it was read holds what it was to hold if its rows are as
    many as they were at some moment of that.
    """
    tables = dict(found)
    for name, (least, most) in manifest.facts.get("moving", {}).items():
        if name in found and least <= found[name].rows <= most:
            tables[name] = manifest.tables[name]
    return tables


def _has_users(manifest: Manifest) -> bool:
    return any(artefact.name.startswith(dump.USERS) for artefact in manifest.artefacts)
