"""Could this backup be taken, and could it be restored? Asked of the source without reading a row:
that a restore needs rights which a backup does not is learned now, and not on the day of need.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from checks.contract import Failed
from checks.data.backup.engine import Work
from checks.data.backup.job import Job, Source

# What a restore beside the live database does there (GRANT, MariaDB Knowledge Base).
_RESTORING = ("CREATE", "DROP", "ALTER", "INSERT", "SELECT")
_MOST_NAMED = 3


def tried(job: Job, source: Source, work: Work) -> None:
    """Say what is missing. Raises Failed where no backup could be taken."""
    with work.events.stage("connect"):
        engine = {"postgresql": _postgresql, "mariadb": _mariadb}.get(source.engine, _path)
        lacking = list(engine(source))
    for one in lacking:
        work.events.event(warning=one)
    with work.events.stage("write"):
        folder = _nearest(Path(job.folder))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Failed("permission", f"{folder} is not writable for this user", origin="local")


def _nearest(folder: Path) -> Path:
    """The folder, or the one in which it would be made."""
    return next((one for one in (folder, *folder.parents) if one.is_dir()), Path("/"))


def _path(source: Source) -> Iterator[str]:
    path = Path(source.path)
    if not path.exists():
        raise Failed("missing", f"{path} is not there", origin="local")
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise Failed("permission", f"{path} is not readable for this user", origin="local")
    if not os.access(path.parent, os.W_OK):
        yield f"a restore in its place would need to write in {path.parent}"


def _postgresql(source: Source) -> Iterator[str]:
    from checks.data.backup.engines.postgresql.connection import connected

    with connected(source) as connection:
        unread = connection.execute(
            b"SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c"
            b" JOIN pg_namespace n ON n.oid = c.relnamespace"
            b" WHERE c.relkind IN ('r', 'p', 'S', 'm') AND n.nspname !~ '^pg_'"
            b" AND n.nspname <> 'information_schema'"
            b" AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY 1"
        ).fetchall()
        _readable([_text(row[0]) for row in unread], "GRANT pg_read_all_data TO it")
        made, owns, owner = connection.execute(
            b"SELECT r.rolsuper OR r.rolcreatedb, pg_has_role(d.datdba, 'MEMBER'),"
            b" pg_get_userbyid(d.datdba) FROM pg_roles r, pg_database d"
            b" WHERE r.rolname = current_user AND d.datname = current_database()"
        ).fetchall()[0]
    if not made:
        yield "a restore needs a user with CREATEDB: ALTER ROLE … CREATEDB"
    if not owns:
        yield f"a restore needs a member of the owner: GRANT {_text(owner)} TO …"


def _mariadb(source: Source) -> Iterator[str]:
    from checks.data.backup.engines.mariadb.content import connected

    with connected(source) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT privilege_type FROM information_schema.user_privileges"
            " WHERE grantee = CONCAT(\"'\", REPLACE(CURRENT_USER(), '@', \"'@'\"), \"'\")"
        )
        granted = {str(row[0]) for row in cursor.fetchall()}
        # Of a database without any right on it its tables are not even listed.
        cursor.execute(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
        )
        tables = int((cursor.fetchone() or (0,))[0])
    if not tables:
        raise Failed("permission", "no table of it is readable: GRANT SELECT, SHOW VIEW, TRIGGER")
    if missing := [right for right in _RESTORING if right not in granted]:
        yield f"a restore needs {', '.join(missing)} ON *.*"


def _readable(unread: list[str], right: str) -> None:
    if unread:
        more = f" and {len(unread) - _MOST_NAMED} more" if len(unread) > _MOST_NAMED else ""
        raise Failed(
            "permission", f"not readable: {', '.join(unread[:_MOST_NAMED])}{more}; {right}"
        )


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
