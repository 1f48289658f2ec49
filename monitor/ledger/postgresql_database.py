"""A ledger on PostgreSQL: one connection to a database, and what PostgreSQL alone says as it does.

Rules:
1. One writer at a time, as on SQLite: a transaction begins with an advisory lock of its schema. A
   process that freezes with it is undone by the server after five seconds
   (idle_in_transaction_session_timeout), so nobody waits for it longer.
2. A commit whose answer was lost is asked for (pg_xact_status): what was kept is not done again,
   and what was not is not taken for kept.
3. Outside a transaction a connection that was lost is made again without a word; inside one, the
   transaction is over.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import psycopg

from monitor.ledger import postgresql_questions as questions
from monitor.ledger.database import Database, Many, Row, Value, Values
from monitor.ledger.errors import LedgerFault
from monitor.ledger.postgresql_connection import Connection, Parameter, wait
from monitor.ledger.postgresql_errors import explained, told
from monitor.ledger.server_address import ServerAddress

_WRITER = (
    "BEGIN; SELECT pg_advisory_xact_lock(hashtext('reveille ledger'), hashtext(current_schema()));"
    " SELECT pg_current_xact_id()::text AS this"
)
_CHANGES = "SELECT last FROM numbers WHERE name = 'changes'"
_COUNTED = "UPDATE numbers SET last = last + 1 WHERE name = 'changes'; "
# A probe host may do that alone, and only so (0010_roles.sql).
_COUNTED_BY_PROBE = "SELECT counted(); "
# For so long a commit whose answer was lost is asked for; after thirty the thread counts as stuck
# (monitor/service/ledger_care.py).
_ASKED_SECONDS = 20.0
# admin_shutdown, crash_shutdown, cannot_connect_now: the server ends the session, and may say so
# before the connection is seen to be closed.
_ENDS = ("57P01", "57P02", "57P03")


class PostgresDatabase(Database):
    """One connection to PostgreSQL, used by one thread."""

    MIGRATIONS = Path(__file__).parent / "migrations" / "postgresql"
    DISTANT = True
    FIRST_EXHIBIT = "readable(observation) #>> '{exhibits,0,2}'"
    MEASURED = questions.MEASURED
    NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    ONLY_LOOKS = "only_looks(name)"
    DAYS = questions.OWN_DAYS
    SKIP_LOCKED = "FOR UPDATE SKIP LOCKED"

    def __init__(self, address: ServerAddress, *, read_only: bool = False) -> None:
        """Raises LedgerFault."""
        super().__init__(str(address), read_only)
        self._under_way = self._counts = self._altered = False
        self._gathered: dict[Many, dict[object, Values]] = {}
        self._connection = Connection(address, read_only)

    def rows(self, query: str, values: Sequence[Value] = ()) -> Sequence[Row]:
        """All rows that a query gives."""
        with explained(self.where):
            return self._asked(query, values).fetchall()

    def row(self, query: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row that a query gives, if any."""
        with explained(self.where):
            return self._asked(query, values).fetchone()

    def stream(self, query: str) -> Iterator[tuple[Value, ...]]:
        """The rows that a query gives, never all of them in memory; inside a transaction."""
        self.require_transaction()
        self._make_gathered()
        with explained(self.where):
            for row in self._connection.stream(query):
                yield tuple(row)

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Change something, inside a transaction; how many rows it was."""
        self._alter()
        with explained(self.where):
            return self._asked(statement, values).rowcount

    def change_all(self, statement: str, all_values: Iterable[Sequence[Value]]) -> None:
        """The same change with one values after the other, inside a transaction (pipelined)."""
        self._alter()
        self._make_gathered()
        with explained(self.where):
            self._connection.execute_all(_numbered(statement), all_values)

    def added(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Add one row, inside a transaction; gives its number."""
        self._alter()
        found = self.row(statement, values)
        assert found is not None  # noqa: S101 - it ends in RETURNING
        return int(found[0])

    def change_alone(self, statement: str, values: Sequence[Value] = ()) -> Sequence[Row]:
        """One change that is a transaction by itself; what it returns. It takes no writer's lock:
        rows that others hold are its own affair.
        """
        self.require_none()
        return self.rows(statement, values)

    def change_these(self, many: Many, rows: Sequence[Values]) -> Sequence[Row]:
        """One change for all of these rows; what it returns."""
        named = ", ".join(name for name, _ in many.columns)
        # Arrays: one text for however many rows, so that the server prepares it once.
        arrays = ", ".join(f"?::{kind}[]" for _, kind in many.columns)
        with explained(self.where):
            return self._asked(
                f"WITH these ({named}) AS (SELECT * FROM unnest({arrays}))"  # noqa: S608 - constants
                f" {many.statement}",
                [list(column) for column in zip(*rows, strict=True)],
            ).fetchall()

    def gather(self, many: Many, key: object, values: Values) -> None:
        """A change of one row, made together with others of its kind."""
        self._alter()
        self._gathered.setdefault(many, {})[key] = values

    def script(self, text: str) -> None:
        """Do all statements of a text, inside a transaction."""
        self._alter()
        self._make_gathered()
        with explained(self.where):
            self._connection.execute(text)

    def copied_in(
        self, table: str, columns: Sequence[str], rows: Iterator[Sequence[Value]]
    ) -> None:
        """Add many rows at once, inside a transaction (COPY)."""
        self._alter()
        self._make_gathered()
        with (
            explained(self.where),
            self._connection.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def has(self, table: str) -> bool:
        """Whether there is such a table, in the schema that a new one would be made in."""
        known = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?"
        return self.row(known, (table,)) is not None

    def in_transaction(self) -> bool:
        """Whether a transaction of this connection is under way."""
        return self._under_way

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is changed inside is kept, or nothing."""
        self.require_none()
        try:
            with explained(self.where):
                this, changes = self._begun()
        # Begun it may be, and only the lock not got: the session would be of no more use.
        except BaseException:
            self._roll_back()
            raise
        self._under_way, self._altered = True, False
        try:
            self._forget_before(changes)
            yield
            self._make_gathered()
            self._commit(this)
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._under_way = False

    def interrupt(self) -> None:
        """End the statement that runs, from another thread (PQcancel)."""
        with suppress(psycopg.Error):  # of a connection that is lost nothing runs any more
            self._connection.cancel()

    def data_version(self) -> int:
        """Another number after each commit by another connection: every commit counts one on."""
        self._counts = self._counts or self.has("numbers")
        found = self.row(_CHANGES) if self._counts else None
        return int(found[0]) if found else 0

    def find_rights(self) -> None:
        """Find out whether this is a probe host's role."""
        found = self.row("SELECT own_host() AS host")
        self.probe_host = str(found["host"] or "") if found else ""

    def sizes(self) -> tuple[int, int]:
        """What its tables take; PostgreSQL does not say how much of that is free within."""
        return sum(self.table_bytes().values()), 0

    def table_bytes(self) -> dict[str, int]:
        """What each table takes with its indexes."""
        return {str(row["name"]): int(row["size"]) for row in self.rows(questions.TABLE_BYTES)}

    def estimated_rows(self, table: str) -> int | None:
        """About how many rows a table has that takes long to count."""
        found = self.row(questions.ESTIMATED_ROWS, (table, table))
        rows = int(found["rows"]) if found else 0
        return rows if rows > questions.LONG_TO_COUNT else None

    def displaced(self) -> str:
        """ "": a server's database has no name that another could take from under it."""
        return ""

    def rescue(self, now: datetime) -> None:
        """There is nothing to rescue."""

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        with explained(self.where):
            self._connection.close()

    def _asked(self, query: str, values: Sequence[Parameter]) -> psycopg.Cursor[Row]:
        statement = _numbered(query)
        if self._under_way:
            self._make_gathered()
            return self._connection.execute(statement, values)
        try:
            if self._connection.lost:
                self._connection.renew()
            return self._connection.execute(statement, values)
        except psycopg.OperationalError as error:
            if not (self._connection.lost or error.sqlstate in _ENDS):
                raise
        self._connection.renew()
        return self._connection.execute(statement, values)

    def _alter(self) -> None:
        """Something is changed in this transaction: what others know of the ledger is stale."""
        self.require_transaction()
        self._altered = True

    def _make_gathered(self) -> None:
        """What was gathered is made before anything is asked that it could change."""
        while self._gathered:
            gathered, self._gathered = self._gathered, {}
            for many, rows in gathered.items():
                self._made(many, list(rows.values()))

    def _begun(self) -> tuple[str, int]:
        """Begin, alone; gives the transaction's own number, and how often the ledger was changed
        before.
        """
        self._counts = self._counts or self.has("numbers")
        cursor = self._asked(_WRITER + (f", ({_CHANGES}) AS last" if self._counts else ", 0"), ())
        # One message with three statements: the answer of the last says which transaction it is.
        while cursor.nextset():
            pass
        ((this, changes),) = cursor.fetchall()
        return str(this), int(changes)

    def _commit(self, this: str) -> None:
        counts = self._counts and self._altered
        try:
            counting = _COUNTED_BY_PROBE if self.probe_host else _COUNTED
            done = self._connection.execute((counting if counts else "") + "COMMIT")
            while done.nextset():
                pass
        except psycopg.Error as error:
            if not (self._connection.lost and self._kept_after_all(this)):
                raise told(self.where, error) from None
        else:
            # What PostgreSQL answers to the end of a transaction in which something had failed.
            if done.statusmessage != "COMMIT":
                raise LedgerFault(f"the ledger {self.where} has undone a change: a part had failed")
        if counts and self._seen_version is not None:
            self._seen_version += 1

    def _kept_after_all(self, this: str) -> bool:
        until = time.monotonic() + _ASKED_SECONDS
        while time.monotonic() < until:
            with suppress(LedgerFault, psycopg.OperationalError):  # asked again until then
                self._connection.renew()
                cursor = self._connection.execute("SELECT pg_xact_status($1::text::xid8)", (this,))
                ((status,),) = cursor.fetchall()
                # The session that was cut may not have heard of it yet.
                if status != "in progress":
                    return bool(status == "committed")
            wait(0.2)
        raise LedgerFault(
            f"the ledger {self.where} cannot be reached, and nobody knows whether the last change"
            " was kept",
            "unreachable",
        )

    def _roll_back(self) -> None:
        self._memo.clear()
        self._gathered.clear()
        # A connection that was lost meanwhile is undone by the server.
        with suppress(psycopg.OperationalError):
            if not self._connection.lost:
                self._connection.execute("ROLLBACK")


@lru_cache(500)
def _numbered(query: str) -> str:
    """`$1`, `$2` ... for each `?`; no statement of the ledger has one in a text."""
    first, *others = query.split("?")
    return first + "".join(f"${place}{part}" for place, part in enumerate(others, 1))
