"""Tables that no question is put to: whoever plans one runs what their owner wrote
(checks/data/postgresql_plans.py). COPY of a table is planned by nobody, and is how pg_dump reads
one too. Such tables are read by it, and hashed here; the hash says so.

    SAVEPOINT; LOCK TABLE ONLY calls IN SHARE UPDATE EXCLUSIVE MODE NOWAIT     no index comes now
    whether its plan calls anything, by a session that sees what is there now and not the snapshot
    SELECT … or COPY …; ROLLBACK TO SAVEPOINT                                  writers never waited

Rule: what was copied on the live side is copied by whoever compares it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b

import psycopg
from psycopg import sql

from checks.data.backup.engines.postgresql.content import Table, content
from checks.data.backup.engines.postgresql.session import SITES_PATH, Connection
from checks.data.backup.store.manifest import Content
from checks.data.backup.store.throttle import Throttle
from checks.data.postgresql_plans import CALLING

COPIED = "copied "
"""how the hash of such a table begins"""
_CALLS = f"SELECT oid FROM ({CALLING}) AS c (oid) WHERE oid = ANY(%s)"  # noqa: S608 - words of ours
_MAY_LOCK = "SELECT current_setting('is_superuser') = 'on' AND NOT pg_catalog.pg_is_in_recovery()"
_PAUSED_BYTES = 1 << 20
# Small tables are looked at together: of thousands each would cost some milliseconds more.
_TOGETHER, _SMALL_BYTES = 100, 1 << 23
_WRAPS = 1 << 64


def rows_of(
    connection: Connection,
    tables: Sequence[Table],
    throttle: Throttle,
    told: Callable[[int], None],
    *,
    now: Connection | None = None,
    copied: Collection[str] = (),
) -> dict[str, Content]:
    """Rows and hash of these tables, by their full names. `now` is a session beside that of the
    snapshot, which finds those that are to be copied; without it they are `copied`.
    """
    [(may_lock,)] = connection.execute(_MAY_LOCK.encode()).fetchall()
    found = dict[str, Content]()
    for some in _together(tables):
        with _held(connection, some, may_lock) as held:
            by_copy = set(copied)
            if now is not None:
                calling = _calling(now, some)
                by_copy = {
                    one.full_name
                    for one in some
                    if one.oid in calling or (may_lock and one.oid not in held)
                }
            # What an extension says of its own table is a condition, and no copy has one.
            asked = [one for one in some if one.full_name not in by_copy or one.condition]
            found |= content(connection, asked, throttle, told)
            for table in some:
                if table.full_name not in found:
                    found[table.full_name] = _copied(connection, table, throttle)
                    told(table.bytes)
    return found


def _together(tables: Sequence[Table]) -> Iterator[list[Table]]:
    small = [table for table in tables if table.bytes < _SMALL_BYTES]
    yield from ([table] for table in tables if table.bytes >= _SMALL_BYTES)
    yield from (small[at : at + _TOGETHER] for at in range(0, len(small), _TOGETHER))


@contextmanager
def _held(
    connection: Connection, tables: Sequence[Table], may_lock: bool
) -> Iterator[frozenset[int]]:
    """Nobody makes an index of them while the block runs, where that can be had; of which it was,
    by their numbers.
    """
    if not may_lock:
        yield frozenset()
        return
    with connection.transaction():
        held = frozenset(one.oid for one in tables)
        if not _locked(connection, tables):
            held = frozenset(one.oid for one in tables if _locked(connection, [one]))
        yield held
        # What was locked in a savepoint is let go with it.
        raise psycopg.Rollback


def _locked(connection: Connection, tables: Sequence[Table]) -> bool:
    names = sql.SQL(", ").join(
        sql.SQL("ONLY {}").format(sql.Identifier(one.schema, one.name)) for one in tables
    )
    command = sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE NOWAIT").format(names)
    try:
        with connection.transaction():
            connection.execute(command)
    except psycopg.errors.LockNotAvailable:  # one is being vacuumed, say: that may take hours
        return False
    return True


def _calling(now: Connection, tables: Sequence[Table]) -> frozenset[int]:
    """Of which of them a plan calls what is not the server's own."""
    now.rollback()  # else it sees what was there when it looked first
    numbers = [table.oid for table in tables]
    return frozenset(oid for (oid,) in now.execute(_CALLS.encode(), (numbers,)).fetchall())


def copied_names(found: Mapping[str, Content]) -> list[str]:
    """Which tables of a manifest were copied."""
    return sorted(name for name, one in found.items() if one.hash.startswith(COPIED))


def _copied(connection: Connection, table: Table, throttle: Throttle) -> Content:
    name = sql.Identifier(table.schema, table.name)
    rows, total, since = 0, 0, 0
    connection.execute(SITES_PATH)
    command = sql.SQL("COPY {} TO STDOUT").format(name)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for line in copy:
            rows += 1
            # A multiset of rows, as for tables that are asked: the order of a copy is the disk's.
            total += int.from_bytes(blake2b(line, digest_size=8).digest())
            if throttle.slow and (since := since + len(line)) >= _PAUSED_BYTES:
                throttle.take(since)
                since = 0
    return Content(rows, f"{COPIED}{total % _WRAPS}", table.bytes)
