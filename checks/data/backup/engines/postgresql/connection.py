"""A connection to a PostgreSQL server, for reading in one snapshot; what a refused one means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from checks.contract import Failed
from checks.data.backup.engines.postgresql.programs import login
from checks.data.backup.engines.postgresql.session import Connection, settle
from checks.data.backup.job import Source
from checks.data.backup.unreached import unreached
from checks.data.quoted_rows import without_rows


@contextmanager
def connected(source: Source, snapshot: str = "", read_only: bool = True) -> Iterator[Connection]:
    """A connection for reading in one snapshot: its own, or an exported one. Raises Failed."""
    try:
        connection: Connection = psycopg.connect(**login(source), autocommit=True)
    except psycopg.OperationalError as problem:
        raise Failed(_login_code(problem), first_line(problem)) from problem
    with connection:
        settle(connection)
        # Settings come before the transaction: a rollback would take them back.
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = read_only
        if snapshot:
            # The first statement of its transaction, as SET TRANSACTION SNAPSHOT demands; it takes
            # no parameter, only a literal.
            connection.execute(b"SET TRANSACTION SNAPSHOT '%s'" % snapshot.encode())
        yield connection
        connection.rollback()


def _login_code(problem: psycopg.OperationalError) -> str:
    text = str(problem)
    if "does not exist" in text and "database" in text:
        return "database-missing"
    if (
        "authentication failed" in text
        or "no password" in text
        or 'role "' in text
        or "pg_hba" in text
    ):
        return "login"
    return unreached(text)


def first_line(problem: psycopg.Error) -> str:
    lines = (line.strip() for line in str(problem).splitlines())
    return without_rows(next(filter(None, lines), type(problem).__name__))
