"""Maintenance that people begin, as plain data: the letter of its end, and the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports.ticket import Plain


@dataclass(frozen=True, slots=True)
class CheckAfter:
    """How a check stands as a maintenance ends. `state` is a verdict's, "" for one that was never
    looked at; `bad`: it is looked at again now, and told of if it is still so.
    """

    name: str
    state: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Ended(Plain):
    """One that is over. `patterns` is what was written; `checks` are those that it hid."""

    site: str
    timezone: str
    number: int
    patterns: tuple[str, ...]
    since: datetime
    until: datetime
    ended_at: datetime
    by: str
    why: str
    stopped_by: str = ""
    checks: tuple[CheckAfter, ...] = ()

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Ended:
        """It again. Raises TypeError, KeyError, ValueError for data that is none."""
        values = dict(body)
        for name in ("since", "until", "ended_at"):
            values[name] = datetime.fromisoformat(values[name])
        values["patterns"] = tuple(values["patterns"])
        values["checks"] = tuple(CheckAfter(**one) for one in values["checks"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class MaintenanceLine:
    """One in a list. `state` is "running", "over" or "planned"; `number` is 0 for a configured
    one, whose `when` is as it is written.
    """

    number: int
    checks: tuple[str, ...]
    state: str
    why: str = ""
    by: str = ""
    since: datetime | None = None
    until: datetime | None = None
    stopped_by: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class MaintenanceLines(Plain):
    """Those that run, those of the configuration, and those that are over, the newest first."""

    timezone: str
    now: datetime
    lines: tuple[MaintenanceLine, ...]
