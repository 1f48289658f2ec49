"""Names in a PostgreSQL database that somebody else owns: nothing of his stands in for the server's
own. Only for the child process.

`ALTER DATABASE … SET search_path` is the owner's to say, and what he then puts before the server's
own schema (an operator, a function, a relation called pg_class) would run in our session, with our
user's rights. So the site's path is read once, by full names, and tables are looked up by it; from
then on the server's own is the only one. Nor is a superuser's question put to a table whose plan
calls what users have made (checks/data/postgresql_plans.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from checks.data.postgresql_plans import CALLING
from checks.data.usage.source_faults import SourceFault

# Neither asks by an operator, nor by a name without its schema.
_SCHEMAS = "SELECT pg_catalog.current_schemas(false)"
_OWN_PATH = "SET search_path = pg_catalog, pg_temp"
_TABLE = (
    "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relname = %s AND n.nspname = ANY(%s::name[])"
    " ORDER BY array_position(%s::name[], n.nspname) LIMIT 1"
)
# A domain compares as what it is made of.
_TYPE = (
    "SELECT format_type(t.oid, NULL) FROM pg_attribute a JOIN pg_type d ON d.oid = a.atttypid"
    " JOIN pg_type t ON t.oid = CASE WHEN d.typtype = 'd' THEN d.typbasetype ELSE d.oid END"
    " WHERE a.attrelid = %s::regclass AND a.attname = %s"
    " AND t.typnamespace <> 'pg_catalog'::regnamespace"
)
# A role that may start programs is as good as one (PostgreSQL manual, "Predefined Roles").
_RULES = (
    "SELECT current_setting('is_superuser') = 'on' OR EXISTS (SELECT FROM pg_roles WHERE rolname ="
    " 'pg_execute_server_program' AND pg_has_role(current_user, oid, 'MEMBER'))"
)
# Of a partitioned table a plan is made of every partition as well.
_CALLS = (
    "WITH RECURSIVE t (oid) AS"  # noqa: S608 - words of ours
    " (SELECT to_regclass(%s)::oid UNION SELECT i.inhrelid"
    " FROM pg_inherits i JOIN t ON t.oid = i.inhparent)"
    f" SELECT EXISTS (SELECT FROM t WHERE oid::int8 IN ({CALLING}))"
)


class Names:
    """The tables of one connection, by the site's own path."""

    def __init__(self, connection: Any) -> None:
        """Sets the server's own path. Raises psycopg.Error."""
        self._connection = connection
        [(self._schemas,)] = self._connection.execute(_SCHEMAS).fetchall()
        self._connection.execute(_OWN_PATH)

    def full(self, table: str) -> str:
        """A table with its schema, quoted; one that is not there as it was written. Raises
        SourceFault for one that must not be asked with this role's rights, and psycopg.Error.
        """
        from psycopg import sql

        parts = table.split(".")
        if len(parts) == 1:
            found = self._connection.execute(_TABLE, (table, self._schemas, self._schemas))
            parts = [*(schema for (schema,) in found.fetchall()), table]
        name = sql.Identifier(*parts).as_string(self._connection)
        self._hold_to_quiet_plans(name)
        return name

    def _hold_to_quiet_plans(self, table: str) -> None:
        [(rules,)] = self._connection.execute(_RULES).fetchall()
        if rules and self._connection.execute(_CALLS, (table,)).fetchall() == [(True,)]:
            raise SourceFault(
                "login",
                f"an index or a statistic of {table} calls what users of the database have made: a"
                " superuser's question would run it with all rights; log in as a role that may"
                " only read",
            )

    def hold_to_own_types(self, table: str, columns: Sequence[str]) -> None:
        """`table` by its full name. Raises SourceFault for a column that is compared by what users
        of the database have made, and psycopg.Error.
        """
        for column in columns:
            found = self._connection.execute(_TYPE, (table, column)).fetchall()
            for (kind,) in found:
                raise SourceFault(
                    "no-such-column",
                    f"{column} of {table} is of the type {kind}, which users of the database have"
                    " made, and is not compared by what they say; name a column of the server's"
                    " own types",
                )
