"""What the drivers of databases raise, as a SourceFault with its code. Only for the child
process.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from checks.contract import CannotTell
from checks.data.quoted_rows import without_rows
from checks.data.usage.source_faults import SourceFault
from checks.transport.faults import fault_of, fault_within

if TYPE_CHECKING:
    import pymysql


@contextmanager
def sqlite_faults() -> Iterator[None]:
    """What SQLite raises, as a SourceFault."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        words = {
            # SQLite's own words; its codes do not tell a table that is missing from another slip in
            # a statement.
            "locked": "locked",
            "unable to open": "not-allowed",
            "no such table": "no-such-table",
        }
        code = next((code for word, code in words.items() if word in text), "corrupt")
        raise SourceFault(code, text) from None
    except MemoryError:
        # SQLite's own bound (sqlite_defence.py); a view or a column asks for more.
        text = "what it has evaluated takes more memory than any table of records"
        raise SourceFault("corrupt", text) from None


# A login that fails has no SQLSTATE in psycopg, only libpq's words.
_POSTGRES_WORDS: Mapping[str, str] = {
    r"password authentication failed|no password supplied|role .* does not exist|no pg_hba.conf"
    r" entry|"
    r"(Peer|Ident|GSSAPI|LDAP|PAM|certificate) authentication failed|not permitted to log in": (
        "login-refused"
    ),
    r"database .* does not exist": "no-such-database",
    r"permission denied for database": "not-allowed",
    r"too many (clients|connections)|remaining connection slots": "too-many-connections",
    r"timeout expired": "timeout",
    r"does not match host name": "wrong-name",
    r"certificate verify failed|server certificate": "certificate",
    r"server does not support SSL": "no-tls",
}
# SQLSTATE codes of the PostgreSQL manual, appendix A.
_POSTGRES_STATES: Mapping[str, str] = {
    "42P01": "no-such-table",
    "3F000": "no-such-table",
    "42703": "no-such-column",
    "42501": "not-allowed",
    "57014": "timeout",
    "57P01": "closed",
    "57P03": "unreachable",
    "53300": "too-many-connections",
    "28P01": "login-refused",
    "28000": "login-refused",
    "3D000": "no-such-database",
}


@contextmanager
def postgres_faults() -> Iterator[None]:
    """What PostgreSQL's driver raises, as a SourceFault."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        text = str(error)
        words = (code for pattern, code in _POSTGRES_WORDS.items() if re.search(pattern, text))
        known = _POSTGRES_STATES.get(error.sqlstate or "") or next(words, None)
        lost = isinstance(error, psycopg.OperationalError)
        # Without a state and without known words it is the connection; all else is a table that
        # holds something else.
        fallback = _unreached(text) if lost and not known else "not-records"
        raise SourceFault(known or fallback, without_rows(text)) from None


def _unreached(text: str) -> str:
    """The code of a connection that never stood or is gone, by libpq's words. Raises CannotTell."""
    if "server closed the connection" in text:
        return "closed"
    fault = fault_within(text)
    if isinstance(fault, CannotTell):
        raise fault
    return fault.code if fault else "unreachable"  # the socket's file is not there, or not known


# CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR: no connection came about, TLS included.
_NOT_CONNECTED = (2002, 2003)
# Error numbers of the MariaDB manual: 1044 to 1143 are rights, 1040 and 1203 connections, 1969 and
# 3024 time limits of a statement; 2013 and 2026 are the client's own.
_MARIADB_ERRORS: Mapping[int, str] = {
    1045: "login-refused",
    1698: "login-refused",
    1044: "not-allowed",
    1142: "not-allowed",
    1143: "not-allowed",
    1049: "no-such-database",
    1146: "no-such-table",
    1054: "no-such-column",
    1040: "too-many-connections",
    1203: "too-many-connections",
    1969: "timeout",
    3024: "timeout",
    2013: "closed",
    2026: "certificate",
}


@contextmanager
def mariadb_faults() -> Iterator[None]:
    """What MariaDB's driver raises, as a SourceFault."""
    import pymysql

    try:
        yield
    except pymysql.Error as error:
        raise mariadb_fault(error, _MARIADB_ERRORS, "not-records") from None


def mariadb_fault(error: pymysql.Error, known: Mapping[int, str], else_code: str) -> SourceFault:
    """An error by its number; one of the connection by what broke it. Raises CannotTell."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = without_rows(str(error.args[-1])) if error.args else type(error).__name__
    if number not in _NOT_CONNECTED:
        return SourceFault(known.get(number, else_code), text)
    broken: Exception | None = getattr(error, "original_exception", None)
    if isinstance(broken, TimeoutError) and broken.errno is None:  # the driver's own limit
        return SourceFault("timeout", text)
    # Without the socket's file nobody listens there: not a fault of this host.
    fault = None if isinstance(broken, FileNotFoundError) or not broken else fault_of(broken)
    if isinstance(fault, CannotTell):
        raise fault
    return SourceFault(fault.code if fault else "unreachable", text)
