"""A MariaDB (or MySQL) database, dumped in one transaction, its rows counted and hashed in another
of the same moment.

    BACKUP STAGE START; BACKUP STAGE BLOCK_COMMIT      MySQL: FLUSH TABLES WITH READ LOCK
    START TRANSACTION WITH CONSISTENT SNAPSHOT         ours, and that of mariadb-dump
    --single-transaction
    BACKUP STAGE END                                   as soon as the dump has written its first
                                                       table: milliseconds

Two snapshots cannot be tied together here as in PostgreSQL, so commits are held for the moment in
which both begin. Tables without transactions (MyISAM, Aria) stand outside of every snapshot: that
is said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial as bound
from pathlib import Path
from typing import Any

import pymysql

from checks.contract import Refused
from checks.data.backup.engine import Previous, Taken, Work
from checks.data.backup.job import Source
from checks.data.backup.programs import Tool, ToolFailed, found, needed, run, started
from checks.data.backup.store.archive_file import Artefact, Bytes
from checks.data.backup.store.manifest import Content
from checks.data.backup.store.throttle import Readable
from checks.data.backup.unreached import unreached

DATABASE, SCHEMA, USERS = "database.sql", "schema.sql", "users.sql"
HASHED_BY = "sum of md5(columns)"
# Names and values in full Unicode, and TIMESTAMPs read alike on both servers. Without the shorter
# wait for locks a hold on commits would queue behind a long ALTER, and everybody else behind it.
_SETTLE = (
    "SET NAMES utf8mb4",
    "SET time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION lock_wait_timeout = 60",
)
_MOMENT = (
    "SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ'), VERSION(),"
    " @@character_set_database, @@collation_database"
)
TABLES = (
    "SELECT table_name, engine, data_length + index_length FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY 3 DESC, 1"
)
_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND"
    " table_name = %s ORDER BY ordinal_position"
)
# Only these have snapshots; a table of another engine is read as it stands at the moment.
_TRANSACTIONAL = {"InnoDB", "RocksDB", "TokuDB"}
# mariadb-dump writes its first table after START TRANSACTION; an empty database has the mark of its
# end instead.
_FIRST_TABLE = re.compile(rb"(CREATE|DROP) TABLE|Dump completed|CREATE .*VIEW")
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


class MariadbSource:
    """The live database."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def size(self) -> int:
        """What the database occupies, in bytes. Raises Refused."""
        with connected(self._source) as connection:
            return sum(int(size or 0) for _, _, size in rows(connection, TABLES))

    def dump(
        self,
        partial: Path,
        work: Work,
        previous: Previous | None,  # noqa: ARG002 - a dump is whole each time
    ) -> Taken:
        """Write its artefacts into `partial`. Raises Refused."""
        try:
            with connected(self._source) as connection:
                return _Dump(self._source, connection, partial, work).taken()
        except pymysql.Error as problem:
            raise refusal(str(problem), "sql") from problem
        except ToolFailed as failed:
            raise refusal(failed.said, "dump-failed") from failed


class _Dump:
    def __init__(self, source: Source, connection: Connection, partial: Path, work: Work) -> None:
        self._source, self._connection, self._partial, self._work = (
            source,
            connection,
            partial,
            work,
        )
        self._program = dump_program(source.tools_folder)

    def taken(self) -> Taken:
        command: list[str | Path] = [
            *self._tool(),
            "--single-transaction",
            "--quick",
            "--hex-blob",
            *MORE,
            self._source.database,
        ]
        with connected(self._source) as gate, _commits_held(gate) as let_go:
            # WITH CONSISTENT SNAPSHOT: the view begins now, while commits are held, and not at the
            # first SELECT.
            self._connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            [(moment, version, charset, collation)] = rows(self._connection, _MOMENT)
            with started(command, environment(self._source)) as tool:
                begun = _Begun(tool.output)
                let_go()
                return self._read(
                    tool, begun, moment, version, {"charset": charset, "collation": collation}
                )

    def _read(
        self, tool: Tool, begun: Readable, moment: str, version: str, facts: dict[str, Any]
    ) -> Taken:
        tables = rows(self._connection, TABLES)
        for name, engine, _ in tables:
            # MyISAM and Aria change while they are read: whoever restores should know which tables
            # may be torn.
            if engine not in _TRANSACTIONAL:
                self._work.voice.note(
                    f"{name} is of engine {engine}: it stands outside of the snapshot"
                )
        counted, [artefact] = self._work.together(
            bound(self._rows, [name for name, _, _ in tables]), bound(self._dumped, tool, begun)
        )
        newest = newest_record(self._connection, self._source.newest_record)
        plain = schema(self._program, self._source)
        return Taken(
            data_as_of=moment,
            # The exact tool stands in the manifest: a dump is read back by the same one or a newer.
            tool=run([self._program, "--version"]).decode().strip(),
            server=version,
            tables=counted[0],
            artefacts=(
                artefact,
                self._work.store(Bytes(plain), self._partial, SCHEMA),
                *self._users(),
            ),
            hashed_by=HASHED_BY,
            schema_sha256=hashlib.sha256(plain).hexdigest(),
            newest_record=newest,
            facts={
                "database": self._source.database,
                "database_bytes": sum(int(size or 0) for _, _, size in tables),
                "newest_record_query": self._source.newest_record,
                **facts,
            },
        )

    def _rows(self, names: Sequence[str]) -> list[Any]:
        return [contents(self._connection, names, self._work.advance)]

    def _dumped(self, tool: Tool, begun: Readable) -> list[Any]:
        artefact = self._work.store(begun, self._partial, DATABASE)
        tool.end()
        return [artefact]

    def _users(self) -> tuple[Artefact, ...]:
        """The server's users, where this one may read them."""
        try:
            # --insert-ignore: a restore must not touch users that the new server has already.
            plain = run(
                [*self._tool(), "--system=users", "--insert-ignore", *PLAIN],
                environment(self._source),
            )
        except ToolFailed:
            self._work.voice.note("the server's users are not in it: this user may not read them")
            return ()
        return (self._work.store(Bytes(plain), self._partial, USERS),)

    def _tool(self) -> list[str | Path]:
        return [self._program, *address(self._source)]


