"""The morning report as plain data: how was yesterday, is anything wrong now, what did the audit's own parts find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from reports.model import plain

Tone = Literal["OK", "WARN", "FAIL"]


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen of one check on the day. Seconds are the median and the longest of its whole attempts."""

    check: str
    kind: str
    ok: int
    degraded: int
    failed: int
    unknown: int
    median_seconds: float | None = None
    longest_seconds: float | None = None

    @property
    def looks(self) -> int:
        """How often it was looked at."""
        return self.ok + self.degraded + self.failed + self.unknown


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the audit itself: a check that it ran. `state` is a verdict's."""

    check: str
    kind: str
    state: str
    seconds: float
    text: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A ticket: open now, or opened or closed on the day."""

    number: str
    severity: str
    title: str
    state: str
    owner: str
    opened_at: datetime
    closed_at: datetime | None = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """One local day's report. `number` counts the site's reports, so that a missing one is noticed."""

    site: str
    timezone: str
    day: date
    made_at: datetime
    number: int
    previous: date | None = None
    late_seconds: float = 0.0
    open: tuple[Trouble, ...] = ()
    past: tuple[Trouble, ...] = ()
    looks: tuple[Looks, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def wrong(self) -> int:
        """How many things are wrong now: open tickets, and parts of the audit that failed."""
        return len(self.open) + sum(part.state == "FAILED" for part in self.parts)

    @property
    def doubtful(self) -> int:
        """How many things deserve a look: doubtful parts, and checks that had a bad look on the day."""
        parts = sum(part.state in ("DEGRADED", "UNKNOWN") for part in self.parts)
        return parts + sum(bool(line.failed or line.unknown or line.degraded) for line in self.looks)

    @property
    def tone(self) -> Tone:
        """The verdict in a word."""
        return "FAIL" if self.wrong else "WARN" if self.doubtful else "OK"

    @property
    def total(self) -> int:
        """How many looks there were on the day."""
        return sum(line.looks for line in self.looks)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(line.failed for line in self.looks)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data, with the verdict."""
        body: dict[str, Any] = plain(self)
        return {**body, "day": self.day.isoformat(), "previous": self.previous.isoformat() if self.previous else None}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Audit:
        """The report again. Raises TypeError, KeyError for data that is none."""
        values = dict(body)
        values["day"] = date.fromisoformat(body["day"])
        values["previous"] = date.fromisoformat(body["previous"]) if body.get("previous") else None
        values["made_at"] = datetime.fromisoformat(body["made_at"])
        for name in ("open", "past"):
            values[name] = tuple(_trouble(line) for line in body.get(name, ()))
        values["looks"] = tuple(Looks(**line) for line in body.get("looks", ()))
        values["parts"] = tuple(Part(**line) for line in body.get("parts", ()))
        return cls(**values)


def _trouble(line: Mapping[str, Any]) -> Trouble:
    values = dict(line)
    for name in ("opened_at", "closed_at"):
        values[name] = datetime.fromisoformat(values[name]) if values.get(name) else None
    return Trouble(**values)
