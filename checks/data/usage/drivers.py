"""The databases that can be asked: SQLite, PostgreSQL, MariaDB. Only for the child process;
read-only, each of them.

What a driver raises becomes a `SourceFault` (driver_faults.py); no password is in its text, and
none is ever in an argument list.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.data.postgresql_limits import without_newer_limits
from checks.data.sqlite_defence import defended
from checks.data.usage.database_login import (
    CONNECT_SECONDS,
    POSTGRES_OWN_LIMITS,
    mariadb_log_in,
    postgres_log_in,
)
from checks.data.usage.driver_faults import mariadb_faults, postgres_faults, sqlite_faults
from checks.data.usage.postgresql_names import Names
from checks.data.usage.record_query import Dialect
from checks.data.usage.source_faults import SourceFault

if TYPE_CHECKING:
    import psycopg
    import pymysql

# Some megabytes of records: large enough that numpy pays, small enough for a server's cursor.
_BATCH = 20_000
Batches = Iterator[list[Sequence[Any]]]


class Sqlite:
    """An SQLite file."""

    name = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def columns(self, table: str) -> list[str]:
        with sqlite_faults():
            plain = table.rpartition(".")[2]
            # As a table-valued function the name is a parameter; PRAGMA itself takes none.
            named = self._connection.execute("SELECT name FROM pragma_table_info(?)", (plain,))
            found = [row[0].decode("utf-8", "replace") for row in named]
        if not found:
            raise SourceFault("no-such-table", f"there is no table {table}")
        return found

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    def table(self, name: str) -> str:
        return ".".join(map(self.quoted, name.split(".")))

    def hold(self, table: str, columns: Sequence[str]) -> None:
        """Every type of it is SQLite's own."""

    def text(self, column: str) -> str:
        return column

    def mark(self) -> str:
        return "?"

    def ask(self, question: str, values: Sequence[Any]) -> Batches:
        with sqlite_faults():
            cursor = self._connection.execute(question, values)
            while rows := cursor.fetchmany(_BATCH):
                yield rows


@contextmanager
def open_sqlite(place: Mapping[str, Any]) -> Iterator[Dialect]:
    """A file, for reading; a writer is waited for."""
    path = Path(place["path"])
    if not path.is_file():
        raise SourceFault("no-such-file", f"there is no file {path}")
    with sqlite_faults():
        connection = sqlite3.connect(
            # A reader that could write would play back the log of a crash, and so change the
            # customer's file.
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=CONNECT_SECONDS,
        )
        # As bytes: what is no UTF-8 is no reason to stop.
        connection.text_factory = bytes
    try:
        with sqlite_faults():
            defended(connection)
            # SQLite opens lazily: only the first question finds out that it is no database, or may
            # not be read.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield Sqlite(connection)
    finally:
        connection.close()


class Postgres:
    """A PostgreSQL server."""

    name = "postgresql"

    def __init__(self, connection: psycopg.Connection[Any], names: Names) -> None:
        self._connection, self._names = connection, names

    def columns(self, table: str) -> list[str]:
        with postgres_faults():
            nothing = f"SELECT * FROM {self._names.full(table)} LIMIT 0"  # noqa: S608 - quoted
            cursor = self._connection.execute(nothing.encode())
            return [column.name for column in cursor.description or ()]

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    def table(self, name: str) -> str:
        with postgres_faults():
            return self._names.full(name)

    def hold(self, table: str, columns: Sequence[str]) -> None:
        with postgres_faults():
            self._names.hold_to_own_types(self._names.full(table), columns)

    def text(self, column: str) -> str:
        return f"{column}::text"

    def mark(self) -> str:
        return "%s"

    def ask(self, question: str, values: Sequence[Any]) -> Batches:
        # A cursor with a name lives in the server: without one psycopg fetches the whole day at
        # once.
        with postgres_faults(), self._connection.cursor("usage") as cursor:
            cursor.execute(question.encode(), values)
            while rows := cursor.fetchmany(_BATCH):
                yield rows


@contextmanager
def open_postgres(place: Mapping[str, Any]) -> Iterator[Dialect]:
    """A server; the session can only read."""
    import psycopg

    with postgres_faults():
        connection = psycopg.connect(
            **postgres_log_in(place["server"], "usage"),
            # Read-only for the session, besides an account that may do no more: a view could call a
            # function that writes.
            options="-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO"
            f" {POSTGRES_OWN_LIMITS}",
        )
    with connection:
        with postgres_faults():
            without_newer_limits(connection)
            names = Names(connection)
        yield Postgres(connection, names)


class MariaDb:
    """A MariaDB or MySQL server."""

    name = "mariadb"

    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection

    def columns(self, table: str) -> list[str]:
        named = self.table(table)
        # LIMIT 0 gives the columns also of a view, which information_schema may hide from this
        # account.
        with mariadb_faults(), self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {named} LIMIT 0")  # noqa: S608 - quoted
            return [column[0] for column in cursor.description or ()]

    def quoted(self, name: str) -> str:
        return f"`{name}`"

    def table(self, name: str) -> str:
        return ".".join(map(self.quoted, name.split(".")))

    def hold(self, table: str, columns: Sequence[str]) -> None:
        """Every type of it is the server's own."""

    # Stamps as text: PyMySQL would make objects of them, and refuse '0000-00-00'.
    def text(self, column: str) -> str:
        return f"CAST({column} AS CHAR)"

    def mark(self) -> str:
        return "%s"

    def ask(self, question: str, values: Sequence[Any]) -> Batches:
        from pymysql.cursors import SSCursor

        with mariadb_faults(), self._connection.cursor(SSCursor) as cursor:
            cursor.execute(question, list(values))
            # The unbuffered cursor: the usual one holds the whole day in memory.
            while rows := cursor.fetchmany(_BATCH):
                yield list(rows)


@contextmanager
def open_mariadb(place: Mapping[str, Any]) -> Iterator[Dialect]:
    """A server; the transaction can only read."""
    import pymysql

    with mariadb_faults():
        connection = pymysql.connect(**mariadb_log_in(place["server"]))
    try:
        with mariadb_faults(), connection.cursor() as cursor:
            # The server refuses a write in such a transaction (error 1792), whatever the account
            # may do.
            cursor.execute("START TRANSACTION READ ONLY")
        yield MariaDb(connection)
    finally:
        connection.close()


OPENERS: Mapping[str, Callable[..., Any]] = {
    "sqlite": open_sqlite,
    "postgresql": open_postgres,
    "mariadb": open_mariadb,
}
