"""What a ledger must not lose whatever becomes of its file, in a small one beside it: open tickets
and those of the last days with their history and letters, where each check stands, what a person
has accepted, and which runs of these days are done.

It is a ledger itself, without attempts: one that was damaged, or is gone, is begun anew as a copy
of it, and an outage that goes on stays on its ticket. Rule: nothing is ever deleted; what is not
used is put aside under a name of its own.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from monitor.ledger.encoding import milliseconds
from monitor.ledger.errors import LedgerFault
from monitor.ledger.ledger import Ledger
from monitor.ledger.placing import put_aside
from monitor.ledger.sqlite_errors import explained

NAME = "keepsake.sqlite"
# A relapse reopens a ticket that was closed before: policies look back for hours, or a few days.
_CLOSED = timedelta(days=7)
# The newest claim of a time of day is a day old at most; a week bridges a weekend's outage.
_SLOTS = timedelta(days=8)
_KEPT_INCIDENTS = "SELECT number FROM incidents WHERE closed_at IS NULL OR closed_at >= :closed"
_COPIES = (
    "DELETE FROM keep.identity",
    "INSERT INTO keep.identity SELECT * FROM main.identity",
    f"INSERT INTO keep.incidents SELECT * FROM main.incidents WHERE number IN ({_KEPT_INCIDENTS})",  # noqa: S608 - constants
    "INSERT INTO keep.history SELECT * FROM main.history WHERE incident IN"  # noqa: S608
    f" ({_KEPT_INCIDENTS})",
    "INSERT INTO keep.outbox SELECT * FROM main.outbox WHERE state = 'queued' OR incident IN"  # noqa: S608
    f" ({_KEPT_INCIDENTS})",
    "INSERT INTO keep.receipts SELECT * FROM main.receipts WHERE letter IN"
    " (SELECT id FROM keep.outbox)",
    "INSERT INTO keep.conditions SELECT * FROM main.conditions",
    "INSERT INTO keep.slots SELECT * FROM main.slots WHERE slot_at >= :slots"
    " OR slot_key LIKE 'first-sight%'",
    "INSERT INTO keep.proposals SELECT * FROM main.proposals",
    "INSERT INTO keep.acceptances SELECT * FROM main.acceptances",
    # The next number of each: a number that somebody was told is never given twice.
    "DELETE FROM keep.sqlite_sequence",
    "INSERT INTO keep.sqlite_sequence SELECT * FROM main.sqlite_sequence",
)


def keep(ledger: Path, now: datetime) -> None:
    """Write the keepsake of a ledger anew. Raises LedgerFault; the one before stays then."""
    new = ledger.with_name(f"{NAME}.new")
    new.unlink(missing_ok=True)
    Ledger(new).close()
    bounds = {"closed": milliseconds(now - _CLOSED), "slots": milliseconds(now - _SLOTS)}
    with (
        explained(str(ledger)),
        closing(sqlite3.connect(_uri(ledger), isolation_level=None, uri=True)) as copying,
    ):
        copying.execute("ATTACH ? AS keep", (str(new),))
        copying.execute("BEGIN")
        for statement in _COPIES:
            used = {name: value for name, value in bounds.items() if f":{name}" in statement}
            copying.execute(statement, used)
        copying.execute("COMMIT")
        copying.execute("DETACH keep")
    new.replace(ledger.with_name(NAME))


def begun_anew(ledger: Path, now: datetime) -> str:
    """Put a ledger aside, if there is one, and begin from its keepsake. Returns what was done, in
    words. Raises LedgerFault where there is no keepsake, or it is damaged too; OSError.
    """
    keepsake = ledger.with_name(NAME)
    count = _open_tickets(keepsake)
    part = ledger.with_name(f"{ledger.name}.new")
    shutil.copyfile(keepsake, part)
    part.chmod(0o600)
    aside = put_aside(ledger, "damaged", now)
    part.rename(ledger)
    at = datetime.fromtimestamp(keepsake.stat().st_mtime, now.tzinfo)
    return (
        (f"it was put aside as {aside.name}; " if aside else "")
        + f"a new one was begun from the keepsake of {at:%Y-%m-%d %H:%M:%S} UTC, with {count} open"
        + f" ticket{'s' if count != 1 else ''}; looks of before are not in it"
    )


def _open_tickets(keepsake: Path) -> int:
    if not keepsake.exists():
        raise LedgerFault(f"there is no {keepsake} to begin anew from", "damaged")
    where = str(keepsake)
    with explained(where), closing(sqlite3.connect(_uri(keepsake), uri=True)) as copy:
        (wrong,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if wrong != "ok":
            raise LedgerFault(f"the ledger {where} is damaged: {wrong}", "damaged")
        (count,) = copy.execute("SELECT count(*) FROM incidents WHERE closed_at IS NULL").fetchone()
    return int(count)


def _uri(path: Path) -> str:
    # mode=rw makes no file where there is none.
    return f"{path.absolute().as_uri()}?mode=rw"
