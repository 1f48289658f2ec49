"""Does the report portal still make its report, and are its figures right? They are held against
the call records.

    each step    a walk to the report: login, run,          faults:  as for a portal; of the last:
                 download                                            report-missing
    figures      Date,Calls,Answered -> calls 90,           faults:  report-missing, bad-json,
                 answered 80                                         report-changed
    records      the records of the same day, as usage      unknown: they cannot be read, or are
                 has them                                            too few
    compare      calls 90, records 90;                      fault:   figures-differ, with both
                 answered 72, records 80

Rules: {date} in a step or a figure is the day of the report, as the site's calendar has it. The
records are read as the kind usage reads them, in a process of its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.data.usage.check import Usage
from checks.data.usage.day import day_before
from checks.data.usage.sources import QueueLog, Records
from checks.kind import Duty
from checks.settings import Duration, SiteZone
from checks.transport.http.message import Answer
from checks.web.report_figures import Figure
from checks.web.step_kinds import AFTERWARDS_SECONDS, Walked
from checks.web.steps.step import Step

# What a portal answers that has let us in and has no report: an empty or a wrong page, or nothing
# in time. A refused connection is none of these: then the portal itself is down.
_NOT_MADE = (
    "timeout",
    "soft-200",
    "missing-text",
    "unwanted-text",
    "no-match",
    "too-small",
    "wrong-page",
)


def _date_format(written: str) -> str:
    # A day and a month below ten would look alike in some formats; strftime leaves what it does not
    # know as it is, percent sign and all.
    sample = datetime.date(2026, 11, 9).strftime(written)
    if "%" not in written or "%" in sample or not sample.isprintable():
        raise ValueError(f"{written[:40]!r} is no way to write a date; write it as in '%d.%m.%Y'")
    return written


class Report(Walked, Check):
    """Runs a report of a portal and compares its figures with the call records."""

    KIND: ClassVar[str] = "report"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "reports"
    SAMPLE: ClassVar[str] = """
[checks.calls-report]
kind = "report"
at = ["06:00"]
url = "https://reports.example.net/"
secrets = { password = { credential = "report-portal" } }
records = { file = "/var/log/asterisk/cdr-csv/Master.csv" }

[[checks.calls-report.steps]]
name = "login"
url = "/login"
form = { user = "watcher", password = "{password}" }
lands_on = "/home"

[[checks.calls-report.steps]]
name = "download"
url = "/reports/calls.csv?date={date}"

[[checks.calls-report.figures]]
name = "calls"
column = "Calls"
rows = { Date = "{date}" }
records = "offered_calls"

