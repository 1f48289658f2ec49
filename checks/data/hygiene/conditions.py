"""What must hold before a record is removed: the clocks, the comparison, the proven backup.

Each condition answers with why nothing is removed this time, or raises SourceFault where something
is plainly wrong. cleaning.py asks for them in this order.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from checks.data.backup.store.repository import Repository
from checks.data.backup.store.seal import key_of
from checks.data.hygiene.column_times import bound_of, instant_of, span_of
from checks.data.hygiene.journal import Journal
from checks.data.hygiene.stores import Store
from checks.data.hygiene.table_digest import Digest, digest, number
from checks.data.usage.day import Day
from checks.data.usage.source_faults import SourceFault

DAY_SECONDS = 86400
# A minute is more than NTP ever leaves, and less than moves a record over midnight by much.
_CLOCK_SECONDS = 60
# A day and a half: a run a day, and one that was late. Beyond that somebody should look first.
_LATE_SECONDS = 36 * 3600
# A record of tomorrow comes of a clock that is ahead: then the cut-off would be wrong, too.
_FUTURE_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Kept:
    """One database and how long it keeps a table's records."""

    name: str
    """live or reporting"""
    place: Mapping[str, Any]
    days: int
    proven_in: str

    @property
    def table(self) -> str:
        """The table's name."""
        return str(self.place["table"])


@dataclass(slots=True)
class Run:
    """One run. `tell` speaks to the daemon."""

    job: Mapping[str, Any]
    tell: Callable[..., None]
    measures: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def now(self) -> float:
        """UTC seconds by this host's clock, when the attempt began."""
        return float(self.job["now"])

    @property
    def zone(self) -> str:
        """The site's."""
        return str(self.job["zone"])

    def cut(self, days: int) -> Day:
        """The first local day that is kept."""
        today = datetime.datetime.fromtimestamp(self.now, ZoneInfo(self.zone)).date()
        return Day.of(today - datetime.timedelta(days=days), self.zone)


def clock(run: Run, live: Kept, stores: Mapping[str, Store]) -> str:
    """Why nothing may be removed this time, or "". Raises SourceFault where the clock is plainly
    wrong.
    """
    for name, store in stores.items():
        # Each server's clock: the cut-off is ours, the stamps of the records are theirs.
        if (told := store.now()) is not None and abs(told - run.now) > _CLOCK_SECONDS:
            raise SourceFault(
                "clock", f"the {name} database's clock is {told - run.now:+.0f} s off this host's"
            )
    newest = stores["live"].edge(newest=True)
    if newest is None:
        raise SourceFault("stale", f"there is no record in {live.table} at all")
    age = run.now - instant_of(run.job, newest)
    # In both directions: a platform that writes nothing, and one whose clock runs ahead.
    if not -_FUTURE_SECONDS <= age <= run.job["newest_within"]:
        said = f"the newest record is {age / DAY_SECONDS:.1f} days old"
        raise SourceFault(
            "stale", f"{said}: either nothing is written any more, or a clock is wrong"
        )
    before = run.job["before"]
    if before is not None and run.now < before:
        raise SourceFault(
            "clock", f"this host's clock went back by {before - run.now:.0f} s since the run before"
        )
    # It may be that the clock jumped ahead: tomorrow's run will know, and a day later is early
    # enough.
    if before is not None and run.now - before > _LATE_SECONDS:
        return f"the run before was {(run.now - before) / 3600:.0f} h ago"
    return ""


def not_removed(run: Run, kept: Kept, elsewhere: Store | None, held: str) -> str:
    """Why nothing is removed from a database in this run; "" where it may be."""
    if not run.job["clean"]:
        return "cleaning is not enabled (clean = true)"
    if not kept.proven_in:
        return "no folder of proven backups is named, so nothing is removed"
    if kept.name == "live" and elsewhere is None:
        return "no reporting database is named, so nothing is removed"
    return held and f"nothing is removed this time: {held}"


def compared_columns(run: Run, store: Store, elsewhere: Store | None) -> list[str]:
    """What is compared: the same columns in both. Raises SourceFault."""
    columns = run.job["columns"] or store.columns()
    there = elsewhere.columns() if elsewhere is not None else columns
    if missing := [name for name in columns if name not in there]:
        raise SourceFault(
            "no-such-column",
            f"the reporting database has no {', '.join(missing)}: name the columns to compare",
        )
    return list(columns)


def compared(
    run: Run,
    kept: Kept,
    store: Store,
    elsewhere: Store | None,
    columns: list[str],
    journal: Journal,
    day: Day,
) -> Digest:
    """What the day holds, which is equal elsewhere. Raises SourceFault."""
    span = span_of(run.job, day)
    if elsewhere is None:
        return digest(store.rows(columns, *span))
    begun = journal.begun(kept.name, kept.table, day.date.isoformat())
    there = digest(elsewhere.rows(columns, *span))
    # The day was begun and cut off: what is left must be a part of what the reporting database has.
    if begun is not None and there == Digest(begun.records, begun.hash):
        left = {number(row) for row in store.rows(columns, *span)}
        if left <= {number(row) for row in elsewhere.rows(columns, *span)}:
            return there  # what is left of a day that was cut off in the middle
    here = digest(store.rows(columns, *span))
    if here != there:
        said = f"{day.date}: {here.records} records here, {there.records} in the reporting database"
        raise SourceFault(
            "differs", said + ("" if here.records != there.records else ", and not the same ones")
        )
    return here


def proven(run: Run, kept: Kept, store: Store, days: list[Day]) -> str:
    """The id of the newest proven backup, which has what holds the days and is recent. Raises
    SourceFault.
    """
    folder = Path(kept.proven_in)
    key = key_of(Path(run.job["state"])) if run.job["state"] else None
    backup = next(
        (one for one in Repository(folder, key).backups() if one.proven and one.manifest), None
    )
    if backup is None or backup.manifest is None:
        raise SourceFault("not-in-backup", f"there is no proven backup in {folder}")
    # What another may have written is no reason to remove a record: he has only to write that it
    # is in there.
    if key is not None and not backup.ours:
        raise SourceFault(
            "not-in-backup", f"backup {backup.id} is not sealed by this monitor: take a new one"
        )
    # MariaDB and SQLite tables stand without a schema in the manifest, PostgreSQL's with one.
    held = {name.rpartition(".")[2] for name in backup.manifest.tables}
    parts = store.parts(bound_of(run.job, days[0].begin), bound_of(run.job, days[-1].end))
    if missing := sorted(set(parts) - held):
        raise SourceFault("not-in-backup", f"backup {backup.id} has no table {', '.join(missing)}")
    age = run.now - backup.taken_at.timestamp()
    # Recent is not enough: the backup must be younger than the last of the days that go.
    if age > run.job["backup_within"] or backup.taken_at.timestamp() < days[-1].end:
        raise SourceFault(
            "not-in-backup", f"the newest proven backup, {backup.id}, is {age / 3600:.0f} h old"
        )
    return backup.id
