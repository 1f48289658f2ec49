"""Yesterday's usage, from real call records: calls, ratios, traffic, queues and agents, and what is
not as usual.

    connect   the file is there, the server lets us in      faults: refused, login-refused,
              no-such-database,
                                                            no-such-file, not-allowed,
                                                            too-many-connections, timeout,
                                                            not-records
    read      SELECT ... FROM "cdr" WHERE "start" >= ...    faults: no-such-table, no-such-column,
              closed, corrupt
    compute   legs -> calls -> figures                      faults: not-understood (a share of the
              records), no-records (nothing read, or nothing where there usually is something)

Rules: read-only; in a process of its own at low priority, so that no driver and no numpy is in the
daemon; secrets go to it through a pipe. The day is the local day before the attempt's own, or
`date`. The full result is the exhibit usage.json, whose form is checks/data/usage/schema.json.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.data.usage.day import Day, day_before
from checks.data.usage.sources import QueueLog, Records
from checks.kind import Duty
from checks.process.events import Told, concluded, followed
from checks.process.parent import python
from checks.settings import Duration, SiteZone

_PROGRAM = "checks.data.usage.child"
EXHIBIT = "usage.json"
_MEASURES: Mapping[str, str] = {
    "connect_seconds": "reaching the source, in seconds",
    "read_seconds": "reading the records, in seconds",
    "compute_seconds": "from the records to the figures, in seconds",
    "records": "records that were read",
    "offered_calls": "calls (seizures), each with all its legs, without Reveille's own",
    "answered_calls": "calls that were answered",
    "own_calls": "Reveille's own test calls",
    "abandoned_calls": (
        "callers who gave up after more than `short_abandon`; of the queues where there is a"
        " queue_log"
    ),
    "abandonment_percent": "abandoned of offered, in percent",
    "asr_percent": "answer-seizure ratio: answered of offered, in percent",
    "ner_percent": "network effectiveness ratio (ITU-T E.425): reached of offered, in percent",
    "acd_seconds": "average call duration: talk of an answered call, in seconds",
    "aht_seconds": "average handling time: talk and wrap-up of a handled call, in seconds",
    "asa_seconds": "average speed of answer: wait of an answered call, in seconds",
    "service_level_percent": "calls answered within `answer_within`, in percent",
    "talk_minutes": "talk, in minutes",
    "peak_calls": "the most calls at once",
    "busy_hour_erlangs": "traffic of the busiest 60 minutes, in Erlang",
    "standouts": "how many figures are not as on the same weekday of the weeks before",
    "odd_records": "records with something wrong about them",
}


class Usage(Check):
    """The usage of the previous day, from call records."""

    KIND: ClassVar[str] = "usage"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "reports"
    COUNTS_USAGE: ClassVar[bool] = True
    SAMPLE: ClassVar[str] = """
