"""What can go wrong with a ledger, in words that an administrator can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


class LedgerFault(Exception):
    """The ledger cannot be used: damaged, not writable, full, locked, or of a newer program."""


class AlreadyOpen(Exception):
    """There is an open incident under this key already."""

    def __init__(self, key: str) -> None:
        super().__init__(f"an incident is open already under {key!r}")
        self.key = key


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


def in_words(where: str, error: sqlite3.Error) -> str:
    """One line for an administrator: which ledger, what is wrong with it, and SQLite's own
    words.
    """
    name = getattr(error, "sqlite_errorname", "") or ""
    # SQLite's extended codes begin with the name of their family: SQLITE_IOERR_WRITE,
    # SQLITE_BUSY_SNAPSHOT.
    family = next((known for known in _WORDS if name.startswith(known)), "")
    said = _WORDS.get(family, "refused what was asked of it")
    return f"the ledger {where} {said} ({name or type(error).__name__}: {error})"


def told(where: str, error: sqlite3.Error) -> LedgerFault:
    """SQLite's error as a LedgerFault that says which ledger and what to do."""
    return LedgerFault(in_words(where, error))


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raises what SQLite raises as it is `told`. A broken constraint stays what it is: its caller
    knows what it means.
    """
    try:
        yield
    # A broken constraint is no fault of the file, but an answer: the caller knows what it means.
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        raise told(where, error) from error