[[checks.calls-report.figures]]
name = "answered"
column = "Answered"
rows = { Date = "{date}" }
records = "answered_calls"
"""
    WORDS: ClassVar[tuple[str, ...]] = ("date",)

    figures: tuple[Figure, ...] = Field(min_length=1)
    """which figures of the report are compared, and with what"""
    records: Records
    """where the call records are"""
    queue_log: QueueLog | None = None
    """where the queues' own log is"""
    own_calls: tuple[str, ...] = ("reveille",)
    """account codes or caller numbers of Reveille's own test calls, which no figure counts"""
    trunks: tuple[str, ...] = Field(default=(), examples=[["PJSIP/trunk-*"]])
    """names of trunks among the channels, with *; without any the channel that a call came in on"""
    short_abandon: Duration = Field(default=5.0, ge=0)
    """who gives up within it does not count as abandoned"""
    date: datetime.date | None = None
    """the local date to look at; without it the day before"""
    date_format: Annotated[str, AfterValidator(_date_format)] = "%Y-%m-%d"
    """how {date} is written, as strftime has it"""
    timezone: SiteZone = ""
    """the site's, which the loader knows"""
    within: Duration = Field(default=60.0, gt=0)
    """time limit for all steps together"""
    records_within: Duration = Field(default=300.0, gt=0)
    """time limit for reading the call records"""

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        names = [figure.name for figure in self.figures]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two figures are called {twice[0]!r}")
        return self

    def measures(self) -> Mapping[str, str]:
        """The walk, and how far the figures are off."""
        return {
            **self.walk_measures(),
            "figures_seconds": "reading the report, in seconds",
            "records_seconds": "reading the call records, in seconds",
            "compare_seconds": "comparing them, in seconds",
            "differing_figures": "how many figures are off by more than their tolerance",
            "greatest_difference_percent": (
                "how far the figure that is off the most is off, in percent of the records'"
            ),
            "total_seconds": "everything, in seconds",
        }

    def longest_seconds(self) -> float:
        """The time limits of the walk and of reading the records, in seconds."""
        return self.within + self.records_within + AFTERWARDS_SECONDS + 7.0

    async def probe(self, trace: Trace) -> None:
        """Run the report once, and compare."""
        # At six in the morning the report of yesterday is the newest whole one, and the records of
        # yesterday are closed.
        date = self.date or day_before(trace.began_at, self.timezone).date
        written = date.strftime(self.date_format)
        answer = await self.last_answer(trace, {"date": written})
        kept = trace.exhibit(
            f"report{_ending(answer)}", answer.head.content_type or "text/plain", answer.body
        )
        with trace.stage("figures"):
            told = {one.name: await one.read(answer.text, written) for one in self.figures}
        trace.note(f"{kept.name}, the report of {date}: {_listed(told)}")
        with trace.stage("records"):
            recorded = await self._recorded(trace, date)
        with trace.stage("compare"):
            self._compared(trace, told, recorded)
        trace.measure("total_seconds", trace.elapsed())

    def fault_of(self, step: Step, refused: Failed) -> Failed:
        """The fault of a step: where the last one is refused and the portal let us in before, it is
        the report that is missing.
        """
        let_in = step is not self.steps[0] and (
            refused.code.startswith("http:") or refused.code in _NOT_MADE
        )
        if step is self.steps[-1] and (let_in or refused.code in ("http:404", "http:410")):
            return Failed("report-missing", str(refused))
        return refused

    async def _recorded(self, trace: Trace, date: datetime.date) -> Mapping[str, float]:
        """What the call records say. Raises CannotTell: a usage check is who tells of records."""
        usage = Usage(
            records=self.records,
            queue_log=self.queue_log,
            own_calls=self.own_calls,
            trunks=self.trunks,
            short_abandon=self.short_abandon,
            date=date,
            timezone=self.timezone,
            weeks=0,
            time_limit=self.records_within,
        )
        reading = Trace(trace.elapsed, trace.exhibits_folder, began_at=trace.began_at)
        try:
            await usage.probe(reading)
        except Failed as refused:
            raise CannotTell(f"the call records cannot be read: {refused}") from None
        return reading.observation().measures

    def _compared(
        self, trace: Trace, told: Mapping[str, float], recorded: Mapping[str, float]
    ) -> None:
        if unknown := [one.records for one in self.figures if one.records not in recorded]:
            raise CannotTell(f"the call records of that day say nothing of {unknown[0]}")
        off = [one for one in self.figures if not one.agrees(told[one.name], recorded[one.records])]
        shares = [
            # Records that say 0 make every difference infinite; the measure is capped below.
            abs(told[one.name] - recorded[one.records]) / max(1e-9, abs(recorded[one.records]))
            for one in self.figures
            if told[one.name] != recorded[one.records]
        ]
        trace.measure("differing_figures", len(off))
        trace.measure("greatest_difference_percent", min(1000.0, 100.0 * max(shares, default=0.0)))
        if off:
            pairs = [
                f"{one.name}: {told[one.name]:g}, records {recorded[one.records]:g}" for one in off
            ]
            raise Failed("figures-differ", "; ".join(pairs))


def _ending(answer: Answer) -> str:
    return {"text/csv": ".csv", "application/json": ".json", "text/html": ".html"}.get(
        answer.head.content_type, ".txt"
    )


def _listed(told: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in told.items())
