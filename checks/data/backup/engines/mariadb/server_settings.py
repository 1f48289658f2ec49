"""What a live MariaDB server has that a database stands on and a dump does not hold: how names are
spelt, the size of its pages, its sql_mode, the longest row that it takes, how its users log in.

The drill's server is given what it can be given; RESTORE.md names all of it, for whoever sets the
new server up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pymysql

from checks.data.backup.engines.mariadb.content import Connection, rows

# What a server is started with; a drill of MySQL's would not know MySQL's own values.
_SETTINGS = (
    "lower_case_table_names",
    "innodb_page_size",
    "character_set_server",
    "collation_server",
    "sql_mode",
)
# The drill's own is the largest there is, in any case.
_NAMED_ALONE = ("max_allowed_packet", "default_storage_engine")
_LOG_INS = (
    "SELECT DISTINCT plugin FROM mysql.user WHERE plugin NOT IN ('', 'mysql_native_password')"
    " ORDER BY 1"
)
_WORD = re.compile(r"[A-Za-z0-9_,]{0,500}")
# Before there are any tables: these hold for the system's own as well.
_OF_FOLDER = frozenset({"innodb_page_size", "lower_case_table_names"})


def of_server(connection: Connection) -> dict[str, Any]:
    """As plain data, for the manifest."""
    names = (*_SETTINGS, *_NAMED_ALONE)
    [values] = rows(connection, f"SELECT {', '.join(f'@@GLOBAL.{name}' for name in names)}")
    settings = {name: str(value) for name, value in zip(names, values, strict=True)}
    return {"settings": settings, "log_ins": _log_ins(connection)}


def for_drill(server: Mapping[str, Any], version: str, folder_alone: bool = False) -> list[str]:
    """Options of the drill's server, or of what makes its folder."""
    if "MariaDB" not in version:
        return []
    known = server.get("settings", {})
    wanted = [name for name in _SETTINGS if not folder_alone or name in _OF_FOLDER]
    return [
        f"--{name.replace('_', '-')}={known[name]}"
        for name in wanted
        if name in known and _WORD.fullmatch(str(known[name]))
    ]


def in_words(server: Mapping[str, Any], others: Sequence[str] = ()) -> list[str]:
    """What to set up before a restore by hand, for RESTORE.md; `others` are databases that this one
    speaks of.
    """
    known = server.get("settings", {})
    told = [f"{name} = {known[name]}" for name in (*_SETTINGS, *_NAMED_ALONE) if name in known]
    if server.get("log_ins"):
        told.append(f"users who log in by {', '.join(server['log_ins'])} (plugins)")
    if others:
        told.append(
            f"databases that its views or keys speak of, to be there before: {', '.join(others)}"
        )
    return told


def _log_ins(connection: Connection) -> list[str]:
    try:
        return [str(name) for (name,) in rows(connection, _LOG_INS)]
    except pymysql.Error:  # who may not read the users cannot say
        return []
