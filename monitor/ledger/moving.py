"""A ledger carried over from a file to a server's database, whole or not at all.

Rules:
1. Nobody writes to either while it is under way: a transaction is open on both.
2. All that was written is read back, and its digest held against that of the file, before the
   server is told to keep it. Whatever happens earlier leaves an empty database.
3. What was carried over cannot be gone on with by mistake: the file is marked, and says where its
   ledger went to whatever release opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.ledger.database import Database, Value
from monitor.ledger.errors import ConstraintBroken, LedgerFault
from monitor.ledger.ledger import Ledger
from monitor.ledger.migrate import MOVED, known, refuse_newer, take, version
from monitor.ledger.postgresql_connection import bound
from monitor.ledger.postgresql_database import PostgresDatabase
from monitor.ledger.proof import Digest
from monitor.ledger.server_address import ServerAddress
from monitor.ledger.sqlite_database import SqliteDatabase

# By table, the columns that its rows are in order by; each after those that it refers to.
TABLES = {
    "identity": "name",
    "check_names": "number",
    "slots": "job, slot_key",
    "leases": "job",
    "hosts": "name",
    "words": "check_name, moment, place",
    "places": "check_name, place",
    "exhibits": "path",
    "large_exhibits": "path",
    "attempts": "check_number, started_at",
    "conditions": "check_name",
    "incidents": "number",
    "history": "id",
    "outbox": "id",
    "receipts": "id",
    "proposals": "check_name, name",
    "acceptances": "id",
    "rolled_runs": "check_number, first_at",
    "rolled_hours": "check_number, hour_at, kind",
    "seals": "number",
}
# As many as looks are kept one by one by default (monitor/config/ledger.py).
_OWN_DAYS = 30
# How often the progress of a table is told.
_EVERY_ROWS = 20_000
Progress = Callable[[str, int, int], None]
"""A table, how many of its rows are carried over, and of how many."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What one table came to, on both sides."""

    table: str
    rows: int
    digest: str
    """SHA-256 of its rows, as JSON, in their order"""


def move(file: Path, to: ServerAddress, progress: Progress) -> list[Carried]:
    """Carry it over; what each table came to. Raises LedgerFault: nothing was carried over."""
    try:
        return _moved(file, to, progress)
    except ConstraintBroken as broken:
        raise LedgerFault(f"what stands in {file} does not fit together: {broken}") from None


def _moved(file: Path, to: ServerAddress, progress: Progress) -> list[Carried]:
    # Brought up to date first: what is carried over has the form of this program.
    Ledger(file).close()
    source = SqliteDatabase(file)
    try:
        target = PostgresDatabase(to)
        try:
            with source.transaction():
                with target.transaction():
                    _begin(target)
                    _make_days(source, target)
                    carried = [_carried(source, target, table, progress) for table in TABLES]
                    _go_on_counting(source, target)
                    for table in TABLES:
                        target.change(f"ANALYZE {table}")
                source.change(
                    "INSERT INTO migrations (number, name) VALUES (?, ?)", (MOVED, f"moved to {to}")
                )
        finally:
            target.close()
    finally:
        source.close()
    return carried


def _begin(target: PostgresDatabase) -> None:
    """The tables, in a database that has none of them."""
    steps = known(target.MIGRATIONS)
    refuse_newer(target, len(steps))
    if there := [table for table in ("migrations", *TABLES) if target.has(table)]:
        raise LedgerFault(
            f"there is a ledger in {target.where} already"
            f" ({f'of form {version(target)}' if 'migrations' in there else there[0]}); a ledger is"
            " moved into an empty database"
        )
    for step in steps:
        take(target, step)
    target.change("DELETE FROM identity")


def _make_days(source: Database, target: Database) -> None:
    """The looks of late each in the table of their day; older ones lie together."""
    row = source.row("SELECT max(started_at) / 86400000 AS day FROM attempts")
    if row is not None and row["day"] is not None:
        for day in range(row["day"] - _OWN_DAYS, row["day"] + 1):
            target.rows("SELECT make_day(CAST(? AS BIGINT))", (day,))


def _carried(
    source: SqliteDatabase, target: PostgresDatabase, table: str, progress: Progress
) -> Carried:
    columns = [str(row["name"]) for row in source.rows(f"PRAGMA table_info({table})")]
    (count,) = source.rows(f"SELECT count(*) FROM {table}")[0]  # noqa: S608 - constants
    query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY {TABLES[table]}"  # noqa: S608
    sent, there = Digest(), Digest()
    rows = sent.through(table, map(bound, source.stream(query)))
    target.copied_in(table, columns, _told(rows, count, table, progress))
    there.add(table, target.stream(query))
    if (sent.rows, sent.text) != (there.rows, there.text) or sent.rows != count:
        raise LedgerFault(
            f"of {table} the server gives back {there.rows} rows, or others than the {count} of"
            f" {source.where}: nothing was moved"
        )
    return Carried(table, there.rows, there.text)


def _told(
    rows: Iterator[Sequence[Value]], count: int, table: str, progress: Progress
) -> Iterator[Sequence[Value]]:
    progress(table, 0, count)
    for number, row in enumerate(rows, 1):
        yield row
        if number % _EVERY_ROWS == 0:
            progress(table, number, count)
    progress(table, count, count)


def _go_on_counting(source: Database, target: Database) -> None:
    """A number that was given is never given again, also where its row is gone."""
    given = source.rows(
        "SELECT name, seq AS last FROM sqlite_sequence UNION ALL"
        " SELECT 'check_names', coalesce(max(number), 0) FROM check_names"
    )
    for row in given:
        target.change("UPDATE numbers SET last = ? WHERE name = ?", (row["last"], row["name"]))
