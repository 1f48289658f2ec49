"""What SQLite says, in words that an administrator can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from monitor.ledger.errors import ConstraintBroken, LedgerFault

_WORDS = {
    "SQLITE_CORRUPT": (
        "is damaged; put it aside, restore a copy of it, and keep the damaged one for a look"
    ),
    "SQLITE_NOTADB": "is not a ledger, or is damaged at its very beginning",
    "SQLITE_READONLY": "cannot be written by this user, or lies on a read-only file system",
    "SQLITE_CANTOPEN": "cannot be opened; does its folder exist, and may this user write there?",
    "SQLITE_PERM": "may not be opened by this user",
    "SQLITE_AUTH": "may not be opened by this user",
    "SQLITE_FULL": "cannot grow: the disk is full",
    "SQLITE_IOERR": "cannot be read or written: the disk is full or failing",
    "SQLITE_BUSY": "is held by another process for too long",
    "SQLITE_LOCKED": "is held by another process for too long",
}
_CAUSES = {
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_NOTADB": "damaged",
    "SQLITE_READONLY": "not-writable",
    "SQLITE_CANTOPEN": "not-writable",
    "SQLITE_PERM": "not-writable",
    "SQLITE_AUTH": "not-writable",
    "SQLITE_FULL": "disk",
    "SQLITE_IOERR": "disk",
    "SQLITE_BUSY": "held",
    "SQLITE_LOCKED": "held",
}


def in_words(where: str, error: sqlite3.Error) -> str:
    """One line for an administrator: which ledger, what is wrong with it, and SQLite's own
    words.
    """
    name = getattr(error, "sqlite_errorname", "") or ""
    said = _WORDS.get(_family(error), "refused what was asked of it")
    return f"the ledger {where} {said} ({name or type(error).__name__}: {error})"


def told(where: str, error: sqlite3.Error) -> LedgerFault:
    """SQLite's error as a LedgerFault that says which ledger and what to do."""
    return LedgerFault(in_words(where, error), _CAUSES.get(_family(error), "ledger"))


def _family(error: sqlite3.Error) -> str:
    # SQLite's extended codes begin with the name of their family: SQLITE_IOERR_WRITE,
    # SQLITE_BUSY_SNAPSHOT.
    name = getattr(error, "sqlite_errorname", "") or ""
    return next((known for known in _WORDS if name.startswith(known)), "")


def broken(error: sqlite3.IntegrityError) -> ConstraintBroken:
    """SQLite names the columns of a unique index: "UNIQUE constraint failed: incidents.key"."""
    said = str(error)
    _, unique, columns = said.partition("UNIQUE constraint failed: ")
    return ConstraintBroken(said, columns.partition(".")[0] if unique else "")


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raises what SQLite raises as it is `told`, and a broken constraint as `broken`."""
    try:
        yield
    except sqlite3.IntegrityError as refused:
        raise broken(refused) from refused
    except sqlite3.Error as error:
        raise told(where, error) from error
