"""The servers whose tables are cleaned: PostgreSQL and MariaDB (MySQL too). Only for the child
process.

A partition that holds records of the span and no others is dropped; what lies in others goes in
small batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from checks.data.hygiene.stores import Bound, Questions, open_sqlite
from checks.data.postgresql_limits import without_newer_limits
from checks.data.usage.database_login import (
    POSTGRES_OWN_LIMITS,
    mariadb_log_in,
    postgres_log_in,
)
from checks.data.usage.driver_faults import mariadb_faults, postgres_faults
from checks.data.usage.postgresql_names import Names

# Some thousands of records at a time: the server's cursor stays short, and memory small.
_BATCH = 5_000


class PostgresStore(Questions):
    """A table of a PostgreSQL server, partitioned by time or not."""

    def __init__(self, connection: Any, table: str, time: str) -> None:
        """Raises psycopg.Error, SourceFault."""
        super().__init__(table, time)
        self._connection, names = connection, Names(connection)
        self.table = names.full(table)
        names.hold_to_own_types(self.table, [time])

    def ask(self, question: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        with postgres_faults():
            found: list[Sequence[Any]] = self._connection.execute(
                question.encode(), values
            ).fetchall()
        return found

    def columns(self) -> list[str]:
        with postgres_faults():
            nothing = f"SELECT * FROM {self.table} LIMIT 0"  # noqa: S608 - quoted
            cursor = self._connection.execute(nothing.encode())
        return [column.name for column in cursor.description]

    def parts(self, begin: Bound, end: Bound) -> list[str]:
        holding = f"SELECT tableoid FROM {self.table} WHERE {self.span}"  # noqa: S608 - quoted
        question = f"SELECT relname FROM pg_class WHERE oid IN ({holding})"  # noqa: S608
        return [row[0] for row in self.ask(question, (begin, end))]

    def now(self) -> float | None:
        return float(self.ask("SELECT extract(epoch FROM clock_timestamp())")[0][0])

    def rows(self, columns: Sequence[str], begin: Bound, end: Bound) -> Iterator[Sequence[Any]]:
        with (
            postgres_faults(),
            self._connection.transaction(),
            # A cursor with a name lives in the server, which gives the rows as they are fetched;
            # without one all come at once.
            self._connection.cursor("hygiene") as cursor,
        ):
            cursor.execute(self.selected(columns).encode(), (begin, end))
            while some := cursor.fetchmany(_BATCH):
                yield from some

    def remove(self, begin: Bound, end: Bound, batch: int) -> Iterator[int]:
        for partition, held in self._partitions(begin, end):
            with postgres_faults():
                self._connection.execute(f"DROP TABLE {partition}".encode())
            yield held
        parts = [row[0] for row in self.ask(_LEAVES, (self.table,))] or [self.table]
        for part in parts:
            # By ctid within one leaf: DELETE has no LIMIT in PostgreSQL, and a ctid is unique in
            # one table only.
            one = (
                f"DELETE FROM ONLY {part} WHERE ctid = ANY(ARRAY("  # noqa: S608 - quoted
                f"SELECT ctid FROM ONLY {part} WHERE {self.span} LIMIT {batch}))"
            )
            while gone := self._deleted(one, begin, end):
                yield gone

    def _deleted(self, question: str, begin: Bound, end: Bound) -> int:
        with postgres_faults():
            return int(self._connection.execute(question.encode(), (begin, end)).rowcount)

    def _partitions(self, begin: Bound, end: Bound) -> Iterator[tuple[str, int]]:
        """Those that hold records of the span and no others: by what is in them, not by what they
        are called.
        """
        # What is in a partition decides, and not its name or its bounds: a default partition holds
        # anything.
        for (leaf,) in self.ask(_LEAVES, (self.table,)):
            inside = (
                f"SELECT count(*), count(*) FILTER (WHERE {self.span})"  # noqa: S608 - quoted
                f" FROM ONLY {leaf}"
            )
            if self._outside(leaf, begin, end):
                continue
            held, ours = self.ask(inside, (begin, end))[0]
            if held and held == ours:
                yield leaf, held

    def _outside(self, leaf: str, begin: Bound, end: Bound) -> bool:
        """Whether one record of the partition, if it has any, already lies elsewhere."""
        question = f"SELECT {self.span} FROM ONLY {leaf} LIMIT 1"  # noqa: S608 - quoted
        some = self.ask(question, (begin, end))
        return not (some and some[0][0])


# Leaves of any depth; a table without partitions has none, and is cleaned itself.
_LEAVES = (
    "SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_catalog.pg_partition_tree(%s::regclass)"
    " t JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid ="
    " c.relnamespace WHERE t.isleaf AND t.level > 0 ORDER BY 1"
)


@contextmanager
def open_postgres(place: Mapping[str, Any], time: str, zone: str) -> Iterator[PostgresStore]:
    """A server; wall times are those of the zone."""
    import psycopg

    with postgres_faults():
        connection = psycopg.connect(
            **postgres_log_in(place["server"], "hygiene"),
            # Wall times of the column are compared in the zone that the job names; a lock is waited
            # for a minute at most. Rows that a policy hides are an error: they would be missed, and
            # a policy's functions run with our user's rights.
            options=f"-c timezone={zone} -c datestyle=ISO -c lock_timeout=60s -c row_security=off"
            f" {POSTGRES_OWN_LIMITS}",
            autocommit=True,
        )
    with closing(connection):
        with postgres_faults():
            without_newer_limits(connection)
            store = PostgresStore(connection, place["table"], time)
        yield store


class MariaStore(Questions):
    """A table of a MariaDB or MySQL server, partitioned by time or not."""

    def __init__(self, connection: Any, table: str, time: str) -> None:
        super().__init__(table, time)
        self._connection = connection

    def quoted(self, name: str) -> str:
        return f"`{name}`"

    def ask(self, question: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        with mariadb_faults(), self._connection.cursor() as cursor:
            cursor.execute(question, list(values))
            return list(cursor.fetchall())

    def columns(self) -> list[str]:
        with mariadb_faults(), self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {self.table} LIMIT 0")  # noqa: S608 - quoted
            return [column[0] for column in cursor.description or ()]

    def now(self) -> float | None:
        return float(self.ask("SELECT UNIX_TIMESTAMP(NOW(6))")[0][0])

    def rows(self, columns: Sequence[str], begin: Bound, end: Bound) -> Iterator[Sequence[Any]]:
        from pymysql.cursors import SSCursor

        # The unbuffered cursor: PyMySQL's usual one reads the whole answer into memory.
        with mariadb_faults(), self._connection.cursor(SSCursor) as cursor:
            cursor.execute(self.selected(columns), [begin, end])
            while some := cursor.fetchmany(_BATCH):
                yield from some

    def remove(self, begin: Bound, end: Bound, batch: int) -> Iterator[int]:
        for partition, held in self._partitions(begin, end):
            # Dropping a partition is one change of the catalogue; deleting its rows is a day of
            # undo log.
            self.ask(f"ALTER TABLE {self.table} DROP PARTITION {self.quoted(partition)}")
            yield held
        one = f"DELETE FROM {self.table} WHERE {self.span} LIMIT {batch}"  # noqa: S608 - quoted
        while True:
            with mariadb_faults(), self._connection.cursor() as cursor:
                gone = cursor.execute(one, [begin, end])
            if not gone:
                return
            yield gone

    def _partitions(self, begin: Bound, end: Bound) -> Iterator[tuple[str, int]]:
        """Those that hold records of the span and none of any other; the last partition of a table
        has to stay.
        """
        named = self.ask(
            "SELECT DISTINCT partition_name FROM information_schema.partitions"
            " WHERE table_schema = database() AND table_name = %s AND partition_name IS NOT NULL",
            (self.plain,),
        )
        left = len(named)
        for (name,) in named:
            inside = (
                f"SELECT count(*), coalesce(sum({self.span}), 0)"  # noqa: S608 - quoted
                f" FROM {self.table} PARTITION ({self.quoted(name)})"
            )
            held, ours = self.ask(inside, (begin, end))[0]
            # MariaDB refuses to drop the last partition of a table.
            if held and held == ours and left > 1:
                left -= 1
                yield name, int(held)


@contextmanager
def open_mariadb(place: Mapping[str, Any], time: str, zone: str) -> Iterator[MariaStore]:
    """A server; wall times are those of the zone, by its offset of now: a TIMESTAMP column is
    better kept in UTC.
    """
    import pymysql

    with mariadb_faults():
        connection = pymysql.connect(**mariadb_log_in(place["server"]), autocommit=True)
    with closing(connection):
        store = MariaStore(connection, place["table"], time)
        if zone == "UTC":
            # A name of a zone works only where the server's zone tables are filled; an offset
            # always does.
            store.ask("SET time_zone = '+00:00'")
        yield store


OPENERS: Mapping[str, Callable[..., Any]] = {
    "sqlite": open_sqlite,
    "postgresql": open_postgres,
    "mariadb": open_mariadb,
}
