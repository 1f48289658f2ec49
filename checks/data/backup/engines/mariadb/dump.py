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
from collections.abc import Mapping, Sequence
from functools import partial as bound
from pathlib import Path
from typing import Any

import pymysql

from checks.data.backup.engine import Previous, Taken, Work
from checks.data.backup.engines.mariadb import endless_events, floats
from checks.data.backup.engines.mariadb.commit_hold import commits_held
from checks.data.backup.engines.mariadb.content import (
    HASHED_BY,
    TABLES,
    Connection,
    connected,
    contents,
    floats_cut_off,
    missing_definers,
    newest_record,
    of_versions,
    refusal,
    rows,
)
from checks.data.backup.engines.mariadb.other_databases import spoken_of
from checks.data.backup.engines.mariadb.programs import (
    EVENTS_TOO,
    MORE,
    PLAIN,
    address,
    dump_program,
    environment,
    schema,
    without_own_name,
)
from checks.data.backup.engines.mariadb.server_settings import in_words, of_server
from checks.data.backup.job import Source
from checks.data.backup.programs import Tool, ToolFailed, run, started
from checks.data.backup.store.archive_file import Artefact, Bytes
from checks.data.backup.store.manifest import Content
from checks.data.backup.store.throttle import Readable

DATABASE, SCHEMA, USERS = "database.sql", "schema.sql", "users.sql"
_MOMENT = (
    "SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ'), VERSION(),"
    " @@character_set_database, @@collation_database, @@innodb_strict_mode"
)
# Rows that came in without checks are good rows; MySQL cannot leave them.
_MAY_LEAVE_CHECKS = "SHOW SESSION VARIABLES LIKE 'check_constraint_checks'"
# Only these have snapshots; a table of another engine is read as it stands at the moment.
_TRANSACTIONAL = {"InnoDB", "RocksDB", "TokuDB"}
# mariadb-dump writes its first table after START TRANSACTION; an empty database has the mark of its
# end instead. Between CREATE and VIEW stands a definer: a user of 128 letters, a host of 255.
_FIRST_TABLE = re.compile(rb"(CREATE|DROP) TABLE|Dump completed|CREATE .{0,500}?VIEW")


