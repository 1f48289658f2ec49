"""What a live server has that a database stands on and a dump does not hold: libraries that it
loads as it starts, its lc_…, its tablespaces, the version of its collations.

The drill's server is given what it can be given; the rest is named in the proof, and all of it in
RESTORE.md, for whoever sets the new server up.
"""

from __future__ import annotations

import locale
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, LiteralString

Connection = Any
"""psycopg.Connection"""
PRELOADED = "shared_preload_libraries"
_CATEGORIES = {
    "lc_monetary": locale.LC_MONETARY,
    "lc_numeric": locale.LC_NUMERIC,
    "lc_time": locale.LC_TIME,
}
# The drill's own speaks English, since its words are read.
_IN_WORDS = (PRELOADED, "lc_messages", *_CATEGORIES)
# Whoever may not see a setting (pg_read_all_settings) has no row of it.
_SETTINGS: LiteralString = """
SELECT name, reset_val FROM pg_catalog.pg_settings WHERE name = ANY(%s)"""
# Settings of those libraries and extensions themselves; pg_cron calls its own cron.….
_OF_EXTENSIONS: LiteralString = """
SELECT name, reset_val FROM pg_catalog.pg_settings
 WHERE source IN ('configuration file', 'command line') AND name LIKE '%%.%%'
   AND split_part(name, '.', 1) = ANY(%s) AND name !~* 'secret|passw|key|token'"""
_PREFIXES = {"pg_cron": "cron"}
# Nothing of the restored application runs in a drill.
_NOTHING_RUNS = {"pg_cron": {"cron.launch_active_jobs": "off"}}
_TABLESPACES: LiteralString = """
SELECT t.spcname, count(c.oid)::int8 FROM pg_catalog.pg_tablespace t
  LEFT JOIN pg_catalog.pg_class c ON c.reltablespace = t.oid AND c.oid >= 16384
 WHERE t.spcname <> 'pg_global' GROUP BY t.oid, t.spcname
HAVING count(c.oid) > 0 OR (t.spcname <> 'pg_default' AND t.oid =
       (SELECT d.dattablespace FROM pg_catalog.pg_database d WHERE datname = current_database()))
 ORDER BY 1"""
_COLLATION: LiteralString = """
SELECT pg_catalog.to_jsonb(d) ->> 'datcollversion' FROM pg_catalog.pg_database d
 WHERE d.datname = current_database()"""
_EXTENSIONS: LiteralString = "SELECT extname, extversion FROM pg_catalog.pg_extension"
# A name in the folder of libraries: no path leads elsewhere.
_LIBRARY = re.compile(r"[A-Za-z0-9_.-]{1,63}")


def of_server(connection: Connection) -> dict[str, Any]:
    """As plain data, for the manifest. Raises psycopg.Error."""
    collation = connection.execute(_COLLATION).fetchone()
    settings = dict(connection.execute(_SETTINGS, (list(_IN_WORDS),)).fetchall())
    there = {name for (name, _) in connection.execute(_EXTENSIONS)} | set(_libraries(settings))
    prefixes = [_PREFIXES.get(name, name) for name in there]
    return {
        "settings": settings,
        "of_extensions": dict(connection.execute(_OF_EXTENSIONS, (prefixes,)).fetchall()),
        "tablespaces": dict(connection.execute(_TABLESPACES).fetchall()),
        "collation": collation[0] if collation else None,
    }


def for_drill(server: Mapping[str, Any], tools: Path, trusted: Sequence[str]) -> dict[str, str]:
    """What of it the drill's server is started with. A library is loaded where an administrator
    trusts the extension of its name: it runs in the server itself.
    """
    known = server.get("settings", {})
    given = {name: known[name] for name in _CATEGORIES if name in known and _is_here(known, name)}
    here = [name for name in _libraries(known) if name in trusted and _there(tools, name)]
    own = server.get("of_extensions", {})
    for name in here:
        given |= {k: v for k, v in own.items() if k.startswith(f"{_PREFIXES.get(name, name)}.")}
        given |= _NOTHING_RUNS.get(name, {})
    return given | ({PRELOADED: ",".join(here)} if here else {})


def not_given(facts: Mapping[str, Any], given: Mapping[str, str], drill: Connection) -> list[str]:
    """How the drill's server differs from the live one, in words. Raises psycopg.Error."""
    server = facts.get("server") or {}
    known = server.get("settings", {})
    loaded = given.get(PRELOADED, "").split(",")
    told = [f"the preloaded library {n}" for n in _libraries(known) if n not in loaded]
    told += [f"{n} = {known[n]}" for n in _CATEGORIES if n in known and n not in given]
    told += [f"the tablespace {name}" for name in server.get("tablespaces", {})]
    collation = drill.execute(_COLLATION).fetchone()
    if collation is not None and server.get("collation") not in (None, collation[0]):
        told.append(f"collations of version {server['collation']}: here they are {collation[0]}")
    here = dict(drill.execute(_EXTENSIONS).fetchall())
    return told + [
        f"{name} of version {version}: here it is {here[name]}"
        for name, version in (facts.get("extensions") or {}).items()
        if here.get(name, version) != version
    ]


def in_words(server: Mapping[str, Any]) -> list[str]:
    """What to set up before a restore by hand, for RESTORE.md."""
    known = server.get("settings", {})
    told = [f"{name} = {known[name]}" for name in _IN_WORDS if known.get(name)]
    told += [f"{name} = {value}" for name, value in server.get("of_extensions", {}).items()]
    if PRELOADED not in known:
        told.append(f"{PRELOADED} = ? (who backs up may not read it)")
    for name, count in server.get("tablespaces", {}).items():
        held = f"{count} tables or indexes" if count else "the database"
        told.append(f"the tablespace {name} with {held}, which come back in the default one")
    if server.get("collation"):
        told.append(f"collations of version {server['collation']}")
    return told


def _libraries(known: Mapping[str, str]) -> list[str]:
    named = (name.strip().strip('"') for name in known.get(PRELOADED, "").split(","))
    return [name for name in named if name]


def _there(tools: Path, name: str) -> bool:
    return bool(_LIBRARY.fullmatch(name)) and (tools.parent / "lib" / f"{name}.so").is_file()


def _is_here(known: Mapping[str, str], name: str) -> bool:
    """Whether this host has the locale: a server with another does not start."""
    category = _CATEGORIES[name]
    before = locale.setlocale(category)
    try:
        locale.setlocale(category, known[name])
    except locale.Error:
        return False
    else:
        return True
    finally:
        locale.setlocale(category, before)
