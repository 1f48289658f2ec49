"""A ledger on SQLite: one connection to a file, and what SQLite alone says as it does.

Rules:
1. Write-ahead log, `synchronous=FULL`: what was committed survives a power cut.
2. A transaction is BEGIN IMMEDIATE: with a plain BEGIN, two processes that read and then write fail
   with "database is locked" whatever the time-out.
3. The file is 0600 and a folder that is made for it 0700: tickets speak of customers.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from monitor.ledger.database import BUSY_SECONDS, Database, Many, Value, Values
from monitor.ledger.errors import LedgerFault, cause_of
from monitor.ledger.placing import put_aside, same_file
from monitor.ledger.sampling import SOME_LOOKS
from monitor.ledger.sqlite_errors import broken, explained, told

# JSON's own functions: a year of looks is never in Python's memory.
_MEASURED = f"""
SELECT (drawn.started_at - ?) / ? AS cell, measure.key AS name, sum(weight) AS n,
       sum(weight * measure.value) * 1.0 / sum(weight) AS mean
FROM ({SOME_LOOKS}) AS drawn JOIN attempts ON attempts.check_number = drawn.check_number
    AND attempts.started_at = drawn.started_at, json_each(
    json_set(
        coalesce(json_extract(observation, '$.measures'), '{{}}'),
        '$.seconds', json_extract(observation, '$.seconds')
    )
) AS measure
WHERE measure.type IN ('integer', 'real')
GROUP BY cell, name ORDER BY cell
"""  # noqa: S608 - constants


class SqliteDatabase(Database):
    """One SQLite connection, used by one thread."""

    MIGRATIONS = Path(__file__).parent / "migrations"
    DISTANT = False
    FIRST_EXHIBIT = "json_extract(observation, '$.exhibits[0][2]')"
    MEASURED = _MEASURED
    NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    SKIP_LOCKED = ""  # one writer: nothing is ever locked by another

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        """`path` is a file, or ":memory:". Raises LedgerFault."""
        super().__init__(str(path), read_only)
        if self.where != ":memory:" and not read_only:
            _lay(Path(path))
        self._open()

    def _open(self) -> None:
        with explained(self.where):
            self._connection = _connect(self.where, self.read_only)
            try:
                _prepare(self._connection, self.read_only)
            except sqlite3.Error:
                self._connection.close()
                raise
        self._file = None if self.where == ":memory:" else Path(self.where).stat()

    def displaced(self) -> str:
        """What has become of the file that this connection writes to, where it is no longer the one
        under its name; "" where it is.
        """
        if self._file is None or same_file(Path(self.where), self._file):
            return ""
        there = Path(self.where).exists()
        return f"the ledger {self.where} was {'replaced' if there else 'removed'} while in use"

    def rescue(self, now: datetime) -> None:
        """Write all that this connection still has under its own name again, and go on there; what
        lies there by now is put aside. Raises LedgerFault, OSError.
        """
        path = Path(self.where)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        saved = path.with_name(f"{path.name}.rescued")
        saved.unlink(missing_ok=True)
        os.close(os.open(saved, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with explained(self.where), closing(sqlite3.connect(saved)) as target:
            self._connection.backup(target)
        # Before the new one has its name: SQLite removes the log of the name that it was opened by.
        self._connection.close()
        try:
            put_aside(path, "replaced", now)
            saved.rename(path)
        finally:
            self._memo.clear()
            self._open()

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        with explained(self.where):
            self._connection.close()

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """All rows that a query gives."""
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise told(self.where, error) from error

    def row(self, query: str, values: Sequence[Value] = ()) -> sqlite3.Row | None:
        """The first row that a query gives, if any."""
        try:
            found: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise told(self.where, error) from error
        return found

    def stream(self, query: str) -> Iterator[tuple[Value, ...]]:
        """The rows that a query gives, never all of them in memory."""
        with explained(self.where):
            for row in self._connection.execute(query):
                yield tuple(row)

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Change something, inside a transaction; how many rows it was."""
        return self._changed(statement, values).rowcount

    def change_all(self, statement: str, all_values: Iterable[Sequence[Value]]) -> None:
        """The same change with one values after the other, inside a transaction."""
        self.require_transaction()
        with explained(self.where):
            self._connection.executemany(statement, all_values)

    def added(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Add one row, inside a transaction; gives its number."""
        with explained(self.where):
            # To its end: what a statement returns keeps it under way.
            ((number,),) = self._changed(statement, values).fetchall()
        return int(number)

    def change_alone(self, statement: str, values: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """One change that is a transaction by itself; what it returns."""
        with self.transaction(), explained(self.where):
            return self._changed(statement, values).fetchall()

    def change_these(self, many: Many, rows: Sequence[Values]) -> list[sqlite3.Row]:
        """One change for all of these rows, inside a transaction; what it returns."""
        named = ", ".join(name for name, _ in many.columns)
        marks = f"({', '.join('?' for _ in many.columns)})"
        with explained(self.where):
            return self._changed(
                f"WITH these ({named}) AS (VALUES {', '.join(marks for _ in rows)})"
                f" {many.statement}",
                [value for row in rows for value in row],
            ).fetchall()

    def script(self, text: str) -> None:
        """Do all statements of a text, inside a transaction."""
        for statement in _statements(text):
            self._changed(statement, ())

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        known = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
        return self.row(known, (table,)) is not None

    def in_transaction(self) -> bool:
        """Whether a transaction of this connection is under way."""
        return self._connection.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is changed inside is kept, or nothing."""
        self.require_none()
        with explained(self.where):
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            self.forget_what_others_changed()
            yield
            with explained(self.where):
                self._connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def interrupt(self) -> None:
        """End the statement that runs, from another thread (sqlite3_interrupt)."""
        self._connection.interrupt()

    def data_version(self) -> int:
        """Another number after each commit by another connection (SQLite's PRAGMA manual)."""
        row = self.row("PRAGMA data_version")
        return int(row[0]) if row else 0

    def sizes(self) -> tuple[int, int]:
        """The size of the file with its log, and how much of it is free within."""
        page, pages, free = (
            self._pragma(name) for name in ("page_size", "page_count", "freelist_count")
        )
        log = Path(f"{self.where}-wal")
        return page * pages + (log.stat().st_size if log.exists() else 0), page * free

    def table_bytes(self) -> dict[str, int]:
        """What each table takes with its indexes (SQLite's own DBSTAT)."""
        rows = self.rows(
            "SELECT form.tbl_name AS name, sum(pages.pgsize) AS size FROM dbstat AS pages"
            " JOIN sqlite_schema AS form ON form.name = pages.name"
            " WHERE pages.aggregate = TRUE GROUP BY form.tbl_name"
        )
        return {str(row["name"]): int(row["size"]) for row in rows}

    def _pragma(self, name: str) -> int:
        found = self.row(f"PRAGMA {name}")
        return int(found[0]) if found else 0

    def _changed(self, statement: str, values: Sequence[Value]) -> sqlite3.Cursor:
        self.require_transaction()
        try:
            return self._connection.execute(statement, values)
        except sqlite3.IntegrityError as refused:
            raise broken(refused) from refused
        except sqlite3.Error as error:
            raise told(self.where, error) from error

    def _roll_back(self) -> None:
        self._memo.clear()
        if self._connection.in_transaction:  # a full disk may have rolled back already
            with explained(self.where):
                self._connection.execute("ROLLBACK")


def _connect(where: str, read_only: bool) -> sqlite3.Connection:
    # Only a URI can ask for mode=ro; `as_uri` escapes what would end the path in it, as `?` and
    # `#`.
    name = f"{Path(where).absolute().as_uri()}?mode=ro" if read_only else where
    # isolation_level=None: the sqlite3 module would otherwise begin transactions by itself, and
    # deferred ones.
    connection = sqlite3.connect(name, timeout=BUSY_SECONDS, isolation_level=None, uri=read_only)
    connection.row_factory = sqlite3.Row
    return connection


def _prepare(connection: sqlite3.Connection, read_only: bool) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # A ledger may have been copied from elsewhere: functions in its schema must not run with our
    # rights.
    connection.execute("PRAGMA trusted_schema = OFF")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
        return
    # With a write-ahead log `reveille status` reads on while the daemon writes.
    connection.execute("PRAGMA journal_mode = WAL")
    # With NORMAL a power cut could lose the last commits of a write-ahead log, and a letter would
    # be sent a second time.
    connection.execute("PRAGMA synchronous = FULL")


def _lay(path: Path) -> None:
    """Make the file and its folder, for this user alone."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made before SQLite does it with the umask's mode; its -wal and -shm files take over the
        # mode of the database.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        status = path.stat()
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            path.chmod(0o600)
    except OSError as error:
        raise LedgerFault(
            f"the ledger {path} cannot be opened for writing: {error.strerror}", cause_of(error)
        ) from error


def _statements(script: str) -> Iterator[str]:
    """Cut a script into statements; a trigger's inner semicolons do not cut."""
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""
    # Comments may follow the last statement; anything else without its semicolon would silently not
    # be done.
    if "".join(line.split("--")[0] for line in gathered.splitlines()).strip():
        raise LedgerFault(
            f"a migration ends in the middle of a statement: {gathered.strip()[:80]!r}"
        )
