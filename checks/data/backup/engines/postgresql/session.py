"""How a session of PostgreSQL is settled before anything is read in it: values in one form, and
names that are the server's own.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

from checks.data.postgresql_limits import without_newer_limits

# Whatever a value's text depends on, set to one form; and no time limit of the role may end a long
# count.
_TIME_OF_TEXT: LiteralString = (
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET"
    " extra_float_digits = 3; SET bytea_output = 'hex'; SET row_security = off;"
    " SET lock_timeout = '60s'; SET quote_all_identifiers = off; SET lc_monetary = 'C';"
    # Else a plan works out what a table's constraints call with constants alone, in our session.
    " SET constraint_exclusion = off"
)
# The server's own and nothing else: `oid = regclass` has no operator there, and whoever owns the
# database may make one in `public`, which would then be taken and run in our session.
OWN_PATH: LiteralString = "SET search_path = pg_catalog, pg_temp"
# As values of regclass and the like were always written here, and where the site's own question
# finds its tables. What is asked in it calls by full names, or with exactly the types that the
# server's own functions and operators have.
SITES_PATH: LiteralString = "SET search_path = public"

Connection = psycopg.Connection[tuple[Any, ...]]


def settle(connection: Connection) -> None:
    """Whatever the role or the database has set must not change how a value reads."""
    without_limits(connection)
    connection.execute(_TIME_OF_TEXT)
    connection.execute(OWN_PATH)
    if connection.info.server_version >= 140000:  # a long question ends with the one who asked it
        connection.execute("SET client_connection_check_interval = '5s'")


def without_limits(connection: Connection) -> None:
    """No limit that the role or the database has set ends this session. Raises psycopg.Error."""
    connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
    without_newer_limits(connection)