class MariadbSource:
    """The live database."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def size(self) -> int:
        """What the database occupies, in bytes. Raises Failed."""
        with connected(self._source) as connection:
            return sum(int(size or 0) for _, _, size in rows(connection, TABLES))

    def dump(
        self,
        partial: Path,
        work: Work,
        previous: Previous | None,  # noqa: ARG002 - a dump is whole each time
    ) -> Taken:
        """Write its artefacts into `partial`. Raises Failed."""
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
        self._history, self._events = False, b""
        self._moving: dict[str, list[int]] = {}
        self._before: dict[str, Content] = {}

    def taken(self) -> Taken:
        self._events = endless_events.written(self._connection)
        self._history = self._history_of(of_versions(self._connection))
        command: list[str | Path] = [
            *self._tool(),
            "--single-transaction",
            "--quick",
            "--hex-blob",
            # A lock on a table is none on the sequence that its default asks: its rows would be
            # refused (1100).
            "--skip-add-locks",
            *MORE,
            *([] if self._events else [EVENTS_TOO]),
            *(["--dump-history"] if self._history else []),
            "--",
            self._source.database,
        ]
        # Before the dump, and outside of the hold: what it reads lies between this and after.
        self._before = self._rows(_still(rows(self._connection, TABLES)))[0]
        with connected(self._source) as gate, commits_held(gate) as let_go:
            # WITH CONSISTENT SNAPSHOT: the view begins now, while commits are held, and not at the
            # first SELECT.
            self._connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            [(moment, version, charset, collation, strict)] = rows(self._connection, _MOMENT)
            with started(command, environment(self._source)) as tool:
                begun = _Begun(tool.output)
                let_go()
                facts = {
                    "charset": charset,
                    "collation": collation,
                    "innodb_strict_mode": int(strict),
                    "check_constraint_checks": len(rows(self._connection, _MAY_LEAVE_CHECKS)),
                    "server": (server := of_server(self._connection)),
                    "had": in_words(server, others := spoken_of(self._connection)),
                    "others": others,
                }
                return self._read(tool, begun, moment, version, facts)

    def _history_of(self, versioned: Sequence[str]) -> bool:
        """Whether the history of tables goes into the dump."""
        if not versioned:
            return False
        # Before 10.11 mariadb-dump knows no history.
        known = b"--dump-history" in run([self._program, "--no-defaults", "--help"])
        if not known:
            self._work.events.event(
                warning=f"the history of {', '.join(versioned)} is not in it: {self._program.name}"
                " of MariaDB 10.11 or newer can dump it"
            )
        return known

    def _read(
        self, tool: Tool, begun: Readable, moment: str, version: str, facts: dict[str, Any]
    ) -> Taken:
        tables = rows(self._connection, TABLES)
        for name, engine, _ in tables:
            # MyISAM and Aria change while they are read: whoever restores should know which tables
            # may be torn.
            if engine not in _TRANSACTIONAL:
                self._work.events.note(
                    f"{name} is of engine {engine}: it stands outside of the snapshot"
                )
        counted, [artefact] = self._work.together(
            bound(self._rows, [name for name, _, _ in tables]), bound(self._dumped, tool, begun)
        )
        self._moved(self._rows(_still(tables))[0], counted[0])
        columns = floats.whole(self._connection)
        exact = floats.Statements(self._connection, columns)
        more = [] if exact.empty else [self._work.store(exact, self._partial, floats.FLOATS)]
        if self._events:
            events = Bytes(self._events)
            more.append(self._work.store(events, self._partial, endless_events.EVENTS))
        cut = floats_cut_off(self._connection, [(table, column) for table, column, _ in columns])
        if cut:
            self._work.events.note(
                f"mariadb-dump writes FLOAT with six digits, the rest is not in it:"
                f" {', '.join(cut)}; make such columns DOUBLE or DECIMAL"
            )
        newest = newest_record(self._connection, self._source.newest_record)
        plain = schema(self._program, self._source, self._events)
        return Taken(
            data_as_of=moment,
            # The exact tool stands in the manifest: a dump is read back by the same one or a newer.
            tool=run([self._program, "--version"]).decode().strip(),
            server=version,
            tables=counted[0],
            artefacts=(
                artefact,
                self._work.store(Bytes(plain), self._partial, SCHEMA),
                *more,
                *self._users(),
            ),
            hashed_by=HASHED_BY,
            schema_sha256=hashlib.sha256(
                without_own_name(plain, self._source.database)
            ).hexdigest(),
            newest_record=newest,
            facts={
                "database": self._source.database,
                "database_bytes": sum(int(size or 0) for _, _, size in tables),
                "newest_record_query": self._source.newest_record,
                "history": self._history,
                "definers_gone": self._definers_gone(),
                "moving": self._moving,
                "floats_cut_off": list(cut),
                "floats": [list(each) for each in columns],
                "float_sums": floats.sums(self._connection, columns),
                **facts,
            },
        )

    def _rows(self, names: Sequence[str]) -> list[Any]:
        return [contents(self._connection, names, self._work.advance, self._history)]

    def _moved(self, after: Mapping[str, Content], counted: dict[str, Content]) -> None:
        """What was written to while it was read, without any snapshot: what the dump holds of it
        lies somewhere between.
        """
        for name, last in after.items():
            first = self._before.get(name, Content(0, "0"))
            if first == last:
                counted[name] = last
                continue
            self._moving[name] = sorted((first.rows, last.rows))
            self._work.events.note(
                f"{name} was written to while it was read: of it only the number of rows is"
                f" compared, {first.rows} to {last.rows}"
            )

    def _definers_gone(self) -> list[str]:
        try:
            gone = missing_definers(self._connection)
        except pymysql.Error:  # who may not read the users cannot say
            return []
        if gone:
            self._work.events.note(
                f"users who define views or routines are gone, so those fail: {', '.join(gone)}"
            )
        return gone

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
            self._work.events.note("the server's users are not in it: this user may not read them")
            return ()
        return (self._work.store(Bytes(plain), self._partial, USERS),)

    def _tool(self) -> list[str | Path]:
        return [self._program, *address(self._source)]


def _still(tables: Sequence[tuple[Any, ...]]) -> list[str]:
    return [name for name, engine, _ in tables if engine not in _TRANSACTIONAL]


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
