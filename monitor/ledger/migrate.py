"""Bring a ledger to the form that this program knows: numbered SQL files, each in one transaction,
once.

A ledger of a newer program is refused: an older one would not keep what the newer relies on. But
for steps that only add what the older one need not know of, and say so in their names
(`0012_expand_regions.sql`): hosts of two releases work on one ledger while they are upgraded one
after the other. What takes something away comes with a later release, once nobody needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor.ledger.database import Database
from monitor.ledger.errors import LedgerFault
from monitor.ledger.sqlite_database import SqliteDatabase

FOLDER = SqliteDatabase.MIGRATIONS
# What marks a file whose ledger went elsewhere: every release takes it for that of a newer one.
MOVED = 9000
# How the name of a step begins, behind its number, with which programs go on that do not know it.
_EXPANDS = "expand_"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step: `0001_first.sql`."""

    number: int
    name: str
    script: str


def known(folder: Path = FOLDER) -> list[Migration]:
    """All steps, in their order; the numbers run from 1 without a gap."""
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    steps = [
        Migration(int(file.name[:4]), file.stem, file.read_text(encoding="utf-8")) for file in files
    ]
    # A step that was lost in packaging would be taken by a later release, after steps that build on
    # it.
    if [step.number for step in steps] != list(range(1, len(steps) + 1)):
        raise LedgerFault(f"the migrations in {folder} are not numbered 1, 2, 3 …")
    return steps


def version(database: Database) -> int:
    """The number of the last step that was taken; 0 for an empty file."""
    if not database.has("migrations"):
        return 0
    found = database.row("SELECT coalesce(max(number), 0) AS number FROM migrations")
    return int(found["number"]) if found else 0


def fits(database: Database, newest: int) -> bool:
    """Whether all that it has been brought to beyond `newest` is what programs that know no more go
    on with.
    """
    rows = database.rows("SELECT name FROM migrations WHERE number > ?", (newest,))
    return all(str(row["name"]).partition("_")[2].startswith(_EXPANDS) for row in rows)


def migrate(database: Database, steps: list[Migration] | None = None) -> None:
    """Take the steps that are missing. Raises LedgerFault."""
    steps = known(database.MIGRATIONS) if steps is None else steps
    refuse_newer(database, len(steps))
    # Each step commits by itself: what was brought up to date stays so if a later step fails.
    for step in steps[version(database) :]:
        _take(database, step)


def refuse_newer(database: Database, newest: int) -> None:
    """Raises LedgerFault for a ledger that a newer program has written."""
    if (found := version(database)) > newest and not fits(database, newest):
        said = database.row("SELECT name FROM migrations WHERE number = ?", (MOVED,))
        if said is not None:
            raise LedgerFault(
                f"the ledger {database.where} was {said['name']}, and goes on there: write that as"
                " url below [ledger]",
                "moved",
            )
        raise LedgerFault(
            f"the ledger {database.where} is of version {found}, and this program knows up to"
            f" {newest}; use the newer Reveille that wrote it"
        )


def _take(database: Database, step: Migration) -> None:
    with database.transaction():
        if version(database) < step.number:  # unless another process was quicker
            take(database, step)


def take(database: Database, step: Migration) -> None:
    """Take one step, inside a transaction."""
    # The first step makes the table in which the steps are counted.
    if step.number == 1:
        database.change("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    database.script(step.script)
    database.change("INSERT INTO migrations (number, name) VALUES (?, ?)", (step.number, step.name))
