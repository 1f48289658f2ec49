"""A day's usage as the report shows it: what `usage.json` holds, kept short; figures beside what is
usual. Pure.

`condensed` is what a report keeps of it (a few kilobytes); the others read that again. What stands
out has been found by the check; here it only gets its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A page has room for so many rows; `usage.json`, beside the evidence, has all of them.
_MOST_GROUPS, _MOST_AGENTS, _MOST_FAILURES, _MOST_STANDOUTS = 10, 15, 8, 12
# A queue or agent may be named by a far system: the name must not push the figures off the line.
_LONGEST_NAME = 60
# Half a percent: of ten thousand calls, what had fewer than fifty says nothing of the day.
_LEAST_SHARE = 0.005
_FIGURES = (
    "offered", "answered", "asr", "ner", "acd_seconds", "talk_seconds", "peak",
    "queue_offered", "queue_abandoned", "queue_service_level",
    "abandoned", "service_level", "asa_seconds",
)  # fmt: skip
# Where the queues have a log, their own figures take the place of those that are guessed from call
# records.
_INSTEAD = {"abandoned": "queue_abandoned", "service_level": "queue_service_level"}


# What `condensed` keeps of a day, and a report has of it for good.
KEPT = frozenset({
    "check", "date", "day_hours", "provisional", "definitions", "calls", "queue",
    "concurrency", "busy_hour", "records",
    "hours", "trunks", "dids", "queues", "agents", "failures", "weeks", "usual",
    "stands_out", "standouts", "odd",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the day, `part` an hour or a trunk ("hour:10:00") or "". `usual` is the median of
    that weekday.
    """

    metric: str
    part: str
    value: float | None
    usual: float | None = None
    weeks: int = 0
    stands_out: bool = False

    @property
    def above(self) -> bool:
        """Whether it is more than usual."""
        return (self.value or 0) > (self.usual or 0)

    @property
    def percent(self) -> float | None:
        """How far from usual, in percent of it."""
        return (
            100 * ((self.value or 0) - self.usual) / self.usual
            if self.usual and self.value is not None
            else None
        )


@dataclass(frozen=True, slots=True)
class HourLine:
    """An hour of the day, with its calls, those usual in it, and its traffic in Erlang (calls at
    once, on average).
    """

    label: str
    offered: int
    usual: float | None
    answered: int
    erlangs: float
    stands_out: bool


def condensed(check: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """What a report keeps. Raises KeyError, TypeError for what is no usage.json of version 1."""
    if (told["schema"], told["version"]) != ("reveille.usage", 1):
        raise KeyError(f"{told['schema']} {told['version']} is not reveille.usage 1")
    compared = told["comparison"]
    usual = [row for row in compared["usual"] if not row["part"] or row["part"].startswith("hour:")]
    return {
        "check": check,
        **{
            name: told[name]
            for name in ("date", "day_hours", "provisional", "definitions", "calls")
        },
        **{name: told[name] for name in ("queue", "concurrency", "busy_hour")},
        "records": told["source"]["records_read"],
        "hours": [
            {name: hour[name] for name in ("label", "offered", "answered", "erlangs")}
            for hour in told["hours"]
        ],
        **{
            name: _weighty(told[name], told["calls"]["offered"])
            for name in ("trunks", "dids", "queues")
        },
        "agents": [_named(row) for row in told["agents"][:_MOST_AGENTS]],
        "failures": told["failures"][:_MOST_FAILURES],
        "weeks": compared["weeks"],
        "usual": usual,
        "stands_out": [_named(row, "part") for row in compared["stands_out"][:_MOST_STANDOUTS]],
        "standouts": compared["standouts"],
        # Kinds of odd records that did not occur would fill a year of reports with zeros.
        "odd": {name: count for name, count in told["odd"].items() if count},
    }


def figures(told: Mapping[str, Any]) -> tuple[Figure, ...]:
    """The figures of the day, each beside what is usual; those of the queues' own log where there
    is one.
    """
    found = {one.metric: one for one in map(_figure, told["usual"]) if not one.part}
    found |= {
        name: Figure(name, "", value) for name, value in _today(told).items() if name not in found
    }
    apart = {one.metric for one in standouts(told) if not one.part}
    rows = []
    for name in _FIGURES:
        if (
            name not in found
            or found[name].value is None
            or (told["queue"] and _INSTEAD.get(name) in found)
        ):
            continue
        one = found[name]
        rows.append(Figure(name, "", one.value, one.usual, one.weeks, name in apart))
    return tuple(rows)


def standouts(told: Mapping[str, Any]) -> tuple[Figure, ...]:
    """What is not as on the same weekday of the weeks before; farthest off first, the day before
    its parts.
    """
    return tuple(_figure(row, True) for row in told["stands_out"])


def hours(told: Mapping[str, Any]) -> tuple[HourLine, ...]:
    """The hours of the day, each with its calls and what is usual in it."""
    usual = {
        row["part"]: row["median"]
        for row in told["usual"]
        if row["part"] and row["metric"] == "offered"
    }
    apart = {one.part for one in standouts(told)}
    return tuple(
        HourLine(
            hour["label"],
            hour["offered"],
            usual.get(f"hour:{hour['label']}"),
            hour["answered"],
            hour["erlangs"],
            f"hour:{hour['label']}" in apart,
        )
        for hour in told["hours"]
    )


def _figure(row: Mapping[str, Any], apart: bool = False) -> Figure:
    return Figure(
        row["metric"], row["part"] or "", row["value"], row["median"], row["weeks"], apart
    )


def _today(told: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a day without any before it."""
    calls, queue = told["calls"], told["queue"]
    return {
        "offered": calls["offered"],
        "answered": calls["answered"],
        "asr": calls["asr"]["percent"],
        "ner": calls["ner"]["percent"],
        "acd_seconds": calls["acd_seconds"],
        "talk_seconds": calls["talk_seconds"],
        "peak": told["concurrency"]["peak"],
        **(
            {}
            if queue is None
            else {"queue_offered": queue["offered"], "queue_abandoned": queue["abandoned"]}
        ),
    }


def _weighty(rows: Sequence[Mapping[str, Any]], calls: int) -> list[dict[str, Any]]:
    """The largest; a number that was dialled once says nothing to anybody."""
    return [_named(row) for row in rows[:_MOST_GROUPS] if row["offered"] >= _LEAST_SHARE * calls]


def _named(row: Mapping[str, Any], key: str = "name") -> dict[str, Any]:
    """A row whose name, which a far end may have chosen, is no longer than a line."""
    name = row[key]
    return {**row, key: name if name is None else str(name)[:_LONGEST_NAME]}
