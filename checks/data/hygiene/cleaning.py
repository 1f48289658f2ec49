"""What a run of hygiene does, in the child process: look, hold every condition, and only then
remove.

    clock     the servers' clocks and this host's agree; the newest record is recent        clock,
              stale
    look      the oldest record, and how many lie beyond the cut-off
    compare   each day beyond it: records and hash equal in the reporting database           differs
    backup    the newest proven backup has the table, and is recent
              not-in-backup
    clean     journal, remove, journal; day by day, no more than `most_days` in one run
    judge     what is still there is older than it may be                                    overdue

Rules: one cut-off, the local midnight that begins today less so many days. Where one record of a
day is not elsewhere, nothing is removed. The first run only rehearses. A clock that went back is a
fault; a day and a half since the run before removes nothing this time: whoever is right, tomorrow's
run will know.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from checks.data.backup.store.repository import Repository
from checks.data.hygiene.column_times import bound_of, column_zone, instant_of, span_of
from checks.data.hygiene.journal import Entry, Journal
from checks.data.hygiene.servers import OPENERS
from checks.data.hygiene.stores import Bound, Store
from checks.data.hygiene.table_digest import Digest, digest, number
from checks.data.usage.day import Day
from checks.data.usage.source_faults import SourceFault

_DAY_SECONDS = 86400
# A minute is more than NTP ever leaves, and less than moves a record over midnight by much.
_CLOCK_SECONDS = 60
# A day and a half: a run a day, and one that was late. Beyond that somebody should look first.
_LATE_SECONDS = 36 * 3600
# A record of tomorrow comes of a clock that is ahead: then the cut-off would be wrong, too.
_FUTURE_SECONDS = 86400
# Ten years of days without a record, one question each: what is older than that is not looked for
# in one run.
_MOST_EMPTY = 4000
"""days without a record that are stepped over"""


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


def clean(run: Run) -> None:
    """Do what the job says. Raises SourceFault; what was measured and noted until then stays in the
    run.
    """
    job, tell = run.job, run.tell
    live = Kept("live", job["live"], job["keep_days"], job["proven_in"])
    reporting = None
    if job["reporting"] is not None:
        reporting = Kept(
            "reporting", job["reporting"], job["reporting_days"], job["reporting_proven_in"]
        )
    with ExitStack() as stack:
        # All are open before anything is judged: a reporting database that is down must not be
        # found out after the removal.
        tell(begin="connect")
        stores = {
            kept.name: stack.enter_context(_opened(job, kept)) for kept in (live, reporting) if kept
        }
        tell(begin="clock")
        held = _clock(run, live, stores)
        for kept in (live, reporting):
            if kept:
                elsewhere = stores["reporting"] if kept is live and reporting else None
                _kept(run, kept, stores[kept.name], elsewhere, held)


def replay(run: Run) -> None:
    """Remove again from the live place what the journal says was removed from it. Raises
    SourceFault.
    """
    job = run.job
    live = Kept("live", job["live"], job["keep_days"], "")
    run.tell(begin="replay")
    gone = 0
    with _opened(job, live) as store:
        for day in Journal(Path(job["folder"])).removed("live", live.table):
            span = span_of(job, Day.of(datetime.date.fromisoformat(day), job["zone"]))
            gone += sum(store.remove(*span, job["batch"]))
    run.measures["records_removed"] = gone


def _opened(job: Mapping[str, Any], kept: Kept) -> Any:
    return OPENERS[kept.place["kind"]](kept.place, job["time"], column_zone(job))


def _clock(run: Run, live: Kept, stores: Mapping[str, Store]) -> str:
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
        said = f"the newest record is {age / _DAY_SECONDS:.1f} days old"
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


def _kept(run: Run, kept: Kept, store: Store, elsewhere: Store | None, held: str) -> None:
    run.tell(begin=f"{kept.name}-look")
    cut = run.cut(kept.days)
    oldest = store.edge(newest=False)
    beyond = store.count(None, bound_of(run.job, cut.begin))
    run.measures[f"{kept.name}_records_beyond"] = beyond
    if oldest is not None:
        run.measures[f"{kept.name}_oldest_days"] = (
            run.now - instant_of(run.job, oldest)
        ) / _DAY_SECONDS
    if beyond:
        _remove(run, kept, store, elsewhere, held, cut)
    run.tell(begin=f"{kept.name}-judge")
    _judge(run, kept, store)


def _remove(
    run: Run, kept: Kept, store: Store, elsewhere: Store | None, held: str, cut: Day
) -> None:
    """Day by day, the oldest first, every condition held before the first record goes."""
    why = _not_removed(run, kept, elsewhere, held)
    days = list(_days(run, store, cut))
    run.measures[f"{kept.name}_days_beyond"] = len(days)
    # A bounded number of days in a run: a wrong setting is noticed before everything is gone.
    some = days[: run.job["most_days"]]
    run.tell(begin=f"{kept.name}-compare")
    journal = Journal(Path(run.job["folder"]))
    columns = _columns(run, store, elsewhere)
    found = {day: _compared(run, kept, store, elsewhere, columns, journal, day) for day in some}
    run.tell(begin=f"{kept.name}-backup")
    if kept.proven_in:
        run.notes.append(f"{kept.name}: in the proven backup {_proven(run, kept, store, some)}")
    rehearsed = any(
        (entry.place, entry.table) == (kept.name, kept.table) for entry in journal.entries()
    )
    # Whatever the settings say, the first run removes nothing: it shows what it would do.
    if not why and not rehearsed:
        for day, seen in found.items():
            journal.write(_entry(run, kept, "rehearsed", day, seen))
        why = "this was the first run: a rehearsal"
    if why:
        run.notes.append(
            f"{kept.name}: {_days_said(some)} could go, {sum(d.records for d in found.values())}"
            f" records; {why}"
        )
        return
    run.tell(begin=f"{kept.name}-clean")
    gone = sum(_removed(run, kept, store, journal, day, seen) for day, seen in found.items())
    run.measures[f"{kept.name}_records_removed"] = gone
    run.notes.append(f"{kept.name}: {gone} records of {_days_said(some)} removed")


def _not_removed(run: Run, kept: Kept, elsewhere: Store | None, held: str) -> str:
    if not run.job["clean"]:
        return "cleaning is not enabled (clean = true)"
    if not kept.proven_in:
        return "no folder of proven backups is named, so nothing is removed"
    if kept.name == "live" and elsewhere is None:
        return "no reporting database is named, so nothing is removed"
    return held and f"nothing is removed this time: {held}"


def _days(run: Run, store: Store, cut: Day) -> Iterator[Day]:
    """The local days beyond the cut-off that have records, the oldest first."""
    after: Bound | None = None
    for _ in range(_MOST_EMPTY):
        oldest = store.edge(newest=False, after=after)
        if oldest is None or (instant := instant_of(run.job, oldest)) >= cut.begin:
            return
        local = datetime.datetime.fromtimestamp(instant, ZoneInfo(run.zone)).date()
        day = Day.of(local, run.zone)
        yield day
        after = bound_of(run.job, day.end)


def _columns(run: Run, store: Store, elsewhere: Store | None) -> list[str]:
    """What is compared: the same columns in both. Raises SourceFault."""
    columns = run.job["columns"] or store.columns()
    there = elsewhere.columns() if elsewhere is not None else columns
    if missing := [name for name in columns if name not in there]:
        raise SourceFault(
            "no-such-column",
            f"the reporting database has no {', '.join(missing)}: name the columns to compare",
        )
    return list(columns)


def _compared(
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


def _proven(run: Run, kept: Kept, store: Store, days: list[Day]) -> str:
    """The id of the newest proven backup, which has what holds the days and is recent. Raises
    SourceFault.
    """
    folder = Path(kept.proven_in)
    backup = next(
        (one for one in Repository(folder).backups() if one.proven and one.manifest), None
    )
    if backup is None or backup.manifest is None:
        raise SourceFault("not-in-backup", f"there is no proven backup in {folder}")
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


def _removed(run: Run, kept: Kept, store: Store, journal: Journal, day: Day, seen: Digest) -> int:
    # On the disk before the first record goes: after a crash the journal knows what may be missing.
    journal.write(_entry(run, kept, "intend", day, seen))
    gone = 0
    for count in store.remove(*span_of(run.job, day), run.job["batch"]):
        gone += count
    journal.write(_entry(run, kept, "removed", day, seen))
    return gone


def _entry(run: Run, kept: Kept, do: Any, day: Day, seen: Digest) -> Entry:
    at = datetime.datetime.fromtimestamp(run.now, datetime.UTC).isoformat(timespec="seconds")
    return Entry(do, at, kept.name, kept.table, day.date.isoformat(), seen.records, seen.hash)


def _judge(run: Run, kept: Kept, store: Store) -> None:
    """Raises SourceFault where records are older than they may be, grace included."""
    limit = run.cut(kept.days + run.job["grace_days"])
    late = store.count(None, bound_of(run.job, limit.begin))
    run.measures[f"{kept.name}_records_overdue"] = late
    if late:
        said = f"{late} records of {kept.table} ({kept.name}) are from before {limit.date}"
        raise SourceFault("overdue", f"{said}; {kept.days} days are kept. {' '.join(run.notes)}")


def _days_said(days: list[Day]) -> str:
    return f"{days[0].date}" if len(days) == 1 else f"{days[0].date} to {days[-1].date}"
