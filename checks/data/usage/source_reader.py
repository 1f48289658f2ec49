"""From a source to the tallies of its days. Only for the child process; the job is plain data
(`check` writes it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from checks.data.usage import legs_to_calls
from checks.data.usage.columns import Columns, plain
from checks.data.usage.day import Day
from checks.data.usage.drivers import OPENERS
from checks.data.usage.hunted_legs import attempts
from checks.data.usage.leg_pairing import Calls
from checks.data.usage.leg_rows import Met, Names
from checks.data.usage.queue_log import Event, QueueTally
from checks.data.usage.record_formats import FORMATS, Format
from checks.data.usage.record_query import Bounds, TableRecords
from checks.data.usage.records_to_legs import Taker, Taking, Window
from checks.data.usage.source_faults import SourceFault
from checks.data.usage.spool import Spool
from checks.data.usage.tally import Rules, Tally
from checks.data.usage.text_files import files_of
from checks.data.usage.text_reader import CsvRecords, queue_lines
from checks.data.usage.timestamps import NEVER, Zone

# Seconds of the queue's log that are read before a day: agents of a night shift have logged in on
# the evening before.
_QUEUE_LOOKBACK = 86_400
# Asterisk's realtime table has `data` as one text with bars, or `data1` to `data5`, by its version.
_QUEUE_FORM = Format(
    table="queue_log",
    columns={
        "start": "time", "id": "callid", "queue": "queuename", "agent": "agent",
        "event": "event", "data": "data",
        "data1": "data1", "data2": "data2", "data3": "data3", "data4": "data4", "data5": "data5",
    },
    optional=frozenset({"data", "data1", "data2", "data3", "data4", "data5"}),
)  # fmt: skip


# Five days of eight million legs: no site comes near. A view or a file may have no end, and what is
# read waits on the disk.
MOST_RECORDS = 40_000_000


class Source(Protocol):
    """Records, some thousands at a time."""

    def batches(self) -> Iterator[Columns]:
        """Each record once."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for: a date in a zone, compared with as many weeks, by these rules."""

    day: Day
    weeks: int
    now: int
    rules: Rules
    longest_seconds: int
    records: Mapping[str, Any]
    queue_log: Mapping[str, Any] | None
    own: frozenset[str]
    trunks: tuple[str, ...]
    delivered: frozenset[int]
    wrap_seconds: int
    service_level: str
    in_memory: int | None = None
    most_records: int = MOST_RECORDS
    own_numbers: tuple[str, ...] = ()

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Job:
        """The job as it was written."""
        return cls(
            day=Day.of(date.fromisoformat(plain["date"]), plain["zone"]),
            weeks=plain["weeks"],
            now=plain["now"],
            rules=Rules(plain["answer_seconds"], plain["short_seconds"]),
            longest_seconds=plain["longest_seconds"],
            records=plain["records"],
            queue_log=plain["queue_log"],
            own=frozenset(plain["own"]),
            trunks=tuple(plain["trunks"]),
            delivered=frozenset(plain["delivered"]),
            wrap_seconds=plain["wrap_seconds"],
            service_level=plain["service_level"],
            in_memory=plain.get("in_memory"),
            most_records=plain.get("most_records", MOST_RECORDS),
            own_numbers=tuple(plain.get("own_numbers", ())),
        )

    def days(self) -> tuple[Day, ...]:
        """The day, and those that it is compared with."""
        return (self.day, *self.day.weeks_before(self.weeks))

    def windows(self) -> tuple[Window, ...]:
        """What is read for each day: whoever begins within the longest call before it, or
        after it.
        """
        # A call of the day may have begun before it, and its last leg may be written after it.
        around = self.longest_seconds
        return tuple(
            Window(day.begin - around, day.end + around, day.begin, day.end) for day in self.days()
        )


@dataclass
class Read:
    """What was found."""

    tallies: list[Tally]
    queues: list[QueueTally] | None = None
    names: Names = field(default_factory=Names)
    met: Met = field(default_factory=Met)
    queue_met: Met = field(default_factory=Met)
    """what the queue's log had beside events"""


def read(job: Job, stage: Callable[[str], None]) -> Read:
    """Everything the job asks for; `stage` is told what begins. Raises SourceFault."""
    tallies = [Tally(day, job.rules) for day in job.days()]
    found = Read(tallies, names=Names(own_numbers=job.own_numbers))
    stage("connect")
    spool = Spool() if job.in_memory is None else Spool(job.in_memory)
    with spool:
        with _records(job, found.met) as source:
            stage("read")
            taker = Taker(_taking(job), found.names, found.met)
            for records in source.batches():
                spool.add(taker.take(records))
                _hold_to(job.most_records, found.met.records)
        if job.queue_log is not None:
            found.queues = _queues(job, job.queue_log, found.queue_met)
        stage("compute")
        with Spool(spool.in_memory) as paired:
            _fold(job, _paired(spool, paired, taker), found)
    return found


def _hold_to(most: int, records: int) -> None:
    if records > most:
        said = (
            f"more than {most} records were given, which no site has; is it a view without an end?"
        )
        raise SourceFault("not-understood", said)


