"""Which engine a ledger lies on: the one place that chooses."""

from __future__ import annotations

from monitor.ledger.database import Database
from monitor.ledger.server_address import Place, ServerAddress
from monitor.ledger.sqlite_database import SqliteDatabase


def opened(place: Place, *, read_only: bool = False) -> Database:
    """A connection to it. Raises LedgerFault."""
    if not isinstance(place, ServerAddress):
        return SqliteDatabase(place, read_only=read_only)
    # psycopg is loaded by those alone who have such a ledger.
    from monitor.ledger.postgresql_database import PostgresDatabase

    return PostgresDatabase(place, read_only=read_only)
