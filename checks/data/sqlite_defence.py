"""A file of SQLite that somebody else writes: what it may have evaluated, and how much."""

from __future__ import annotations

import sqlite3

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


def defended(database: sqlite3.Connection) -> None:
    """A file that somebody else writes decides what is evaluated when it is read: generated
    columns, indexes on expressions, CHECKs. What that may call and take is bounded (SQLite,
    "Defense Against The Dark Arts").
    """
    # Functions with effects, and virtual tables that are not marked as harmless, are refused where
    # the schema calls them.
    database.execute("PRAGMA trusted_schema = off")
    # Pages are checked as they are read: a malformed one is an error, and no crash.
    database.execute("PRAGMA cell_size_check = on")
    database.execute("PRAGMA mmap_size = 0")
    for what, most in _LIMITS.items():
        database.setlimit(what, most)