def _paired(spool: Spool, other: Spool, taker: Taker) -> Spool:
    """The legs by their calls, where legs name legs; only when all are read is it known whose."""
    pairs = [*taker.pairs, *attempts(taker.seen, taker.pairs)]
    if not pairs:
        return spool
    calls = Calls(pairs)
    for bucket in spool.buckets():
        legs = bucket.copy()
        legs["link"] = calls.of(legs["link"])
        other.add(legs)
    return other


def _fold(job: Job, spool: Spool, found: Read) -> None:
    for legs in spool.buckets():
        # Counted before they are folded, where two records of one leg become one.
        found.met.odd["duplicates"] += legs_to_calls.duplicates(legs, job.day.begin, job.day.end)
        calls, without_end = legs_to_calls.fold(legs)
        today = (calls["start"] >= job.day.begin) & (calls["start"] < job.day.end)
        found.met.odd["without_end"] += int((today & without_end).sum())
        for tally in found.tallies:
            tally.add(calls)
    found.met.odd["crossed_into_the_day"] = found.tallies[0].crossed_in
    found.met.odd["crossed_out_of_the_day"] = found.tallies[0].crossed_out


def _taking(job: Job) -> Taking:
    return Taking(
        form=FORMATS[job.records["format"]],
        zone=_zone(job, job.records),
        windows=job.windows(),
        now=job.now,
        longest_seconds=job.longest_seconds,
        own=job.own,
        trunks=job.trunks,
        delivered=job.delivered,
    )


def _zone(job: Job, place: Mapping[str, Any]) -> str:
    written = str(place["times"])
    return {"site": job.day.zone, "utc": "UTC"}.get(written, written)


@contextmanager
def _records(job: Job, met: Met) -> Iterator[Source]:
    place = job.records
    if place["kind"] == "file":
        # Rotated files that were finished before the earliest window need not be opened.
        earliest = min(window.begin for window in job.windows())
        yield CsvRecords(files_of(place["path"], earliest), place["fields"], met)
        return
    windows = [(window.begin, window.end) for window in job.windows()]
    with OPENERS[place["kind"]](place) as dialect:
        yield TableRecords(
            dialect, FORMATS[place["format"]], place, Bounds(windows, job.now, _zone(job, place))
        )


# --- the queue's own log


def _queues(job: Job, place: Mapping[str, Any], met: Met) -> list[QueueTally]:
    reasons = place["wrap_reasons"]
    tallies = [
        QueueTally(day, job.rules, job.wrap_seconds, reasons, min(job.now, day.end))
        for day in job.days()
    ]
    around = [(day.begin - _QUEUE_LOOKBACK, day.end + job.longest_seconds) for day in job.days()]
    for event in _events(job, place, around, met):
        # Windows of two days may overlap: an event may be of both.
        for tally, (begin, end) in zip(tallies, around, strict=True):
            if begin <= event[0] < end:
                tally.take([event])
    for tally in tallies:
        tally.finish()
    return tallies


def _events(
    job: Job, place: Mapping[str, Any], around: Sequence[tuple[int, int]], met: Met
) -> Iterator[Event]:
    if place["kind"] == "file":
        files = files_of(place["path"], min(begin for begin, _ in around))
        for fields in queue_lines(files, met):
            yield int(fields[0]), fields[1], fields[2], fields[3], fields[4], fields[5:]
        return
    zone = _zone(job, place)
    with OPENERS[place["kind"]](place) as dialect:
        table = TableRecords(
            dialect, _QUEUE_FORM, {**place, "columns": {}}, Bounds(around, job.now, zone)
        )
        yield from _of_table(table, Zone(zone), met, job.most_records)


def _of_table(table: TableRecords, zone: Zone, met: Met, most: int) -> Iterator[Event]:
    """A table has no order: its events are sorted by their time, those of one second as the table
    gives them.
    """
    at = table.positions
    data = [at[f"data{number}"] for number in range(1, 6) if f"data{number}" in at]
    events: list[Event] = []
    for rows in table.rows():
        times, _, _ = zone.read([row[at["start"]] for row in rows])
        for time, row in zip(times.tolist(), rows, strict=True):
            met.records += 1
            _hold_to(most, met.records)
            if time == NEVER:
                met.not_understood("without_start", 1, plain(row[at["start"]]))
                continue
            words = [plain(row[at[term]]) for term in ("id", "queue", "agent", "event")]
            parameters = [plain(row[place]) for place in data]
            if not any(parameters) and "data" in at:
                parameters = plain(row[at["data"]]).split("|")
            events.append((time, words[0], words[1], words[2], words[3], parameters))
    # By time alone, and stably: events of one second stay in the order in which the table gave
    # them.
    yield from sorted(events, key=lambda event: event[0])


def where(place: Mapping[str, Any]) -> str:
    """A source in words that hold no secret."""
    if place["path"]:
        return Path(place["path"]).name + (f" ({place['table']})" if place["table"] else "")
    server = place["server"]
    return f"{place['kind']} {server['host']} {server['database']}" + (
        f".{place['table']}" if place["table"] else ""
    )
