"""No commit on a live MariaDB (or MySQL) server for the moment in which two snapshots begin.

Rule: production is never held up for longer than a second. Whoever holds what we wait for is given
the way, and it is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pymysql

from checks.contract import Failed
from checks.data.backup.engines.mariadb.content import Connection, rows

# While a hold waits for a long write, the PBX's own writes wait behind it: after a second it gives
# way, and tries again until the long one may be done.
_PATIENCE_SECONDS, _REST_SECONDS, _TRIES_SECONDS = 1, 2.0, 600.0
_LOCK_WAIT = 1205


@contextmanager
def commits_held(connection: Connection) -> Iterator[Callable[[], None]]:
    """No commit until the block calls what it is given, or ends."""
    # MariaDB calls itself so in its version, also where it pretends to be 5.5.5 for old clients.
    maria = "MariaDB" in rows(connection, "SELECT VERSION()")[0][0]
    # BACKUP STAGE waits for nobody who reads; MySQL has nothing finer than a lock on all tables.
    # Each stage is named, so that each has its own second of waiting and the first that lasts ends.
    hold = (
        [f"BACKUP STAGE {stage}" for stage in ("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT")]
        if maria
        else ["FLUSH TABLES WITH READ LOCK"]
    )
    free = "BACKUP STAGE END" if maria else "UNLOCK TABLES"
    held = False

    def let_go() -> None:
        nonlocal held
        if held:
            connection.query(free)
        held = False

    connection.query(f"SET SESSION lock_wait_timeout = {_PATIENCE_SECONDS}")
    deadline = time.monotonic() + _TRIES_SECONDS
    while not held:
        try:
            for statement in hold:
                connection.query(statement)
            held = True
        except pymysql.OperationalError as problem:
            with suppress(pymysql.Error):
                connection.query(free)
            if problem.args[0] != _LOCK_WAIT:
                raise
            if time.monotonic() > deadline:
                text = f"somebody has held a table for more than {_TRIES_SECONDS:.0f} s"
                raise Failed("locked", text) from problem
            # Whoever waited behind us goes on meanwhile.
            time.sleep(_REST_SECONDS)
    try:
        yield let_go
    finally:
        with suppress(pymysql.Error):  # a lost connection holds nothing
            let_go()
