"""One connection to a PostgreSQL server that goes on after a loss: made again when it is next
needed, tried for a while where it was there a moment ago, and not tried in a tight loop where it
is gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from threading import Event
from typing import Any

import psycopg
from psycopg.rows import RowMaker

from monitor.ledger.database import Value
from monitor.ledger.errors import LedgerFault
from monitor.ledger.postgresql_errors import told
from monitor.ledger.postgresql_login import parameters
from monitor.ledger.server_address import ServerAddress

Parameter = Value | list[Value]
"""what stands for a `?`: a value, or an array of them"""
# A server that is restarted is back after two to five seconds: that is no outage yet.
PATIENCE_SECONDS = 8.0
# Everybody who asks meanwhile hears what the last one heard.
_REST_SECONDS = 1.0
_BETWEEN_TRIES_SECONDS = 0.2
# So many rows of a stream are in memory at once.
_STREAMED_ROWS = 2000
# The first with pg_xact_status(xid8).
_OLDEST = 130000
# Off, the last commits before a power cut are lost: letters would be sent a second time.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)


class Connection:
    """A connection to the ledger's database. Whatever it raises is a LedgerFault or psycopg's."""

    def __init__(self, address: ServerAddress, read_only: bool) -> None:
        self._address, self._read_only = address, read_only
        self._gone: tuple[float, LedgerFault] | None = None
        self._raw = self._connected()

    @property
    def lost(self) -> bool:
        """Whether it was cut, by whichever side."""
        return self._raw.closed

    def execute(self, query: str, values: Sequence[Parameter] = ()) -> psycopg.Cursor[Row]:
        """Have a statement done, `$1` for the first value; or several without values."""
        given = [bound(one) if isinstance(one, list) else _without_nul(one) for one in values]
        return self._raw.execute(query.encode(), given or None)

    def execute_all(self, query: str, all_values: Iterable[Sequence[Value]]) -> None:
        """Have a statement done for each of several values."""
        self._raw.cursor().executemany(query.encode(), (bound(values) for values in all_values))

    def copy(self, statement: str) -> Any:
        """psycopg's COPY."""
        return self._raw.cursor().copy(statement.encode())

    def stream(self, query: str) -> Iterator[Row]:
        """The rows of a query, some thousands at a time, by a cursor of the server."""
        with psycopg.RawServerCursor(self._raw, "streamed", row_factory=_maker) as cursor:
            cursor.itersize = _STREAMED_ROWS
            cursor.execute(query.encode())
            yield from cursor

    def renew(self) -> None:
        """Connect again. Raises LedgerFault."""
        patience = 0.0 if self._gone else PATIENCE_SECONDS
        until = time.monotonic() + patience
        while True:
            try:
                self._raw = self._connected()
            except LedgerFault as fault:
                if fault.cause != "unreachable" or time.monotonic() >= until:
                    raise
                wait(_BETWEEN_TRIES_SECONDS)
                self._gone = None
            else:
                return

    def cancel(self) -> None:
        """End the statement that runs, from another thread."""
        self._raw.cancel_safe(timeout=2.0)

    def close(self) -> None:
        """Close it."""
        self._raw.close()

    def _connected(self) -> psycopg.Connection[Row]:
        if self._gone and time.monotonic() - self._gone[0] < _REST_SECONDS:
            raise self._gone[1]
        try:
            made = self._made()
        except LedgerFault as fault:
            self._gone = (time.monotonic(), fault)
            raise
        self._gone = None
        return made

    def _made(self) -> psycopg.Connection[Row]:
        where = str(self._address)
        try:
            given = parameters(self._address, self._read_only)
        except (ValueError, LookupError) as wrong:
            raise LedgerFault(f"the ledger {where} cannot be asked: {wrong}") from None
        try:
            made = psycopg.connect(
                **given, autocommit=True, row_factory=_maker, cursor_factory=psycopg.RawCursor
            )
            made.execute(_DURABLE)
        except psycopg.Error as error:
            raise told(where, error) from None
        if made.info.server_version < _OLDEST:
            made.close()
            raise LedgerFault(
                f"the ledger {where} lies on a PostgreSQL before 13, which is too old"
            )
        return made


class Row(tuple[Any, ...]):
    """A row by name or by place, as SQLite's."""

    __slots__ = ()
    PLACES: dict[str, int]

    def __getitem__(self, key: Any) -> Any:
        return tuple.__getitem__(self, self.PLACES[key] if isinstance(key, str) else key)

    def __iter__(self) -> Iterator[Any]:
        return tuple.__iter__(self)


def wait(seconds: float) -> None:
    """Wait, in this thread alone: no loop does. Not by time.sleep: where libfaketime moves a host's
    clock, that fails (clock_nanosleep(2): EINVAL).
    """
    Event().wait(seconds)


@lru_cache(200)
def _class_of(names: tuple[str, ...]) -> type[Row]:
    places = {name: place for place, name in enumerate(names)}
    return type("NamedRow", (Row,), {"__slots__": (), "PLACES": places})


def _maker(cursor: Any) -> RowMaker[Row]:
    names = tuple(column.name for column in cursor.description or ())
    return _class_of(names)


def bound(values: Sequence[Value]) -> list[Value]:
    """Values as PostgreSQL takes them."""
    # A zero byte is text to SQLite and to Python; to PostgreSQL it is none.
    return [_without_nul(value) for value in values]


def _without_nul(value: Value) -> Value:
    return value.replace("\0", "\N{SYMBOL FOR NULL}") if isinstance(value, str) else value
