"""The road back of a PostgreSQL backup: the commands of its RESTORE.md, run as they stand there, by
the drill and by `backup restore` alike.

What psql is given in them is never taken as it was found: it is written anew out of values and
statements that were read as data, and has to be what the backup holds (scripts.py). A backup of an
older release has none of it: there it is written now.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from checks.contract import Failed
from checks.data.backup.engines.postgresql import order, withheld
from checks.data.backup.engines.postgresql.dump import DATABASE
from checks.data.backup.engines.postgresql.programs import environment
from checks.data.backup.engines.postgresql.roles import NotRoles, statements
from checks.data.backup.engines.postgresql.scripts import (
    ADMINISTRATOR,
    LOADER,
    ROLES,
    database_scripts,
    is_older_loader,
    loader_script,
    role_scripts,
)
from checks.data.backup.engines.postgresql.withheld import Contents
from checks.data.backup.instructions import PLAIN
from checks.data.backup.job import Source
from checks.data.backup.programs import run

LOADER_PREFIX = "reveille_load_"
_LONGEST_SAID = 300


@dataclass(frozen=True, slots=True)
class Prepared:
    """A backup that may be brought back: all that its commands want lies in `folder`/plain."""

    folder: Path
    held: Contents
    """what the archive holds, with what of it is the administrator's"""


def prepared(
    folder: Path, tools: Path, facts: Mapping[str, Any], old_needs: frozenset[str]
) -> Prepared:
    """Look at what psql and pg_restore will be given, and write what is not there. `old_needs` are
    the extensions that may be made where the backup itself does not say. Raises Failed, ToolFailed.
    """
    plain = folder / PLAIN
    scripts = {**_role_scripts(plain), **database_scripts(facts), LOADER: loader_script()}
    described = withheld.described(tools / "pg_restore", plain / DATABASE)
    if (plain / order.ORDER).exists():
        for name, text in scripts.items():
            found = (plain / name).read_bytes()
            if name == LOADER and is_older_loader(found):
                (plain / name).unlink()
                (plain / name).write_bytes(text)
            elif found != text:
                raise Failed("restore-failed", f"{name} is not what its backup wrote", "local")
        gone = order.administrators((plain / order.ORDER).read_bytes())
        entries = withheld.withheld_of(described, ()).entries
        return Prepared(folder, Contents(entries, tuple(e for e in entries if e.id in gone)))
    held = withheld.withheld_of(described, old_needs)
    for name, text in scripts.items():
        (plain / name).unlink(missing_ok=True)
        (plain / name).write_bytes(text)
    if not held.lacking:
        parts = {path.name: path for path in sorted(plain.glob("part-*"))}
        written = order.of_old(tools / "pg_restore", plain / DATABASE, held, parts)
        (plain / order.ORDER).write_bytes(written)
    return Prepared(folder, held)


def _role_scripts(plain: Path) -> Mapping[str, bytes]:
    written = (plain / ROLES).read_bytes()
    # What it holds of an administrator's stands in a file of its own; an old one has all in one.
    if (plain / ADMINISTRATOR).exists():
        written += (plain / ADMINISTRATOR).read_bytes()
    try:
        return role_scripts(statements(written.decode()))
    except (NotRoles, UnicodeDecodeError) as why:
        raise Failed("restore-failed", f"{ROLES}: {why}") from None


def bring_back(
    commands: str, backup: Prepared, tools: Path, into: Source, jobs: int, rows_as_me: bool = False
) -> tuple[str, ...]:
    """Run these commands for the database that `into` names; what they said on the way. Where no
    owner's rows can be loaded as his, `rows_as_me` has them loaded all the same. Raises ToolFailed.
    """
    path = f"{tools}:{os.environ.get('PATH', os.defpath)}"
    own = {"PATH": path, "JOBS": str(jobs), **_way(into)}
    own |= {"ROWS_AS_ME": "yes"} if rows_as_me else {}
    words = ["bash", "-e", "-c", f"cd -- {shlex.quote(str(backup.folder))}\n{commands}"]
    said = run(words, {**environment(into), **own})
    lines = said.decode(errors="replace").splitlines()
    return tuple(line[:_LONGEST_SAID] for line in lines if line)


def _way(source: Source) -> dict[str, str]:
    """Where psql and pg_restore go, in libpq's own variables: no name is taken for an option."""
    said = {
        "PGHOST": source.host,
        "PGPORT": str(source.port or ""),
        "PGUSER": source.user,
        "PGDATABASE": source.database,
    }
    return {name: value for name, value in said.items() if value}


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
