"""A root cause analysis as plain data: what the ledger knows of an incident, and what people write
of it. Nothing here decides; moments are aware.

Rule: what a person writes stands beside what was seen, never in its place; what nobody knows is
listed as missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from reports.ticket import ClockLine, Plain, clock_line

# The parts that people write, in their order; the first four are what the analysis is sent with.
SECTIONS: Mapping[str, str] = {
    "cause": "Cause",
    "extent": "Extent",
    "actions": "Actions taken",
    "plan": "Resolution plan",
    "prevention": "Prevention",
}
Part = Literal["rca", "prevention"]


@dataclass(frozen=True, slots=True)
class ExtentLine:
    """One thing that was counted: `hits` of `of`, of which the share lies between `low_percent` and
    `high_percent` (95 %, Wilson) where it is a sample; None where everything was counted.
    """

    what: str
    hits: int
    of: int
    low_percent: float | None = None
    high_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Rca(Plain):
    """The analysis of one incident. `written` is what people wrote, by section (SECTIONS)."""

    number: str
    site: str
    timezone: str
    title: str
    severity: str
    severity_name: str
    owner: str
    policy: str
    summary: str
    opened_at: datetime
    works_since: datetime | None = None
    last_good_at: datetime | None = None
    """the last look before it that was good: it broke after this"""
    last_bad_at: datetime | None = None
    """the last look that was bad: it was repaired after this"""
    first_good_at: datetime | None = None
    """the first look after it that was good: it was repaired before this"""
    told_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    first_check: str = ""
    layer: str = ""
    reasons: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    hung_on: tuple[str, ...] = ()
    also_failed: tuple[str, ...] = ()
    extent: tuple[ExtentLine, ...] = ()
    clocks: tuple[ClockLine, ...] = ()
    timeline: tuple[tuple[datetime, str], ...] = ()
    actions: tuple[tuple[datetime, str], ...] = ()
    """what people did: notes, acknowledgements, classifications"""
    evidence: tuple[tuple[str, str], ...] = ()
    waits_for: str = ""
    """the evidence that it waits for, and since when"""
    unknown: tuple[str, ...] = ()
    """what the ledger does not know"""
    written: Mapping[str, str] = field(default_factory=dict)
    written_by: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it was broken, from the first bad look to the first good one."""
        return (self.ended_at - self.opened_at).total_seconds() if self.ended_at else None

    @property
    def ended_at(self) -> datetime | None:
        """Since when it is known to work; None while nobody has seen it."""
        return (self.first_good_at or self.works_since) if self.works_since else None

    @property
    def least_seconds(self) -> float | None:
        """How long at least: between the first and the last bad look."""
        known = self.last_bad_at if self.works_since else None
        return max(0.0, (known - self.opened_at).total_seconds()) if known else None

    @property
    def most_seconds(self) -> float | None:
        """How long at most: between the good looks before and after."""
        if self.ended_at is None or self.last_good_at is None:
            return None
        return (self.ended_at - self.last_good_at).total_seconds()

    def unwritten(self, part: Part) -> tuple[str, ...]:
        """The sections that a person still has to write before it can be sent."""
        needed = ("prevention",) if part == "prevention" else ("cause", "plan")
        return tuple(name for name in needed if not self.written.get(name, "").strip())

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Rca:
        """It again. Raises TypeError, KeyError, ValueError for data that is none."""
        values = dict(body)
        for name in _MOMENTS:
            if values.get(name) is not None:
                values[name] = datetime.fromisoformat(values[name])
        for name in ("reasons", "findings", "hung_on", "also_failed", "unknown"):
            values[name] = tuple(values[name])
        for name in ("timeline", "actions"):
            values[name] = tuple((datetime.fromisoformat(at), text) for at, text in values[name])
        values["evidence"] = tuple((name, path) for name, path in values["evidence"])
        values["extent"] = tuple(ExtentLine(**one) for one in values["extent"])
        values["clocks"] = tuple(clock_line(one) for one in values["clocks"])
        return cls(**values)


_MOMENTS = (
    "opened_at", "works_since", "last_good_at", "last_bad_at", "first_good_at",
    "told_at", "acknowledged_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RcaLine:
    """One that is owed, or was sent: in a list and in the morning report. `state` is "due",
    "waits", "overdue", "sent" or "unpromised"; `part` is "rca" or "prevention".
    """

    number: str
    severity: str
    title: str
    part: str
    state: str
    owner: str = ""
    due_at: datetime | None = None
    why: str = ""
    """what it waits for"""


@dataclass(frozen=True, slots=True)
class RcaLines(Plain):
    """Those that are owed, the most urgent first."""

    timezone: str
    now: datetime
    lines: tuple[RcaLine, ...]


class FormFault(ValueError):
    """What was written is no such form; the text says where, and what would be right."""


_MOST_WRITTEN = 20_000


def read_form(text: str) -> dict[str, str]:
    """What a person has written, by section; a section that is not there is left as it is. Raises
    FormFault.
    """
    by_heading = {heading.lower(): name for name, heading in SECTIONS.items()}
    found: dict[str, list[str]] = {}
    into: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            continue
        if line.startswith("=="):
            heading = line.strip("= \t")
            name = by_heading.get(heading.lower())
            if name is None:
                known = ", ".join(SECTIONS.values())
                raise FormFault(
                    f"line {number}: there is no part {heading[:60]!r}; known are {known}"
                )
            if name in found:
                raise FormFault(f"line {number}: {heading!r} is there twice; write it once")
            into = found.setdefault(name, [])
        elif into is not None:
            into.append(line)
        elif line.strip():
            first = next(iter(SECTIONS.values()))
            raise FormFault(f"line {number}: begin with a heading, as in '== {first} =='")
    written = {name: "\n".join(lines).strip() for name, lines in found.items()}
    for name, said in written.items():
        if len(said) > _MOST_WRITTEN:
            raise FormFault(f"{SECTIONS[name]!r} has {len(said)} signs; at most {_MOST_WRITTEN}")
    return written
