"""A copy of a ledger in use, whole and of one moment; and which form a ledger has."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from monitor.ledger.errors import LedgerFault
from monitor.ledger.ledger import Ledger
from monitor.ledger.migrate import version
from monitor.ledger.sqlite_database import SqliteDatabase
from monitor.ledger.sqlite_errors import explained


def copied(ledger: Path, target: Path) -> None:
    """Copy it while the daemon may write on. The copy is 0600 and has been read through. Raises
    LedgerFault, OSError.
    """
    target.touch(0o600)
    # SQLite's own backup takes what stands in the write-ahead log along: a copied file would not
    # (https://www.sqlite.org/backup.html).
    with (
        explained(str(ledger)),
        closing(sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        # One file, without a log beside it: it is to be kept, and to be copied.
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise LedgerFault(f"the copy of {ledger} is damaged: {found}")


def form(ledger: Path) -> int:
    """The number of the last migration that it has seen. Raises LedgerFault."""
    database = SqliteDatabase(ledger, read_only=True)
    try:
        return version(database)
    finally:
        database.close()


def rehearsed(copy: Path) -> int:
    """Bring a copy to the form of this program, so that it is seen to work before the ledger itself
    is touched; gives the form. Raises LedgerFault.
    """
    Ledger(copy).close()
    return form(copy)
