"""The databases that can be asked: SQLite, PostgreSQL, MariaDB. Only for the child process;
read-only, each of them.

What a driver raises becomes a `SourceFault` here; no password is in its text, and none is ever in
an argument list.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.contract import CannotTell
from checks.data.usage.database_login import CONNECT_SECONDS, mariadb_log_in, postgres_log_in
from checks.data.usage.record_query import Dialect
from checks.data.usage.source_faults import SourceFault
from checks.transport.faults import fault_of, fault_within

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
        connection.text_factory = bytes  # whatever is in it: what is no UTF-8 is no reason to stop
    try:
        with sqlite_faults():
            # SQLite opens lazily: only the first question finds out that it is no database, or may
            # not be read.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield Sqlite(connection)
    finally:
        connection.close()


@contextmanager
def sqlite_faults() -> Iterator[None]:
    """What SQLite raises, as a SourceFault."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        words = {
            # SQLite's own words; its codes do not tell a table that is missing from another slip in
            # a statement.
            "locked": "locked",
            "unable to open": "not-allowed",
            "no such table": "no-such-table",
        }
        code = next((code for word, code in words.items() if word in text), "corrupt")
        raise SourceFault(code, text) from None


class Postgres:
    """A PostgreSQL server."""

    name = "postgresql"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def columns(self, table: str) -> list[str]:
        from psycopg import sql

        named = sql.SQL(".").join(map(sql.Identifier, table.split(".")))
        with postgres_faults():
            cursor = self._connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(named))
            return [column.name for column in cursor.description or ()]

    def quoted(self, name: str) -> str:
        return f'"{name}"'

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
            options="-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO",
        )
    with connection:
        yield Postgres(connection)


# A login that fails has no SQLSTATE in psycopg, only libpq's words.
_POSTGRES_WORDS: Mapping[str, str] = {
    r"password authentication failed|no password supplied|role .* does not exist|no pg_hba.conf"
    r" entry|"
    r"(Peer|Ident|GSSAPI|LDAP|PAM|certificate) authentication failed|not permitted to log in": (
        "login-refused"
    ),
    r"database .* does not exist": "no-such-database",
    r"permission denied for database": "not-allowed",
    r"too many (clients|connections)|remaining connection slots": "too-many-connections",
    r"timeout expired": "timeout",
    r"does not match host name": "wrong-name",
    r"certificate verify failed|server certificate": "certificate",
    r"server does not support SSL": "no-tls",
}
# SQLSTATE codes of the PostgreSQL manual, appendix A.
_POSTGRES_STATES: Mapping[str, str] = {
    "42P01": "no-such-table",
    "3F000": "no-such-table",
    "42703": "no-such-column",
    "42501": "not-allowed",
    "57014": "timeout",
    "57P01": "closed",
    "57P03": "unreachable",
    "53300": "too-many-connections",
    "28P01": "login-refused",
    "28000": "login-refused",
    "3D000": "no-such-database",
}


@contextmanager
def postgres_faults() -> Iterator[None]:
    """What PostgreSQL's driver raises, as a SourceFault."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        text = str(error)
        words = (code for pattern, code in _POSTGRES_WORDS.items() if re.search(pattern, text))
        known = _POSTGRES_STATES.get(error.sqlstate or "") or next(words, None)
        lost = isinstance(error, psycopg.OperationalError)
        # Without a state and without known words it is the connection; all else is a table that
        # holds something else.
        fallback = _unreached(text) if lost and not known else "not-records"
        raise SourceFault(known or fallback, text) from None


def _unreached(text: str) -> str:
    """The code of a connection that never stood or is gone, by libpq's words. Raises CannotTell."""
    if "server closed the connection" in text:
        return "closed"
    fault = fault_within(text)
    if isinstance(fault, CannotTell):
        raise fault
    return fault.code if fault else "unreachable"  # the socket's file is not there, or not known


class MariaDb:
    """A MariaDB or MySQL server."""

    name = "mariadb"

    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection

    def columns(self, table: str) -> list[str]:
        named = ".".join(map(self.quoted, table.split(".")))
        # LIMIT 0 gives the columns also of a view, which information_schema may hide from this
        # account.
        with mariadb_faults(), self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {named} LIMIT 0")  # noqa: S608 - quoted
            return [column[0] for column in cursor.description or ()]

    def quoted(self, name: str) -> str:
        return f"`{name}`"

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


# CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR: no connection came about, TLS included.
_NOT_CONNECTED = (2002, 2003)
# Error numbers of the MariaDB manual: 1044 to 1143 are rights, 1040 and 1203 connections, 1969 and
# 3024 time limits of a statement; 2013 and 2026 are the client's own.
_MARIADB_ERRORS: Mapping[int, str] = {
    1045: "login-refused",
    1698: "login-refused",
    1044: "not-allowed",
    1142: "not-allowed",
    1143: "not-allowed",
    1049: "no-such-database",
    1146: "no-such-table",
    1054: "no-such-column",
    1040: "too-many-connections",
    1203: "too-many-connections",
    1969: "timeout",
    3024: "timeout",
    2013: "closed",
    2026: "certificate",
}


@contextmanager
def mariadb_faults() -> Iterator[None]:
    """What MariaDB's driver raises, as a SourceFault."""
    import pymysql

    try:
        yield
    except pymysql.Error as error:
        raise mariadb_fault(error, _MARIADB_ERRORS, "not-records") from None


def mariadb_fault(error: pymysql.Error, known: Mapping[int, str], else_code: str) -> SourceFault:
    """An error by its number; one of the connection by what broke it. Raises CannotTell."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = str(error.args[-1]) if error.args else type(error).__name__
    if number not in _NOT_CONNECTED:
        return SourceFault(known.get(number, else_code), text)
    broken: Exception | None = getattr(error, "original_exception", None)
    if isinstance(broken, TimeoutError) and broken.errno is None:  # the driver's own limit
        return SourceFault("timeout", text)
    # Without the socket's file nobody listens there: not a fault of this host.
    fault = None if isinstance(broken, FileNotFoundError) or not broken else fault_of(broken)
    if isinstance(fault, CannotTell):
        raise fault
    return SourceFault(fault.code if fault else "unreachable", text)


OPENERS: Mapping[str, Callable[..., Any]] = {
    "sqlite": open_sqlite,
    "postgresql": open_postgres,
    "mariadb": open_mariadb,
}
