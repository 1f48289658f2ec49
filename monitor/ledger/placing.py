"""A ledger's file under its name: whether it is still the one that was opened, and how one makes
room for another. Nothing is ever deleted.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path


def same_file(path: Path, known: os.stat_result) -> bool:
    """Whether a path still leads to the file that was opened."""
    try:
        now = path.stat()
    except OSError:
        return False
    return (now.st_dev, now.st_ino) == (known.st_dev, known.st_ino)


def put_aside(ledger: Path, why: str, now: datetime) -> Path | None:
    """Give a ledger and its log another name; None where there is none."""
    aside = ledger.with_name(f"{ledger.name}.{why}-{now:%Y%m%dT%H%M%SZ}")
    # A log that stays would be taken for the new ledger's, and damage that one as well (SQLite,
    # How To Corrupt An SQLite Database File, 1.4).
    for ending in ("-wal", "-shm", "-journal", ""):
        path = ledger.with_name(f"{ledger.name}{ending}")
        if path.is_symlink() or path.exists():
            path.rename(aside.with_name(f"{aside.name}{ending}"))
    return aside if aside.is_symlink() or aside.exists() else None
