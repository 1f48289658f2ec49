"""What a site has put into an extension's own tables (cron.job) and where its sequences stand: a
dump holds that, beside the CREATE EXTENSION that makes the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

from checks.data.backup.engines.postgresql.content import Table
from checks.data.backup.engines.postgresql.session import Connection

# What pg_dump dumps of an extension's tables (pg_extension_config_dump, "Extension Configuration
# Tables").
_OF_EXTENSIONS: LiteralString = """
SELECT c.oid::int8, n.nspname, c.relname, false, pg_catalog.pg_relation_size(c.oid),
       coalesce(e.extcondition[u.place], ''), e.extname
  FROM pg_catalog.pg_extension e
  JOIN LATERAL pg_catalog.unnest(e.extconfig) WITH ORDINALITY AS u(oid, place) ON true
  JOIN pg_catalog.pg_class c ON c.oid = u.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' ORDER BY 2, 3"""
_SEQUENCES_OF_EXTENSIONS: LiteralString = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), e.extname FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                             AND d.objid = c.oid AND d.deptype = 'e'
  JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid WHERE c.relkind = 'S'"""


def tables_of(connection: Connection) -> tuple[Table, ...]:
    """Tables of extensions that hold what a site has put into them (cron.job), which a dump holds
    as far as the extension says.
    """
    return tuple(Table(*row) for row in connection.execute(_OF_EXTENSIONS))


def sequences_of(connection: Connection) -> dict[str, str]:
    """Which sequences are an extension's, and whose."""
    return dict(connection.execute(_SEQUENCES_OF_EXTENSIONS).fetchall())


def with_administrator(told: Mapping[str, Any], known: Mapping[str, str]) -> list[str]:
    """Which of them are left to an administrator together with their extension; `told` is what a
    drill told, `known` whose each is.
    """
    gone = {str(name) for kind, name, _ in told.get("withheld", ()) if kind == "EXTENSION"}
    return [name for name, whose in known.items() if whose in gone]
