"""The users of a live MariaDB server, in one to throw away: without a log-in, and without any right
that is of the whole server.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engines.mariadb import content, programs
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed, found, needed, run
from checks.data.quoted_rows import without_rows

# Rights of the whole server, as mysql.global_priv keeps them: a definer with one of these would
# have more than his database.
_TAKE_ALL = "UPDATE mysql.global_priv SET Priv = JSON_SET(Priv, '$.access', 0) WHERE User <> %s"
# Roles and proxies give what their members lack.
_TAKE_MEMBERSHIPS = ("DELETE FROM mysql.roles_mapping", "DELETE FROM mysql.proxies_priv")
# How a user logs in, up to what comes after it: nobody logs in to a drill, its server may lack the
# plugin, and no hash of a password has any business there.
_LOG_IN = re.compile(rb" IDENTIFIED (?:BY|VIA|WITH) ")
_AFTER = re.compile(rb" (?:REQUIRE|WITH|ACCOUNT|PASSWORD EXPIRE) |;")
_QUOTED = re.compile(rb"'(?:[^'\\]|\\.|'')*'|`[^`]*`|\"[^\"]*\"")


def make_users(administrator: Source, written: Path, tools: Path | None) -> None:
    """The users of the live server, without any right that is of the whole server."""
    if written.exists():
        # As the first of all: a right to be somebody's proxy is his alone to give.
        plain = written.with_name("users-without-log-ins.sql")
        plain.write_bytes(without_log_ins(written.read_bytes()))
        fed(replace(administrator, user="root"), plain, "mysql", tools)
    with content.connected(replace(administrator, database="mysql")) as connection:
        content.rows(connection, _TAKE_ALL, (administrator.user,))
        for statement in (*_TAKE_MEMBERSHIPS, "FLUSH PRIVILEGES"):
            connection.query(statement)


def without_log_ins(written: bytes) -> bytes:
    """Users as they were dumped, a statement on each line, without how they log in."""
    return b"\n".join(_without_log_in(line) for line in written.split(b"\n"))


def _without_log_in(line: bytes) -> bytes:
    # Quoted parts are blanked for the search: a name or a hash may hold any of the words.
    plain = _QUOTED.sub(lambda quoted: b"x" * len(quoted[0]), line)
    begins = _LOG_IN.search(plain)
    if begins is None:
        return line
    ends = _AFTER.search(plain, begins.end())
    return line[: begins.start()] + (line[ends.start() :] if ends else b"")


def fed(source: Source, written: Path, database: str, tools: Path | None) -> None:
    """A file of SQL, to the client, which goes on behind what is refused. Raises Failed."""
    # Without --binary-mode the client takes CR LF within a value for LF, stops at a NUL, and obeys
    # `\!` within the file.
    # With --force it goes on behind a right to a table of a database that is not in this backup.
    client: list[str | Path] = [needed_client(tools), *programs.address(source), "--binary-mode"]
    client.append("--force")
    try:
        with written.open("rb") as plain:
            run([*client, "--", database], programs.environment(source), stdin=plain)
    except ToolFailed as failed:
        raise Failed(
            "restore-failed", f"{failed.tool}: {without_rows(failed.said)[-600:]}"
        ) from failed


def needed_client(tools: Path | None) -> Path:
    """mariadb, or mysql where that is what there is. Raises Failed."""
    return found("mariadb", tools) or needed("mysql", tools)
