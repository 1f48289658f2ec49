"""A connection to a MariaDB (or MySQL) server, and what a database there holds: tables, rows, and a
hash that no order of the rows changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymysql

from checks.contract import Failed
from checks.data.backup.job import Source
from checks.data.backup.store.manifest import Content
from checks.data.backup.unreached import unreached
from checks.data.quoted_rows import without_rows

HASHED_BY = "sum of md5(columns)"
# Names and values in full Unicode, and TIMESTAMPs read alike on both servers. Without the shorter
# wait for locks a hold on commits would queue behind a long ALTER, and everybody else behind it.
_SETTLE = (
    "SET NAMES utf8mb4",
    "SET time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION lock_wait_timeout = 60",
    # CHAR would be filled up with blanks (PAD_CHAR_TO_FULL_LENGTH), "x" be a name (ANSI_QUOTES).
    "SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'",
)
# A long count is no runaway question; MySQL has the second of them, and neither has both.
_NO_LIMIT = ("SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0")
_UNKNOWN_VARIABLE = 1193
TABLES = (
    "SELECT table_name, engine, data_length + index_length FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"
    " ORDER BY 3 DESC, 1"
)
_OF_VERSIONS = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND"
    " table_type = 'SYSTEM VERSIONED' ORDER BY 1"
)
_FLOATS = (
    "SELECT c.table_name, c.column_name FROM information_schema.columns c"
    " JOIN information_schema.tables t USING (table_schema, table_name)"
    " WHERE c.table_schema = DATABASE() AND c.data_type = 'float' AND t.table_type <> 'VIEW'"
)
_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND"
    " table_name = %s ORDER BY ordinal_position"
)
# A view or routine whose definer is missing fails when it is used (error 1449), and not when it is
# restored.
_DEFINERS = (
    "SELECT DISTINCT definer FROM (SELECT definer FROM information_schema.views WHERE table_schema"
    " = DATABASE() UNION SELECT definer FROM information_schema.routines WHERE routine_schema ="
    " DATABASE() UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema ="
    " DATABASE() UNION SELECT definer FROM information_schema.events WHERE event_schema ="
    " DATABASE()) AS d WHERE definer NOT IN (SELECT CONCAT(user, '@', host) FROM mysql.user) AND"
    " definer LIKE '%@%'"
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
        for statement in _NO_LIMIT:
            _if_known(connection, statement)
        yield connection
    finally:
        with suppress(pymysql.Error, OSError):  # one that is broken is closed already
            connection.close()


def _if_known(connection: Connection, statement: str) -> None:
    try:
        connection.query(statement)
    except pymysql.OperationalError as problem:
        if problem.args[0] != _UNKNOWN_VARIABLE:
            raise


def of_versions(connection: Connection) -> list[str]:
    """The tables that keep what their rows were (WITH SYSTEM VERSIONING)."""
    return [name for (name,) in rows(connection, _OF_VERSIONS)]


def floats_cut_off(connection: Connection, whole: Collection[tuple[str, str]] = ()) -> list[str]:
    """Columns of type FLOAT with values that their text does not tell whole: it has six digits, and
    a dump is text. Those that are `whole` are told elsewhere.
    """
    found = []
    for table, column in rows(connection, _FLOATS):
        if (table, column) in whole:
            continue
        name = quoted(column)
        question = (
            f"SELECT COUNT(*) FROM {quoted(table)}"  # noqa: S608 - names are quoted
            f" WHERE {name} <> CAST(CONCAT({name}, '') AS FLOAT)"
        )
        [(count,)] = rows(connection, question)
        if count:
            found.append(f"{table}.{column} ({count} rows)")
    return found


def missing_definers(connection: Connection) -> list[str]:
    """Who defines something and is no user of the server. Raises pymysql.Error where this user may
    not read the users.
    """
    return sorted(who for (who,) in rows(connection, _DEFINERS))


def rows(
    connection: Connection, question: str, values: tuple[Any, ...] = ()
) -> list[tuple[Any, ...]]:
    """What a question is answered with."""
    with connection.cursor() as cursor:
        cursor.execute(question, values or None)
        return list(cursor.fetchall())


def contents(
    connection: Connection,
    names: Sequence[str],
    told: Callable[[int], None],
    history: bool = True,
) -> dict[str, Content]:
    """Rows and hash of these tables; of those that keep it their history too."""
    found_tables = {}
    versioned = frozenset(of_versions(connection) if history else ())
    for name in names:
        columns = [quoted(column) for (column,) in rows(connection, _COLUMNS, (name,))]
        when = ""
        if name in versioned:
            when = " FOR SYSTEM_TIME ALL"
            period = ["ROW_START", "ROW_END"]
            # Where a site names the two columns itself they are among the others.
            columns += period if _implicit(connection, name) else []
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
            f" FROM {quoted(name)}{when}"
        )
        [(count, total)] = rows(connection, question) if values else [(0, 0)]
        found_tables[name] = Content(int(count), str(total))
        told(0)
    return found_tables


def _implicit(connection: Connection, name: str) -> bool:
    [(_, text)] = rows(connection, f"SHOW CREATE TABLE {quoted(name)}")
    return "PERIOD FOR SYSTEM_TIME" not in text.upper()


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
    return Failed(unreached(said) if code == "unreachable" else code, without_rows(said)[-600:])
