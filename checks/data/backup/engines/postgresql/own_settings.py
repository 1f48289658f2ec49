"""What the server keeps of a database outside of it: locale, owner, rights, limit, remark, and what
is set in it for everybody or for one role.

Rule: it is read from the catalogues as values and given back as values, each quoted; no line of SQL
is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

import psycopg
from psycopg import sql

_DATABASE: LiteralString = """
SELECT d.datconnlimit, pg_catalog.shobj_description(d.oid, 'pg_database'),
       pg_catalog.to_jsonb(d) ->> 'datlocprovider', pg_catalog.to_jsonb(d) ->> 'daticurules',
       coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale'),
       d.datacl IS NOT NULL,
       EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = 'public'), d.datistemplate
  FROM pg_catalog.pg_database d WHERE d.datname = current_database()"""
_RIGHTS: LiteralString = """
SELECT CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
       a.privilege_type, a.is_grantable
  FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) WITH ORDINALITY
       AS a(grantor, grantee, privilege_type, is_grantable, place)
 WHERE d.datname = current_database() ORDER BY a.place"""
_SET: LiteralString = """
SELECT CASE WHEN s.setrole = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(s.setrole) END, s.setconfig
  FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
 WHERE d.datname = current_database() ORDER BY 1"""
# Their values are lists of names: as one text they would be one name (pg_dump, dumputils.c).
_LISTS = frozenset(
    {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}
)
_RIGHTS_THERE_ARE = frozenset({"CREATE", "CONNECT", "TEMPORARY"})
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}

Connection = psycopg.Connection[tuple[Any, ...]]
Own = Mapping[str, Any]


def own_of_database(connection: Connection) -> dict[str, Any]:
    """As plain data, for the manifest."""
    row = connection.execute(_DATABASE).fetchone()
    assert row is not None  # noqa: S101 - one is connected to it
    limit, comment, provider, rules, locale, has_rights, public, template = row
    rights = [list(each) for each in connection.execute(_RIGHTS).fetchall()]
    return {
        "limit": limit,
        "comment": comment,
        "provider": _PROVIDERS.get(provider or "", ""),
        "locale": locale,
        "rules": rules,
        "rights": rights if has_rights else None,
        "public": public,
        "template": template,
        "settings": [[role, list(all_)] for role, all_ in connection.execute(_SET).fetchall()],
    }


def differing_own(was: Own | None, now: Own | None) -> list[str]:
    """What of it is not as it was, in words; rights and settings have no order of their own."""
    if was is None or now is None:
        return []
    return [
        f"the database's own {name} came back otherwise"
        for name in was
        # An older release wrote no provider where it was libc.
        if _in_order(was[name]) != _in_order(now.get(name))
        and not (name == "provider" and {was[name], now.get(name)} == {"", "libc"})
    ]


def _in_order(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, list) else value


def locale_of(own: Own) -> sql.Composed:
    """Words for CREATE DATABASE."""
    provider = own.get("provider", "")
    if provider not in _PROVIDERS.values():
        return sql.SQL("").format()
    words: dict[str, LiteralString] = {
        # Said as well: without it a new database has that of the server's template0.
        "libc": " LOCALE_PROVIDER libc",
        "icu": " LOCALE_PROVIDER icu ICU_LOCALE {}",
        "builtin": " LOCALE_PROVIDER builtin BUILTIN_LOCALE {}",
    }
    said = sql.SQL(words[provider]).format(sql.Literal(own["locale"]))
    if own.get("rules") is None:
        return said
    return said + sql.SQL(" ICU_RULES {}").format(sql.Literal(own["rules"]))


def rights_of(database: sql.Composable, owner: str, own: Own) -> Iterator[list[sql.Composed]]:
    """Statements, each with what has to go before it."""
    if own.get("rights") is None:  # what every new database has
        return
    revoke = sql.SQL("REVOKE ALL ON DATABASE {} FROM {}")
    yield [revoke.format(database, sql.SQL("PUBLIC"))]
    yield [revoke.format(database, sql.Identifier(owner))]
    for role, right, may_pass_on in own["rights"]:
        if right not in _RIGHTS_THERE_ARE:
            continue
        grant = sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
            sql.SQL(right),
            database,
            sql.Identifier(role) if role else sql.SQL("PUBLIC"),
            sql.SQL(" WITH GRANT OPTION" if may_pass_on else ""),
        )
        yield [grant]


def settings_of(database: sql.Composable, own: Own) -> Iterator[list[sql.Composed]]:
    """Statements, each with what has to go before it."""
    for role, values in own.get("settings", ()):
        whose: sql.Composed = sql.SQL("DATABASE {}").format(database)
        if role:
            whose = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(role), database)
        for setting in values:
            key, _, value = setting.partition("=")
            words = sql.SQL(".").join(sql.Identifier(part) for part in key.split("."))
            alter = sql.SQL("ALTER {} SET {} ").format(whose, words)
            if key in _LISTS:
                # As this session has it for a moment: the list is read by the server itself.
                here = sql.SQL("SELECT pg_catalog.set_config({}, {}, true)").format(
                    sql.Literal(key), sql.Literal(value)
                )
                yield [here, alter + sql.SQL("FROM CURRENT")]
            else:
                yield [alter + sql.SQL("TO {}").format(sql.Literal(value))]