# Of a database: { postgresql = { host = "...", database = "...", user = "...", password = {...} }
# }
[checks.yesterdays-usage]
kind = "usage"
at = ["04:00"]
records = { file = "/var/log/asterisk/cdr-csv/Master.csv" }
queue_log = { file = "/var/log/asterisk/queue_log" }
trunks = ["PJSIP/trunk-*"]
"""

    records: Records
    """where the call records are"""
    queue_log: QueueLog | None = None
    """where the queues' own log is: callers who wait, and agents"""
    timezone: SiteZone = ""
    """the site's, which the loader knows"""
    date: datetime.date | None = None
    """the local date to look at; without it the day before"""
    weeks: int = Field(default=4, ge=0, le=26)
    """how many weeks back the same weekday is compared with"""
    answer_within: Duration = Field(default=20.0, ge=1)
    """the T of the service level: answered within it is in time"""
    service_level: Literal["A", "B", "C", "D"] = "A"
    """in time of answered and abandoned (A), less who gave up in time (B), these as served (C), of
    the answered (D)
    """
    short_abandon: Duration = Field(default=5.0, ge=0)
    """who gives up within it is counted apart"""
    wrap_up: Duration = Field(default=0.0, ge=0)
    """wrap-up after each call, where the queues give one; it is not recorded, so it is an
    estimate
    """
    longest_call: Duration = Field(default=14400.0, ge=60, le=86400)
    """how long calls are at most: so far around the day calls are read that reach into it"""
    trunks: tuple[str, ...] = Field(default=(), examples=[["PJSIP/trunk-*"]])
    """names of trunks among the channels, with *; without any the channel that a call came in on"""
    own_calls: tuple[str, ...] = ("reveille",)
    """account codes or caller numbers of Reveille's own test calls"""
    own_numbers: tuple[str, ...] = Field(default=(), examples=[["+9180234567*"]])
    """numbers called that are the site's own, with *, which the report has whole; of any other of
    seven digits and more it has the last two. ["*"] for all
    """
    also_delivered: tuple[Annotated[int, Field(ge=1, le=127)], ...] = ()
    """further Q.850 causes that count as reached in NER, as 20 and 31"""
    time_limit: Duration = Field(default=600.0, gt=0)
    """for everything together"""

    @model_validator(mode="after")
    def _whole_seconds(self) -> Self:
        # What is compared with these limits are whole seconds: half a second would decide nothing.
        if self.answer_within % 1 or self.short_abandon % 1:
            raise ValueError(
                "records count whole seconds; write answer_within and short_abandon in whole"
                " seconds"
            )
        return self

    def target(self) -> str:
        """Where the call records lie."""
        return self.records.named()

    def measures(self) -> Mapping[str, str]:
        """The measures of the headline."""
        return _MEASURES

    LACKS_AT: ClassVar[str] = "records"

    def lacks(self) -> str | None:
        """The records, where no such file is there."""
        file = self.records.file
        try:
            there = file is None or any(file.parent.glob(file.name))
        except OSError:
            there = False
        if there:
            return None
        return (
            f"there is no file {file} for this user; name the one that the PBX writes (Asterisk:"
            " /var/log/asterisk/cdr-csv/Master.csv)"
        )

    def longest_seconds(self) -> float:
        """The time limit, and a little for the closing."""
        return self.time_limit + 5.0

    async def probe(self, trace: Trace) -> None:
        """Read and compute once."""
        now = trace.began_at
        day = Day.of(self.date, self.timezone) if self.date else day_before(now, self.timezone)
        try:
            job = self._job(day, int(now), trace.exhibits_folder / EXHIBIT)
        except LookupError as missing:
            raise CannotTell(f"the source's password is not to be had: {missing}") from None
        try:
            told = concluded(await followed(python(_PROGRAM), job, trace, self.time_limit), trace)
        finally:
            # Also where the source was at fault: what was read until then helps to find out why.
            trace.exhibit(EXHIBIT, "application/json")
        self._conclude(day, told, trace)

    def _conclude(self, day: Day, told: Told, trace: Trace) -> None:
        trace.note(f"{day.date} {day.zone}, {day.seconds / 3600:g} h: {told['offered']:.0f} calls")
        # No call where there usually are some is trouble of the platform; on a holiday the median
        # says so as well.
        if not told["offered"] and (told["usual"] or 0) > 0:
            with trace.stage("compute"):
                raise Failed(
                    "no-records", f"no call on {day.date}; usual on this weekday: {told['usual']:g}"
                )

    def _job(self, day: Day, now: int, path: Path) -> Told:
        return {
            "date": day.date.isoformat(),
            "zone": day.zone,
            "now": now,
            "weeks": self.weeks,
            "answer_seconds": int(self.answer_within),
            "short_seconds": int(self.short_abandon),
            "longest_seconds": int(self.longest_call),
            "wrap_seconds": int(self.wrap_up),
            "service_level": self.service_level,
            "records": self.records.plain(),
            "queue_log": None if self.queue_log is None else self._queue_log(self.queue_log),
            "own": list(self.own_calls),
            "own_numbers": list(self.own_numbers),
            "trunks": list(self.trunks),
            "delivered": list(self.also_delivered),
            "result": str(path),
        }

    def _queue_log(self, written: QueueLog) -> dict[str, Any]:
        return {**written.plain(), "wrap_reasons": list(written.wrap_reasons)}
