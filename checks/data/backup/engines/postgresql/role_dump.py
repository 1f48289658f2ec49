"""The roles of a live server, by pg_dumpall, as psql gets them back (scripts.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from checks.contract import Failed
from checks.data.backup.engine import Work
from checks.data.backup.engines.postgresql.programs import environment, login
from checks.data.backup.engines.postgresql.roles import NotRoles, statements
from checks.data.backup.engines.postgresql.scripts import role_scripts
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed, run


def dumped_roles(tools: Path, source: Source, work: Work) -> tuple[dict[str, bytes], str]:
    """All roles, and in words whether their passwords are among it: this role may not be allowed
    to read those. Raises Failed, ToolFailed.
    """
    command: list[str | Path] = [
        tools / "pg_dumpall",
        "--roles-only",
        # A password is never asked for: nobody sits there, and the tool would wait for ever.
        "--no-password",
        f"--dbname={address(source)}",
    ]
    note = "with passwords"
    try:
        plain = run(command, environment(source))
    except ToolFailed as failed:
        # pg_authid is for superusers alone; a backup without passwords is better than none.
        if "permission denied" not in failed.said:
            raise
        note = "without passwords"
        work.events.note(
            "the roles are kept without their passwords: this role may not read pg_authid"
        )
        plain = run([*command, "--no-role-passwords"], environment(source))
    try:
        return dict(role_scripts(statements(plain.decode()))), note
    except (NotRoles, UnicodeDecodeError) as why:
        raise Failed("dump-failed", f"the server's roles: {why}", "local") from None


def address(source: Source) -> str:
    """Where pg_dump and pg_dumpall go."""
    # The password goes by the environment, and never into a command line.
    # Nor does the encoding: pg_dump writes in that of the database, which for SQL_ASCII is none.
    ours = ("password", "client_encoding")
    said: dict[str, Any] = {key: value for key, value in login(source).items() if key not in ours}
    return psycopg.conninfo.make_conninfo("", **said)
