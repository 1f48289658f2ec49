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
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from checks.data.hygiene.column_times import bound_of, column_zone, instant_of, span_of
from checks.data.hygiene.conditions import (
    DAY_SECONDS,
    Kept,
    Run,
    clock,
    compared,
    compared_columns,
    not_removed,
    proven,
)
from checks.data.hygiene.journal import Entry, Journal
from checks.data.hygiene.servers import OPENERS
from checks.data.hygiene.stores import Bound, Store
from checks.data.hygiene.table_digest import Digest
from checks.data.usage.day import Day
from checks.data.usage.source_faults import SourceFault

# Ten years of days without a record, one question each: what is older than that is not looked for
# in one run.
_MOST_EMPTY = 4000


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
        held = clock(run, live, stores)
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


def _kept(run: Run, kept: Kept, store: Store, elsewhere: Store | None, held: str) -> None:
    run.tell(begin=f"{kept.name}-look")
    cut = run.cut(kept.days)
    oldest = store.edge(newest=False)
    beyond = store.count(None, bound_of(run.job, cut.begin))
    run.measures[f"{kept.name}_records_beyond"] = beyond
    if oldest is not None:
        run.measures[f"{kept.name}_oldest_days"] = (
            run.now - instant_of(run.job, oldest)
        ) / DAY_SECONDS
    if beyond:
        _remove(run, kept, store, elsewhere, held, cut)
    run.tell(begin=f"{kept.name}-judge")
    _judge(run, kept, store)


def _remove(
    run: Run, kept: Kept, store: Store, elsewhere: Store | None, held: str, cut: Day
) -> None:
    """Day by day, the oldest first, every condition held before the first record goes."""
    why = not_removed(run, kept, elsewhere, held)
    days = list(_days(run, store, cut))
    run.measures[f"{kept.name}_days_beyond"] = len(days)
    # A bounded number of days in a run: a wrong setting is noticed before everything is gone.
    some = days[: run.job["most_days"]]
    run.tell(begin=f"{kept.name}-compare")
    journal = Journal(Path(run.job["folder"]))
    columns = compared_columns(run, store, elsewhere)
    found = {day: compared(run, kept, store, elsewhere, columns, journal, day) for day in some}
    run.tell(begin=f"{kept.name}-backup")
    if kept.proven_in:
        run.notes.append(f"{kept.name}: in the proven backup {proven(run, kept, store, some)}")
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
