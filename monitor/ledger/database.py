"""The seam between the ledger and the engine that it lies on: how it is asked, how it is changed.

Rules:
1. The groups of tables (`slots.py`, `incidents.py` ...) speak SQL that every engine understands,
   with `?` for a value. What engines say differently is a method or a statement of their own class,
   and nowhere else: `sqlite_database.py`, `postgresql_database.py`.
2. Changes are made only inside `transaction()`, one writer at a time: what is read in it is what
   its changes are based on.
3. A constraint that is broken raises ConstraintBroken; everything else LedgerFault.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

# Longer than a commit takes on a slow disk: a verb of the command line waits so long for the
# daemon, and then says so.
BUSY_SECONDS = 10.0
Value = str | int | float | None


Values = Sequence[Value]
# So many rows stand in one statement: SQLite takes 32 766 values, and a text of its own is parsed
# for each number of them.
MOST_AT_ONCE = 200


class Row(Protocol):
    """A row of an answer, by name or by place."""

    def __getitem__(self, key: str | int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


@dataclass(frozen=True, eq=False)
class Many:
    """A change that is made for many rows at once: its statement takes them from `these`."""

    columns: Sequence[tuple[str, str]]
    """of `these`: each one's name and type, TEXT or BIGINT"""
    statement: str
    settled: Callable[[Database, Sequence[Values], Sequence[Row]], None] | None = None
    """is told which rows were given, and what the statement returned; may raise"""


class Database(ABC):
    """One connection, used by one thread."""

    DISTANT: ClassVar[bool]
    """whether each question is a way there and back, and others change what is there all the time:
    then what is alike is asked, and changed, together
    """

    MIGRATIONS: ClassVar[Path]
    """the folder of this engine's numbered steps"""
    FIRST_EXHIBIT: ClassVar[str]
    """the path of an observation's first exhibit, as an expression; NULL where it has none"""
    MEASURED: ClassVar[str]
    """every measure of a check as the mean of each cell of a time (standings.py): for a start, a
    cell's size, a check's name, a first and a last moment; cell, name, n, mean
    """

    NOW: ClassVar[str]
    """what time it is to the engine, as an expression, in milliseconds since 1970 UTC"""
    ONLY_LOOKS: ClassVar[str] = "1 = 0"
    """whether the host of a row of `hosts` may do no more than say what it sees, as an expression
    """
    DAYS: ClassVar[str] = ""
    """a query for the days whose looks lie in a table of their own; "" where none does"""
    SKIP_LOCKED: ClassVar[str]
    """what has a SELECT take rows for itself, and pass over those that somebody else has taken"""

    def __init__(self, where: str, read_only: bool) -> None:
        self.where, self.read_only = where, read_only
        self.probe_host = ""
        """the host whose own role this connection has, which may keep nothing but what it saw
        itself; "" where all of the ledger is its own"""
        self._memo: dict[str, Any] = {}
        self.lasting: dict[str, Any] = {}
        """what is true of rows whatever others change, or a transaction undoes, by names of its
        own
        """
        self._seen_version: int | None = None
        self._steady = False

    @abstractmethod
    def rows(self, query: str, values: Sequence[Value] = ()) -> Sequence[Row]:
        """All rows that a query gives."""

    @abstractmethod
    def row(self, query: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row that a query gives, if any."""

    @abstractmethod
    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Change something, inside a transaction; how many rows it was. Raises ConstraintBroken."""

    @abstractmethod
    def change_all(self, statement: str, all_values: Iterable[Sequence[Value]]) -> None:
        """The same change with one values after the other, inside a transaction, without waiting
        for each. Raises ConstraintBroken.
        """

    @abstractmethod
    def added(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Add one row, inside a transaction, by a statement that ends in `RETURNING` its number;
        gives that. Raises ConstraintBroken.
        """

    @abstractmethod
    def change_alone(self, statement: str, values: Sequence[Value] = ()) -> Sequence[Row]:
        """One change that is a transaction by itself, and waits for no writer where the engine can
        do so; what it returns. Raises ConstraintBroken.
        """

    @abstractmethod
    def change_these(self, many: Many, rows: Sequence[Values]) -> Sequence[Row]:
        """One change for all of these rows; what it returns. Raises ConstraintBroken."""

    def gather(self, many: Many, key: object, values: Values) -> None:  # noqa: ARG002 - for who gathers
        """A change of one row, inside a transaction, which may be made together with others of its
        kind: before the next question, and before the end of the transaction. Of one key the last
        one counts.
        """
        self.require_transaction()
        self._made(many, [values])

    def _made(self, many: Many, rows: Sequence[Values]) -> None:
        for start in range(0, len(rows), MOST_AT_ONCE):
            some = rows[start : start + MOST_AT_ONCE]
            returned = self.change_these(many, some)
            if many.settled is not None:
                many.settled(self, some, returned)

    @abstractmethod
    def script(self, text: str) -> None:
        """Do all statements of a text, inside a transaction. Raises ConstraintBroken."""

    @abstractmethod
    def has(self, table: str) -> bool:
        """Whether there is such a table."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All of what is changed inside is kept, or nothing."""

    @abstractmethod
    def interrupt(self) -> None:
        """End the statement that runs, from another thread."""

    def find_rights(self) -> None:
        """Find out whether this is a probe host's role; asked once the form is known."""
        self.probe_host = ""  # of a file there are no roles

    @abstractmethod
    def data_version(self) -> int:
        """Another number after each commit by another connection."""

    @abstractmethod
    def sizes(self) -> tuple[int, int]:
        """What all of it takes in bytes, and how much of that is free within."""

    @abstractmethod
    def table_bytes(self) -> dict[str, int]:
        """What each table takes with its indexes."""

    def estimated_rows(self, table: str) -> int | None:  # noqa: ARG002 - of a file none is asked
        """About how many rows a table has that takes long to count; None for any other."""
        return None

    @abstractmethod
    def displaced(self) -> str:
        """What has become of that which this connection writes to, where it is no longer what is
        there under its name; "" where it is.
        """

    @abstractmethod
    def rescue(self, now: datetime) -> None:
        """Write all that this connection still has under its own name again, and go on there; what
        lies there by now is put aside. Raises LedgerFault, OSError.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection; what was committed stays."""

    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether a transaction of this connection is under way."""

    def memo(self) -> dict[str, Any]:
        """What readers have made of rows, by names of their own; empty once it could be stale:
        after a change by another connection, or a transaction that was undone.
        """
        if not (self.in_transaction() or self._steady):
            self.forget_what_others_changed()
        return self._memo

    @contextmanager
    def steady(self) -> Iterator[None]:
        """What others change meanwhile is seen afterwards: a server is not asked before each of a
        thousand questions whether the answer to the last still holds.
        """
        if self._steady:  # within one that goes on
            yield
            return
        self.forget_what_others_changed()
        self._steady = True
        try:
            yield
        finally:
            self._steady = False

    def forget_what_others_changed(self) -> None:
        """Commits by other connections make the memo stale; our own keep it in step."""
        self._forget_before(self.data_version())

    def _forget_before(self, version: int) -> None:
        if version != self._seen_version:
            self._memo.clear()
            self._seen_version = version

    def require_none(self) -> None:
        """Raises RuntimeError inside a transaction: there is one at a time."""
        if self.in_transaction():
            raise RuntimeError("a transaction of this ledger is under way already")

    def require_transaction(self) -> None:
        """Raises RuntimeError outside one."""
        if not self.in_transaction():
            raise RuntimeError("a ledger is changed only inside a transaction")
