"""A connection to a MariaDB (or MySQL) server, and what a database there holds: tables, rows, and a
hash that no order of the rows changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymysql

from checks.contract import Failed
from checks.data.backup.job import Source
from checks.data.backup.store.manifest import Content
from checks.data.backup.unreached import unreached

HASHED_BY = "sum of md5(columns)"
# Names and values in full Unicode, and TIMESTAMPs read alike on both servers. Without the shorter
# wait for locks a hold on commits would queue behind a long ALTER, and everybody else behind it.
_SETTLE = (
    "SET NAMES utf8mb4",
    "SET time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION lock_wait_timeout = 60",
)
TABLES = (
    "SELECT table_name, engine, data_length + index_length FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY 3 DESC, 1"
)
_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND"
    " table_name = %s ORDER BY ordinal_position"
)
# MariaDB's error numbers: 1045 and 1698 refuse the login, 1049 the database, 1044 to 1370 a
# privilege; 2002 to 2013 are the client library's own for a connection that is not there.
_MEANINGS = (
    (r"\((1045|1698)\)|error: (1045|1698)|Access denied for user", "login"),
    (r"\(1049\)|Unknown database", "database-missing"),
    (r"\((1044|1142|1227|1370)\)|denied", "permission"),
    (r"\((2002|2003|2006|2013)\)|Can't connect|gone away|Lost connection", "unreachable"),
)
Connection = Any
"""pymysql.connections.Connection"""


@contextmanager
def connected(source: Source) -> Iterator[Connection]:
    """A connection. Raises Failed."""
    # A path is a socket. "localhost" is one too for MariaDB's programs, and a name to be looked up
    # for PyMySQL.
    where: dict[str, Any] = (
        {"unix_socket": source.host}
        if source.host.startswith("/")
        else {"host": source.host or "localhost"}
    )
    given: dict[str, Any] = {"port": source.port, "user": source.user}
    try:
        connection = pymysql.connect(
            **where,
            **{key: value for key, value in given.items() if value},
            password=source.password,
            database=source.database or None,
            connect_timeout=10,
            # The transactions here are begun by hand, for the moment that all of them share.
            autocommit=True,
        )
    except pymysql.Error as problem:
        raise refusal(str(problem), "unreachable") from problem
    try:
        for statement in _SETTLE:
            connection.query(statement)
        yield connection
    finally:
        with suppress(pymysql.Error, OSError):  # one that is broken is closed already
            connection.close()


def rows(
    connection: Connection, question: str, values: tuple[Any, ...] = ()
) -> list[tuple[Any, ...]]:
    """What a question is answered with."""
    with connection.cursor() as cursor:
        cursor.execute(question, values or None)
        return list(cursor.fetchall())


def contents(
    connection: Connection, names: Sequence[str], told: Callable[[int], None]
) -> dict[str, Content]:
    """Rows and hash of these tables."""
    found_tables = {}
    for name in names:
        columns = [quoted(column) for (column,) in rows(connection, _COLUMNS, (name,))]
        # As bytes: a collation would call `a` and `A` equal, and a character set would read
        # differently on another server.
        values = ", ".join(f"CAST({column} AS BINARY)" for column in columns)
        filled = ", ".join(f"COALESCE(CAST({column} AS BINARY), '')" for column in columns)
        # NULL and an empty text look alike in CONCAT_WS: which columns are NULL goes in as well.
        nothing = ", ".join(f"ISNULL({column})" for column in columns)
        # Half of an MD5 is 64 bits; SUM over them is a DECIMAL, which does not overflow. No key is
        # needed, only chance excluded.
        hashed = (
            f"CAST(CONV(LEFT(MD5(CONCAT_WS('#', {filled}, CONCAT({nothing}))), 16), 16, 10) AS"
            " UNSIGNED)"
        )
        question = (
            f"SELECT COUNT(*), COALESCE(SUM({hashed}), 0)"  # noqa: S608 - names are quoted
            f" FROM {quoted(name)}"
        )
        [(count, total)] = rows(connection, question) if values else [(0, 0)]
        found_tables[name] = Content(int(count), str(total))
        told(0)
    return found_tables


def newest_record(connection: Connection, question: str) -> str | None:
    """What the site's own question for its newest record says, as text."""
    if not question:
        return None
    answer = rows(connection, question)
    return None if not answer or answer[0][0] is None else str(answer[0][0])


def quoted(name: str) -> str:
    """A name within a statement."""
    # Within backticks a backtick is written twice (MariaDB manual, identifier names).
    return "`" + name.replace("`", "``") + "`"


def refusal(said: str, otherwise: str) -> Failed:
    """What a server or a tool complained of. Raises CannotTell for what is this host's own."""
    code = next((code for words, code in _MEANINGS if re.search(words, said)), otherwise)
    return Failed(unreached(said) if code == "unreachable" else code, said[-600:])
