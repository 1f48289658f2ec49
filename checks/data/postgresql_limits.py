"""Time limits of PostgreSQL sessions that not every version has: no options of a log-in, where
an older server would refuse a name that it does not know.
"""

from __future__ import annotations

from typing import Any, LiteralString

# Of an idle session since 14; of a whole transaction since 17, which would end the snapshot in
# which everything is read (PostgreSQL manual, "Statement Behavior").
# The server's own operator: the database's owner may have made another, and a path to it.
_NEWER: LiteralString = (
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings"
    " WHERE name OPERATOR(pg_catalog.=)"
    " ANY (ARRAY['idle_session_timeout', 'transaction_timeout']::pg_catalog.text[])"
)


def without_newer_limits(connection: Any) -> None:
    """Whatever the role or the database has set of them; also in a transaction that has begun.
    `connection` is psycopg's. Raises psycopg.Error.
    """
    connection.execute(_NEWER)
