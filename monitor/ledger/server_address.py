"""Where a ledger lies, when that is no file: a database of a PostgreSQL server.

The address never holds a password; it is asked for when a connection is made, so that one that was
changed is found without a restart.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


def no_password() -> str:
    """A server that knows its client otherwise: by a certificate, or as the peer of its socket."""
    return ""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """One database of one server, or of several of which one is in charge (libpq, 34.1.1.3)."""

    url: str
    """postgresql://USER@HOST/DATABASE, without a password"""
    password: Callable[[], str] = field(default=no_password, repr=False, compare=False)
    """Raises LookupError where it is not to be had"""
    trusted: Path | None = None
    """PEM file of the authorities that its certificate is checked against; without it those that
    the host trusts"""

    def __str__(self) -> str:
        return self.url


Place = Path | str | ServerAddress
"""A file, ":memory:", or a server's database."""


def begun(place: Place) -> bool:
    """Whether there may be a ledger: a server says so when it is asked. Raises OSError, also for a
    file that this user may not read: SQLite would only say that it cannot open it.
    """
    if isinstance(place, ServerAddress):
        return True
    file = Path(place)
    if file.exists() and not os.access(file, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    return file.exists()
