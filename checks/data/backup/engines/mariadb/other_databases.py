"""Other databases of the server that a MariaDB database speaks of: in views, in foreign keys, in
defaults. A dump of one database has none of them, and its views cannot be made before they are
there; that is no fault of the backup.
"""

from __future__ import annotations

from collections.abc import Iterable

from checks.contract import Failed
from checks.data.backup.engines.mariadb.content import Connection, rows

# A view's text has every database's name in quotes, whatever was typed.
_SPOKEN_OF = """
SELECT s.schema_name FROM information_schema.schemata AS s
 WHERE s.schema_name NOT IN (DATABASE(), 'information_schema', 'performance_schema')
   AND (EXISTS (SELECT 1 FROM information_schema.views AS v WHERE v.table_schema = DATABASE()
                   AND INSTR(v.view_definition,
                             CONCAT('`', REPLACE(s.schema_name, '`', '``'), '`.')))
     OR EXISTS (SELECT 1 FROM information_schema.columns AS c WHERE c.table_schema = DATABASE()
                   AND INSTR(c.column_default,
                             CONCAT('`', REPLACE(s.schema_name, '`', '``'), '`.')))
     OR EXISTS (SELECT 1 FROM information_schema.referential_constraints AS r
                 WHERE r.constraint_schema = DATABASE()
                   AND r.unique_constraint_schema = s.schema_name))
 ORDER BY 1"""
# How a refusal names a thing of another database, or that database.
_NAMED = (("`", "`."), ("'", "."), ("'", "'"), ("FUNCTION ", "."), ("PROCEDURE ", "."))


def spoken_of(connection: Connection) -> list[str]:
    """Their names. Raises pymysql.Error."""
    return [str(name) for (name,) in rows(connection, _SPOKEN_OF)]


def lacking(said: str, others: Iterable[str]) -> Failed | None:
    """What a refused restore says of one of them, as a fault of its own."""
    for name in others:
        if any(f"{before}{name}{behind}" in said for before, behind in _NAMED):
            return Failed(
                "other-database",
                f"it needs the database {name}, which its views or keys speak of",
                origin="local",
            )
    return None
