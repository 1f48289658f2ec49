"""The one connection of a ledger: how it is opened, how it is asked, how it is changed.

Rules:
1. Write-ahead log, `synchronous=FULL`: what was committed survives a power cut.
2. Changes are made only inside `transaction()`, and that is BEGIN IMMEDIATE: with a plain BEGIN,
   two processes that read and then write fail with "database is locked" whatever the time-out.
3. The file is 0600 and a folder that is made for it 0700: tickets speak of customers.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.ledger.errors import LedgerFault, cause_of, explained, told
from monitor.ledger.placing import put_aside, same_file

# Longer than a commit takes on a slow disk: a verb of the command line waits so long for the
# daemon, and then says so.
BUSY_SECONDS = 10.0
Value = str | int | float | None
Row = sqlite3.Row


class Database:
    """One SQLite connection, used by one thread."""

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        """`path` is a file, or ":memory:". Raises LedgerFault."""
        self.where = str(path)
        self.read_only = read_only
        self._memo: dict[str, Any] = {}
        self._seen_version: int | None = None
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

    def rows(self, query: str, values: Sequence[Value] = ()) -> list[Row]:
        """All rows that a query gives."""
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise told(self.where, error) from error

    def row(self, query: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row that a query gives, if any."""
        try:
            found: Row | None = self._connection.execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise told(self.where, error) from error
        return found

    def change(self, statement: str, values: Sequence[Value] = ()) -> sqlite3.Cursor:
        """Change something, inside a transaction. Raises sqlite3.IntegrityError where a constraint
        is broken.
        """
        if not self._connection.in_transaction:
            raise RuntimeError("a ledger is changed only inside a transaction")
        try:
            return self._connection.execute(statement, values)
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise told(self.where, error) from error

    def memo(self) -> dict[str, Any]:
        """What readers have made of rows, by names of their own; empty once it could be stale:
        after a change by another connection, or a transaction that was undone.
        """
        if not self._connection.in_transaction:
            self._forget_what_others_changed()
        return self._memo

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is changed inside is kept, or nothing."""
        if self._connection.in_transaction:
            raise RuntimeError("a transaction of this ledger is under way already")
        with explained(self.where):
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._forget_what_others_changed()
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

    def _forget_what_others_changed(self) -> None:
        # It tells of commits by other connections only; our own keep the memo in step.
        version = self.data_version()
        if version != self._seen_version:
            self._memo.clear()
            self._seen_version = version

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
