"""What psql is given to bring a database back: roles.sql, administrator.sql, create.sql,
loader.sql, settings.sql, beside every backup.

Rule: each is written from values, every one of them quoted, and from statements that were read as
data (roles.py). Whoever restores by a program writes them anew and compares: psql would take
`\\! command` in a file that somebody else has changed for an order to itself.

A role that is there already stays as it is. What only a superuser can give stands in
administrator.sql, and in no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, LiteralString

from psycopg import sql

from checks.data.backup.engines.postgresql.own_settings import locale_of, rights_of, settings_of
from checks.data.backup.engines.postgresql.roles import Statement

ROLES, ADMINISTRATOR = "roles.sql", "administrator.sql"
CREATE, LOADER, SETTINGS = "create.sql", "loader.sql", "settings.sql"
# The name that it comes back under: `psql -v to=…`, which psql quotes.
_TO = ':"to"'
_OWNER: LiteralString = (
    "SELECT pg_catalog.format('ALTER DATABASE %I OWNER TO %I', {to}, rolname)"
    " FROM pg_catalog.pg_roles WHERE rolname = {owner}"
)
# A role that can be let become each owner of a table, one at a time: what runs as one of them could
# become any other that it may be. That it can is tried here; plain/able says who they are,
# plain/closed.sql takes back that an owner may enter a schema which is not open to him.
_LOADER = r"""\set password `printenv LOADER_PASSWORD`
CREATE ROLE :"loader" LOGIN NOINHERIT PASSWORD :'password';
SELECT pg_catalog.format('GRANT %1$I TO %2$I; REVOKE %1$I FROM %2$I', rolname, :'loader')
  FROM pg_catalog.pg_roles r
 WHERE NOT rolsuper AND rolname !~ '^pg_' AND EXISTS (SELECT FROM pg_catalog.pg_class c
 WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p'))
\gexec
\o plain/able
SELECT rolname FROM pg_catalog.pg_roles WHERE NOT rolsuper;
\o plain/closed.sql
SELECT DISTINCT pg_catalog.format('REVOKE USAGE ON SCHEMA %I FROM %I;', n.nspname, r.rolname)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles r ON r.oid = c.relowner WHERE c.relkind IN ('r', 'p')
   AND NOT pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE');
\o
SELECT DISTINCT pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I;', n.nspname, r.rolname)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles r ON r.oid = c.relowner WHERE c.relkind IN ('r', 'p')
   AND NOT pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')
\gexec
"""
# Which let the role become every owner at once.
_OLDER_LOADERS = ("b22d0029474d52bab7f37822ea5649afe2e0ca514a874d2e0e24c500f945a48b",)
_THERE: LiteralString = "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {}) AS "


def role_scripts(found: Sequence[Statement]) -> Mapping[str, bytes]:
    """roles.sql and administrator.sql."""
    most, powers = list[tuple[str, str]](), list[str]()
    for each in found:
        if (harmless := each.harmless()) is not None and not each.within_database:
            most.append((each.role, harmless.text))
        if each.powers:
            powers.append(f"{each.of_powers()};")
    # Every role first: a membership names two.
    most.sort(key=lambda one: not one[1].startswith("CREATE ROLE "))
    number = {role: at for at, role in enumerate(dict.fromkeys(role for role, _ in most), 1)}
    lines = []
    for role, at in number.items():
        lines += [f"{_text(sql.SQL(_THERE).format(_name(role)))}new{at}", "\\gset"]
    for role, text in most:
        lines += [f"\\if :new{number[role]}", f"{text};", "\\endif"]
    return {ROLES: _written(lines), ADMINISTRATOR: _written(powers)}


def loader_script() -> bytes:
    """loader.sql, the same for every backup."""
    return _LOADER.encode()


def is_older_loader(text: bytes) -> bool:
    """Whether it is loader.sql as an earlier version wrote it: today's does for its backups too."""
    return hashlib.sha256(text).hexdigest() in _OLDER_LOADERS


def database_scripts(facts: Mapping[str, Any]) -> Mapping[str, bytes]:
    """create.sql and settings.sql, out of a manifest's facts."""
    own = facts.get("own", {})
    # Only template0 may be copied with another encoding and locale, and it holds nothing that a
    # site has added.
    create = sql.SQL(
        "CREATE DATABASE {to} TEMPLATE template0 ENCODING {encoding} LC_COLLATE {collate}"
        " LC_CTYPE {ctype}"
    ).format(
        to=sql.SQL(_TO),
        encoding=sql.Literal(facts["encoding"]),
        collate=sql.Literal(facts["collate"]),
        ctype=sql.Literal(facts["ctype"]),
    )
    owner = sql.SQL(_OWNER).format(to=sql.SQL(":'to'"), owner=sql.Literal(facts["owner"]))
    database = sql.SQL(_TO)
    lines = [f"{_text(create)}{_text(locale_of(own))};", f"{_text(owner)}", "\\gexec"]
    settings = [f"ALTER DATABASE {_TO} CONNECTION LIMIT {int(own.get('limit', -1))};"]
    if own.get("public") is False:
        # A new database has it; pg_dump says nothing of one that is gone (15.18).
        settings.append("DROP SCHEMA IF EXISTS public;")
    if own.get("comment") is not None:
        comment = sql.SQL("COMMENT ON DATABASE {} IS {};").format(
            database, sql.Literal(own["comment"])
        )
        settings.append(_text(comment))
    if own.get("template"):
        settings.append(f"ALTER DATABASE {_TO} IS_TEMPLATE true;")
    for statement in (*rights_of(database, facts["owner"], own), *settings_of(database, own)):
        settings += _one(statement)
    return {CREATE: _written(lines), SETTINGS: _written(settings)}


def _one(parts: Sequence[sql.Composable]) -> Iterator[str]:
    several = len(parts) > 1
    yield from ["BEGIN;"] if several else []
    yield from (f"{_text(part)};" for part in parts)
    yield from ["COMMIT;"] if several else []


def _text(composed: sql.Composable) -> str:
    return composed.as_string(None)


def _name(quoted: str) -> sql.Literal:
    """A role's name as a text, out of what it is as a name in SQL."""
    plain = quoted[1:-1].replace('""', '"') if quoted.startswith('"') else quoted
    return sql.Literal(plain)


def _written(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
