"""What a PostgreSQL database holds, in one snapshot: tables, rows, and a hash that no order of the
rows changes.

    SELECT count(*), sum(hash_record_extended(ROW(id, calldate, …), 0)) FROM ONLY public.cdr

The sum over 64-bit hashes is that of a multiset: chunks add up, so that a large table is read by
ranges of its pages, with pauses where the work is throttled. A column whose type hashes by
something that a restore changes (an enum's oid), or has no hash, goes in as its text. Before
PostgreSQL 14 a row goes in as text altogether.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from checks.data.backup.engines.postgresql.session import OWN_PATH, SITES_PATH, Connection
from checks.data.backup.store.manifest import Content
from checks.data.backup.store.throttle import Throttle

RECORDS, TEXTS = "sum of hash_record_extended(row)", "sum of hashtextextended(row as text)"
# 256 pages of 8 kB are 2 MB: a throttled read rests often, and never for long.
_CHUNK_PAGES, _PAGE_BYTES = 256, 8192
_BY_VALUE = frozenset(
    {"bool", "int2", "int4", "int8", "numeric", "float4", "float8", "text", "varchar", "bpchar",
     "char", "name", "uuid",
     "bytea", "date", "time", "timetz", "timestamp", "timestamptz", "inet", "cidr", "macaddr",
     "oid", "jsonb"}
)  # fmt: skip
# Ordinary tables and partitions that hold rows themselves. What an extension made (deptype 'e') it
# makes again.
_TABLES: LiteralString = """
SELECT c.oid::int8, n.nspname, c.relname, c.relispartition, pg_catalog.pg_relation_size(c.oid)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence <> 't'
   AND (c.relpersistence <> 'u' OR NOT pg_catalog.pg_is_in_recovery())
   AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
 ORDER BY 5 DESC, 2, 3"""
# A domain hashes as its base type, so that one is asked for.
_COLUMNS: LiteralString = """
SELECT a.attname,
       CASE WHEN b.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
            THEN b.typname ELSE '' END,
       coalesce(l.collisdeterministic, true)
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum"""
_SEQUENCES: LiteralString = """
SELECT pg_catalog.format('%I.%I', schemaname, sequencename), last_value, increment_by, cycle
  FROM pg_catalog.pg_sequences"""
# What an object says and not how it is stored: a hole is kept as no page at all, and comes back as
# pages of zeros. 2048 is LOBLKSIZE, a quarter of a page.
_LARGE_OBJECTS: LiteralString = r"""
SELECT count(*), coalesce(sum(pg_catalog.hash_record_extended(ROW(o.oid, o.size), 0) + o.said), 0)
       ::text
  FROM (SELECT m.oid, max(l.pageno::int8 * 2048 + pg_catalog.length(l.data)) AS size,
               coalesce(sum(pg_catalog.hash_record_extended(
                   ROW(l.pageno, pg_catalog.rtrim(l.data, '\x00'::bytea)), 0)::numeric)
                   FILTER (WHERE pg_catalog.rtrim(l.data, '\x00'::bytea) <> ''::bytea), 0) AS said
          FROM pg_catalog.pg_largeobject_metadata m
          LEFT JOIN pg_catalog.pg_largeobject l ON l.loid = m.oid
         GROUP BY m.oid) o"""
# Tables that a standby has, and not their rows: those are in no log.
_UNLOGGED: LiteralString = """
SELECT n.nspname, c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()"""

_TABLES_ALONE: LiteralString = (
    "SELECT pg_catalog.set_config(name, 'view, foreign-table', false) FROM pg_catalog.pg_settings"
    " WHERE name = 'restrict_nonsystem_relation_kind'"
)
_VIEWS_TOO: LiteralString = (
    "SELECT pg_catalog.set_config(name, '', false) FROM pg_catalog.pg_settings"
    " WHERE name = 'restrict_nonsystem_relation_kind'"
)
# Texts, names and bodies are passed over whole; of the rest go lines that are empty, remarks or
# settings. Since August 2025 pg_dump writes \\restrict with a random word (CVE-2025-8714).
_BETWEEN = re.compile(
    rb"""(?P<quoted>\b[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"
        |(?P<mark>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$).*?(?P=mark))
        |^(?:(?:--|\\restrict[ ]|\\unrestrict[ ]|SET[ ])[^\n]*|[ \t\r]*)(?:\n|\Z)""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table that holds rows of its own."""

    oid: int
    schema: str
    name: str
    partition: bool
    bytes: int
    condition: str = ""
    """which of its rows a dump holds, as SQL: of an extension's table the site's own"""
    extension: str = ""

    @property
    def full_name(self) -> str:
        """Schema and name, as one reads them."""
        return named(self.schema, self.name)

    @property
    def pattern(self) -> str:
        """For pg_dump's --table: exactly this one."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.schema, self.name))


def named(schema: str, name: str) -> str:
    """Schema and name as one reads them: quoted where a dot would make two tables one."""
    parts = (schema, name)
    if not any("." in part or '"' in part for part in parts):
        return f"{schema}.{name}"
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def unlogged(connection: Connection) -> list[str]:
    """The tables of a standby whose rows it does not have."""
    return sorted(named(*row) for row in connection.execute(_UNLOGGED).fetchall())


def tables(connection: Connection) -> tuple[Table, ...]:
    """Every table whose rows a dump holds, the largest first."""
    return tuple(Table(*row) for row in connection.execute(_TABLES))


def hashed_by(connection: Connection) -> str:
    """How this server hashes rows."""
    return RECORDS if connection.info.server_version >= 140000 else TEXTS


def content(
    connection: Connection,
    some: Sequence[Table],
    throttle: Throttle,
    told: Callable[[int], None],
) -> dict[str, Content]:
    """Rows and hash of these tables, by their full names."""
    # A table that became a view since it was listed would run that view's functions
    # (CVE-2024-7348): servers that have this setting refuse it then.
    connection.execute(_TABLES_ALONE)
    slow = throttle.slow and hashed_by(connection) == RECORDS
    hashes = [(table, _row_hash(connection, table)) for table in some]
    connection.execute(SITES_PATH)
    found = {
        table.full_name: _content(connection, table, row, throttle if slow else None, told)
        for table, row in hashes
    }
    connection.execute(OWN_PATH)
    # The site's own question may be put to a view.
    connection.execute(_VIEWS_TOO)
    return found


def sequences(connection: Connection) -> dict[str, list[int]]:
    """Where each sequence that goes one way stands: name -> (last value, increment). Sequences know
    no snapshot.
    """
    # A sequence that cycles may stand anywhere: it says nothing of numbers that are handed out
    # twice.
    rows = connection.execute(_SEQUENCES).fetchall()
    return {
        name: [last, step] for name, last, step, cycle in rows if last is not None and not cycle
    }


def behind(was: Mapping[str, Sequence[int]], now: Mapping[str, Sequence[int]]) -> list[str]:
    """Which sequences would hand out a number again."""
    wrong = []
    for name, (last, step) in was.items():
        there = now.get(name)
        # Further on is right (the dump came later, and sequences know no snapshot); behind would
        # hand out a number again.
        if there is None or (there[0] - last) * step < 0:
            wrong.append(
                f"sequence {name} stands at {there[0] if there else 'its start'}, was at {last}"
            )
    return sorted(wrong)


def large_objects(connection: Connection) -> Content | None:
    """Pages of large objects and their hash; None where there are none, or this role may not read
    them.
    """
    try:
        # Within the transaction this is a savepoint: a refusal must not end the snapshot that
        # everything else is read in.
        with connection.transaction():
            rows, total = connection.execute(_LARGE_OBJECTS).fetchone() or (0, "0")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction):
        return None
    return Content(rows, total) if rows else None


