"""How PostgreSQL's own programs are logged in, and what their complaints mean."""

from __future__ import annotations

import re
from typing import Any

from checks.contract import Failed
from checks.data.backup.connection_options import POSTGRESQL_OPTIONS
from checks.data.backup.job import Source
from checks.data.backup.programs import ToolFailed
from checks.data.backup.unreached import unreached
from checks.data.quoted_rows import without_rows

_CONNECT_SECONDS = 10
# The tools say what is wrong in words alone; checks/data/backup/programs.py has them speak English
# (LC_ALL=C.UTF-8).
_DUMP = (
    (r"server version mismatch", "client-older"),
    (r"permission denied|must be (superuser|owner)|row-level security", "permission"),
    (r"connection to server|could not connect|terminating connection|server closed", "unreachable"),
    (r"canceling statement due to lock timeout", "locked"),
)
_RESTORE = (
    # These tell a fault of the host of the drill (an extension or locale that it lacks) from one of
    # the backup.
    (r'role ".*" does not exist', "role-missing"),
    (
        (
            r"extension .* is not available|could not open extension control file|could not access"
            r" file|(?:can only be (?:loaded|created)|must be (?:pre)?loaded) (?:via|in|using)"
        ),
        "extension-missing",
    ),
    (r"invalid (LC_|locale)|locale name", "locale-missing"),
    (r"No space left on device", "no-space"),
    (
        (
            r"input file|could not (read|uncompress)|unexpected end of file|out of range|not appear"
            r" to be a valid"
        ),
        "damaged",
    ),
    (r"server closed|terminating connection|connection to server", "cluster-died"),
)


def login(source: Source) -> dict[str, Any]:
    """Arguments for `psycopg.connect`."""
    given = {
        "host": source.host,
        "port": source.port,
        "user": source.user,
        "password": source.password,
    }
    named = {key: value for key, value in given.items() if value}
    # The server's administrator sees in pg_stat_activity who reads there.
    # psycopg gives bytes where the encoding is SQL_ASCII, which is none.
    more = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "reveille-backup",
        "client_encoding": "UTF8",
    }
    return {**named, "dbname": source.database, **more}


def environment(source: Source) -> dict[str, str]:
    """For the tools: the password, and no surprises. It is in their environment, never in their
    arguments.
    """
    own = {"PGPASSWORD": source.password} if source.password else {}
    # The role's or the database's own settings would change what the tools write, or stop them.
    return {**own, "PGOPTIONS": POSTGRESQL_OPTIONS}


def dump_fault(failed: ToolFailed) -> Failed:
    """What a dump's complaint means."""
    return _fault(failed, _DUMP, "dump-failed")


def restore_fault(failed: ToolFailed) -> Failed:
    """What a restore's complaint means."""
    return _fault(failed, _RESTORE, "restore-failed")


def _fault(failed: ToolFailed, meanings: tuple[tuple[str, str], ...], otherwise: str) -> Failed:
    code = next((code for words, code in meanings if re.search(words, failed.said)), otherwise)
    if code == "unreachable":
        code = unreached(failed.said)
    said = without_rows(failed.said)[-600:]
    return Failed(code, f"{failed.tool}: {said or f'status {failed.status}'}")
