"""A file of SQLite that somebody else writes: what it may have evaluated, and how much."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

# A generated column may ask for a value of a gigabyte in every row; no site keeps larger ones than
# this. The rest are what no schema and no question of a site comes near to.
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 256_000_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 10,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
# Beside a value of the largest length and its copies: what is kept while a question is answered
# (a UNION that never ends, an order of everything), which would otherwise fill the disk.
_MOST_HEAP_BYTES = 1 << 30
# A byte code instruction takes some 10 ns: asked a few times a second.
_INSTRUCTIONS = 10_000_000


def defended(database: sqlite3.Connection) -> None:
    """A file that somebody else writes decides what is evaluated when it is read: generated
    columns, indexes on expressions, CHECKs. What that may call and take is bounded (SQLite,
    "Defense Against The Dark Arts"). Where it would take more memory, MemoryError is raised; the
    bound is of all files that the process reads.
    """
    # Functions with effects, and virtual tables that are not marked as harmless, are refused where
    # the schema calls them.
    database.execute("PRAGMA trusted_schema = off")
    # Pages are checked as they are read: a malformed one is an error, and no crash.
    database.execute("PRAGMA cell_size_check = on")
    database.execute("PRAGMA mmap_size = 0")
    # What a view gathers is a file without a name in /var/tmp otherwise, without bound.
    database.execute("PRAGMA temp_store = memory")
    database.execute(f"PRAGMA hard_heap_limit = {_MOST_HEAP_BYTES}")
    for what, most in _LIMITS.items():
        database.setlimit(what, most)


@contextmanager
def ended_after(database: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """What is asked within is interrupted after so long: a view may have no end
    (sqlite3.OperationalError).
    """
    until = time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > until, _INSTRUCTIONS)
    try:
        yield
    finally:
        database.set_progress_handler(None, 0)
