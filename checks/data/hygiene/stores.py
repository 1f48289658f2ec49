"""A table that is cleaned, and the one of an SQLite file. Only for the child process.

Each is asked for its oldest and newest record, for the records of a span of time, and told to
remove a span, in small batches of their own transactions, or, where the span is a partition, at
once. Bounds are what the time column holds: seconds since 1970, or wall times as text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from checks.data.sqlite_defence import defended
from checks.data.usage.database_login import CONNECT_SECONDS
from checks.data.usage.driver_faults import sqlite_faults
from checks.data.usage.source_faults import SourceFault

Bound = int | str


class Store(Protocol):
    """One table of a database."""

    def columns(self) -> list[str]:
        """Its columns, in order."""

    def parts(self, begin: Bound, end: Bound) -> list[str]:
        """The tables that hold the span, by their own names: itself, or those of its partitions
        that are tables.
        """

    def now(self) -> float | None:
        """The server's clock, seconds since 1970; None where there is no server."""

    def edge(self, newest: bool, after: Bound | None = None) -> Any:
        """The time of its oldest record (at or after `after`), or of its newest; None
        without any.
        """

    def count(self, begin: Bound | None, end: Bound) -> int:
        """Records from `begin` (None: from the first) until before `end`."""

    def rows(self, columns: Sequence[str], begin: Bound, end: Bound) -> Iterator[Sequence[Any]]:
        """The records themselves."""

    def remove(self, begin: Bound, end: Bound, batch: int) -> Iterator[int]:
        """Remove them, batch by batch; gives how many went each time. Done when it ends."""


class Questions:
    """What they have in common: the questions. `mark` is how a value is written in one."""

    mark = "%s"

    def __init__(self, table: str, time: str) -> None:
        # Names were checked against a pattern when they were configured: no quote can be in one.
        self.table, self.time = ".".join(map(self.quoted, table.split("."))), self.quoted(time)
        self.plain = table.rpartition(".")[2]

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    def ask(self, question: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        raise NotImplementedError

    # All spans are in the one table, whatever the bounds are.
    def parts(self, begin: Bound, end: Bound) -> list[str]:  # noqa: ARG002 - above
        return [self.plain]

    def edge(self, newest: bool, after: Bound | None = None) -> Any:
        which = "max" if newest else "min"
        since = f" WHERE {self.time} >= {self.mark}" if after is not None else ""
        question = f"SELECT {which}({self.time}) FROM {self.table}{since}"  # noqa: S608 - quoted
        return self.ask(question, () if after is None else (after,))[0][0]

    def count(self, begin: Bound | None, end: Bound) -> int:
        where, values = (
            (self.span, (begin, end))
            if begin is not None
            else (f"{self.time} < {self.mark}", (end,))
        )
        question = f"SELECT count(*) FROM {self.table} WHERE {where}"  # noqa: S608 - quoted
        return int(self.ask(question, values)[0][0])

    @property
    def span(self) -> str:
        return f"{self.time} >= {self.mark} AND {self.time} < {self.mark}"

    def selected(self, columns: Sequence[str]) -> str:
        named = ", ".join(map(self.quoted, columns))
        return f"SELECT {named} FROM {self.table} WHERE {self.span}"  # noqa: S608 - quoted


class SqliteStore(Questions):
    """A table of an SQLite file."""

    mark = "?"

    def __init__(self, connection: sqlite3.Connection, table: str, time: str) -> None:
        super().__init__(table, time)
        self._connection = connection

    def ask(self, question: str, values: Sequence[Any] = ()) -> list[Sequence[Any]]:
        with sqlite_faults():
            return self._connection.execute(question, values).fetchall()

    def columns(self) -> list[str]:
        found = [
            str(row[0]) for row in self.ask("SELECT name FROM pragma_table_info(?)", (self.plain,))
        ]
        if not found:
            raise SourceFault("no-such-table", f"there is no table {self.plain}")
        return found

    def now(self) -> float | None:
        return None

    def rows(self, columns: Sequence[str], begin: Bound, end: Bound) -> Iterator[Sequence[Any]]:
        with sqlite_faults():
            yield from self._connection.execute(self.selected(columns), (begin, end))

    def remove(self, begin: Bound, end: Bound, batch: int) -> Iterator[int]:
        # By rowid, since a plain SQLite has no LIMIT in DELETE (SQLITE_ENABLE_UPDATE_DELETE_LIMIT).
        one = (
            f"DELETE FROM {self.table} WHERE rowid IN"  # noqa: S608 - quoted
            f" (SELECT rowid FROM {self.table} WHERE {self.span} LIMIT {batch})"
        )
        while True:
            with sqlite_faults(), self._connection:
                gone = self._connection.execute(one, (begin, end)).rowcount
            if not gone:
                return
            yield gone


@contextmanager
# A file has no session whose zone could be set.
def open_sqlite(
    place: Mapping[str, Any],
    time: str,
    zone: str,  # noqa: ARG001 - above
) -> Iterator[SqliteStore]:
    """A file that is there; a writer is waited for."""
    path = Path(place["path"])
    if not path.is_file():
        raise SourceFault("no-such-file", f"there is no file {path}")
    with sqlite_faults():
        # mode=rw: a file that is not there must not be made.
        opened = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=CONNECT_SECONDS
        )
    with closing(opened) as connection:
        with sqlite_faults():
            defended(connection)
        yield SqliteStore(connection, place["table"], time)
