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
_CALLS = f"SELECT EXISTS (SELECT FROM ({CALLING}) AS c (oid) WHERE c.oid = %s)"  # noqa: S608 - words of ours
_MAY_LOCK = "SELECT current_setting('is_superuser') = 'on' AND NOT pg_catalog.pg_is_in_recovery()"
_PAUSED_BYTES = 1 << 20
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
    for table in tables:
        with _held(connection, table, may_lock) as held:
            by_copy = table.full_name in copied
            if now is not None:
                by_copy = (may_lock and not held) or _calls(now, table)
            # What an extension says of its own table is a condition, and no copy has one.
            if by_copy and not table.condition:
                found[table.full_name] = _copied(connection, table, throttle)
                told(table.bytes)
            else:
                found |= content(connection, [table], throttle, told)
    return found


@contextmanager
def _held(connection: Connection, table: Table, may_lock: bool) -> Iterator[bool]:
    """Nobody makes an index of it while the block runs, where that can be had; whether it was."""
    if not may_lock:
        yield False
        return
    name = sql.Identifier(table.schema, table.name)
    command = sql.SQL("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE NOWAIT").format(name)
    with connection.transaction():
        held = True
        try:
            with connection.transaction():
                connection.execute(command)
        except psycopg.errors.LockNotAvailable:  # it is being vacuumed, say: that may take hours
            held = False
        yield held
        # What was locked in a savepoint is let go with it.
        raise psycopg.Rollback


def _calls(now: Connection, table: Table) -> bool:
    """Whether a plan of it calls what is not the server's own."""
    now.rollback()  # else it sees what was there when it looked first
    return now.execute(_CALLS.encode(), (table.oid,)).fetchall() == [(True,)]


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
