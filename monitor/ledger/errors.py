"""What can go wrong with a ledger, in words that an administrator can act on."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


class LedgerFault(Exception):
    """The ledger cannot be used: damaged, not writable, full, locked, or of a newer program."""

    def __init__(self, text: str, cause: str = "ledger") -> None:
        """`cause` is the word that faults of one cause share: "disk", "damaged" ..."""
        super().__init__(text)
        self.cause = cause


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
_OF_SYSTEM = {
    errno.ENOSPC: "disk",
    errno.EDQUOT: "disk",
    errno.EIO: "disk",
    errno.EROFS: "not-writable",
    errno.EACCES: "not-writable",
    errno.EPERM: "not-writable",
}


def cause_of(error: BaseException) -> str:
    """The word for what lies behind a fault: a full disk breaks ledger and heartbeat alike."""
    if isinstance(error, LedgerFault):
        return error.cause
    if isinstance(error, OSError):
        return _OF_SYSTEM.get(error.errno or 0, "system")
    return "ledger"


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