def newest_record(connection: Connection, query: str) -> str | None:
    """What the site's own question for its newest record says, as text."""
    if not query:
        return None
    connection.execute(SITES_PATH)
    row = connection.execute(query.encode()).fetchone()
    connection.execute(OWN_PATH)
    return None if row is None or row[0] is None else str(row[0])


def plain_schema(dumped: bytes) -> bytes:
    """A schema dump without what differs from run to run: remarks, settings, and the restricting
    marks of 2025. What is quoted, as the body of a function, stays as it is.
    """
    return _BETWEEN.sub(lambda found: found["quoted"] or b"", dumped)


def by_lines(dumped: bytes) -> bytes:
    """A schema as release 0.1.0 kept it: without lines that begin as remarks and settings do, those
    of a function's body as well.
    """
    left_out = (b"--", b"\\restrict", b"\\unrestrict", b"SET ")
    kept = (line.rstrip() for line in dumped.splitlines() if not line.startswith(left_out))
    return b"\n".join(line for line in kept if line) + b"\n"


def schema_hash(schema: bytes) -> str:
    """The SHA-256 of a plain schema."""
    return hashlib.sha256(schema).hexdigest()


def _content(
    connection: Connection,
    table: Table,
    row: sql.Composable,
    throttle: Throttle | None,
    told: Callable[[int], None],
) -> Content:
    question = sql.SQL("SELECT count(*), coalesce(sum({row}), 0) FROM ONLY {table}").format(
        row=row, table=sql.Identifier(table.schema, table.name)
    )
    if table.condition:
        # The extension's own words, which pg_dump takes as they are, too.
        question += sql.SQL(" ") + sql.SQL(table.condition)
    if throttle is None or table.condition:
        rows, total = connection.execute(question).fetchone() or (0, 0)
        told(table.bytes)
        return Content(rows, str(total), table.bytes)
    rows, total = 0, 0
    pages = -(-table.bytes // _PAGE_BYTES)
    for first in range(0, max(pages, 1), _CHUNK_PAGES):
        # The last chunk is open to the largest page number: the table may have grown since its size
        # was asked.
        last = first + _CHUNK_PAGES if first + _CHUNK_PAGES < pages else 2**32 - 1
        some = sql.SQL(" WHERE ctid >= {} AND ctid < {}").format(f"({first},0)", f"({last},0)")
        counted, summed = connection.execute(question + some).fetchone() or (0, 0)
        rows, total = rows + counted, total + summed
        told(_CHUNK_PAGES * _PAGE_BYTES)
        throttle.take(_CHUNK_PAGES * _PAGE_BYTES)
    return Content(rows, str(total), table.bytes)


def _row_hash(connection: Connection, table: Table) -> sql.Composable:
    if hashed_by(connection) == TEXTS:
        row = _as_text(sql.Identifier(table.name))
        return sql.SQL("pg_catalog.hashtextextended({}, 0)").format(row)
    columns = connection.execute(_COLUMNS, (table.oid,)).fetchall()
    values = [_value(name, kind, deterministic) for name, kind, deterministic in columns]
    return sql.SQL("pg_catalog.hash_record_extended(ROW({}), 0)").format(sql.SQL(", ").join(values))


def _value(name: str, kind: str, deterministic: bool) -> sql.Composable:
    column: sql.Composable = sql.Identifier(name)
    if kind in _BY_VALUE and deterministic:
        return column
    # Under such a collation texts of different bytes are equal and hash alike; as bytes they are
    # told apart.
    if kind in _BY_VALUE:
        return sql.SQL("pg_catalog.convert_to({}::text, 'UTF8')").format(column)
    return _as_text(column)


def _as_text(value: sql.Composable) -> sql.Composable:
    """A value as its type writes it, NULL as NULL. `::text` would call a cast that the type's owner
    has made, and with it a function of his, in our session.
    """
    return sql.SQL(
        "CASE WHEN {0} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {0}) END"
    ).format(value)