class _Begun:
    """A dump whose snapshot has begun, because it has written its first table: what was read for
    that comes first.
    """

    def __init__(self, output: Readable) -> None:
        self._output, self._first = output, b""
        while not _FIRST_TABLE.search(self._first):
            # `read1` gives what is there; `read` would wait for 64 kB, and commits would be held
            # for as long.
            data = getattr(output, "read1", output.read)(65536)
            if not data:
                break
            self._first += data

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if self._first:
            size = len(self._first) if size < 0 else size
            data, self._first = self._first[:size], self._first[size:]
            return data
        return self._output.read(size)


# Remarks hold date and host: two dumps of the same rows would differ.
PLAIN = ("--skip-comments", "--skip-dump-date")
# By default mariadb-dump leaves routines and events out, and a restored application would miss
# them.
MORE = (
    *PLAIN,
    "--routines",
    "--events",
    "--triggers",
    "--tz-utc",
    "--default-character-set=utf8mb4",
)


@contextmanager
def connected(source: Source) -> Iterator[Connection]:
    """A connection. Raises Refused."""
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


def schema(program: Path, source: Source) -> bytes:
    """Everything but the rows, without what differs from run to run."""
    command: list[str | Path] = [
        program,
        *address(source),
        "--no-data",
        "--single-transaction",
        *MORE,
        source.database,
    ]
    plain = run(command, environment(source))
    # The counter goes on in the live database while the dump runs: it is no difference.
    return re.sub(rb" AUTO_INCREMENT=\d+", b"", plain)


def address(source: Source) -> list[str]:
    """Where the tools go."""
    where = (
        [f"--socket={source.host}"]
        if source.host.startswith("/")
        else [f"--host={source.host or 'localhost'}"]
    )
    port = [f"--port={source.port}"] if source.port else []
    # --no-defaults has to stand first: a my.cnf of the host would change what is dumped.
    return ["--no-defaults", *where, *port, *([f"--user={source.user}"] if source.user else [])]


def environment(source: Source) -> dict[str, str]:
    """The password, in the tools' environment."""
    # `ps` shows arguments to everybody, and the environment to the owner of the process alone.
    return {"MYSQL_PWD": source.password} if source.password else {}


def quoted(name: str) -> str:
    """A name within a statement."""
    # Within backticks a backtick is written twice (MariaDB manual, identifier names).
    return "`" + name.replace("`", "``") + "`"


def refusal(said: str, otherwise: str) -> Refused:
    """What a server or a tool complained of. Raises CannotTell for what is this host's own."""
    code = next((code for words, code in _MEANINGS if re.search(words, said)), otherwise)
    return Refused(unreached(said) if code == "unreachable" else code, said[-600:])


@contextmanager
def _commits_held(connection: Connection) -> Iterator[Callable[[], None]]:
    """No commit until the block calls what it is given, or ends."""
    # MariaDB calls itself so in its version, also where it pretends to be 5.5.5 for old clients.
    maria = "MariaDB" in rows(connection, "SELECT VERSION()")[0][0]
    # BACKUP STAGE waits for nobody who reads; MySQL has nothing finer than a lock on all tables.
    hold = (
        ["BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT"]
        if maria
        else ["FLUSH TABLES WITH READ LOCK"]
    )
    free = "BACKUP STAGE END" if maria else "UNLOCK TABLES"
    held = False

    def let_go() -> None:
        nonlocal held
        if held:
            connection.query(free)
        held = False

    for statement in hold:
        connection.query(statement)
        held = True
    try:
        yield let_go
    finally:
        with suppress(pymysql.Error):  # a lost connection holds nothing
            let_go()


def dump_program(tools: Path | None) -> Path:
    """mariadb-dump, or mysqldump where that is what there is. Raises Refused."""
    return found("mariadb-dump", tools) or needed("mysqldump", tools)
