"""Maintenance that a person begins beside the configuration: kept in the ledger, so that it
outlives a restart; in force with the configured windows; told at its end.

Rule 1: what is in force at a moment is asked here, and nowhere else: the configured windows and
those by hand. Rule 2: it always has an end, a reason and a person; who stops it is kept too. Rule
3: one that this program cannot read hides nothing: an alarm too many, and never one too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from monitor.config import Configuration
from monitor.core.maintenance import Between, Maintenance, Window, active
from monitor.ledger import Ledger, Transaction
from monitor.ledger.happening_bodies import happening_body
from monitor.ledger.history import readable
from reports.maintenance import MaintenanceLine

BEGAN, STOPPED, OVER = "maintenance-began", "maintenance-stopped", "maintenance-over"
# What lasts longer is planned, and stands in the configuration, where everybody sees it.
LONGEST_SECONDS = 7 * 86400.0
# All that one site's people begin in years; it bounds a damaged ledger.
_MOST = 10_000
_MEMO = "maintenances by hand"


@dataclass(frozen=True, slots=True)
class ByHand:
    """One that a person began. `until` is its planned end, `stopped_at` an earlier one."""

    number: int
    checks: tuple[str, ...]
    since: datetime
    until: datetime
    why: str
    by: str
    stopped_at: datetime | None = None
    stopped_by: str = ""
    told: bool = False
    """whether its end was told"""

    @property
    def end(self) -> datetime:
        """When it ends, or ended."""
        return self.stopped_at or self.until

    def running(self, now: datetime) -> bool:
        """Whether it hides its checks now."""
        return self.since <= now < self.end

    def window(self) -> Window:
        """As the judgement takes it."""
        return Window(self.checks, Between(self.since, self.end), "UTC", f"{self.why} ({self.by})")


def by_hand(ledger: Ledger) -> tuple[ByHand, ...]:
    """All that people have begun, the newest first."""
    memo = ledger.memo()
    if _MEMO not in memo:
        memo[_MEMO] = tuple(_read(ledger))
    known: tuple[ByHand, ...] = memo[_MEMO]
    return known


def hides(
    ledger: Ledger, configuration: Configuration, check: str, now: datetime
) -> Maintenance | None:
    """Whether a check is under maintenance at a moment."""
    running = (one.window() for one in by_hand(ledger) if one.running(now))
    return active((*configuration.maintenance, *running), check, now)


def begin(
    ledger: Ledger, t: Transaction, checks: tuple[str, ...], seconds: float, why: str, by: str,
    now: datetime,
) -> ByHand:  # fmt: skip
    """From now on these checks (globs of their names) are hidden."""
    before = by_hand(ledger)
    begun = ByHand(
        number=max((one.number for one in before), default=0) + 1,
        checks=checks,
        since=now,
        until=now + timedelta(seconds=seconds),
        why=why,
        by=by,
    )
    facts = {
        "number": begun.number,
        "checks": list(checks),
        "until": begun.until.isoformat(),
        "why": why,
        "by": by,
    }
    _keep(t, now, BEGAN, facts)
    return begun


def stop(t: Transaction, one: ByHand, by: str, now: datetime) -> ByHand:
    """It is over before its time."""
    _keep(t, now, STOPPED, {"number": one.number, "by": by})
    return replace(one, stopped_at=now, stopped_by=by)


def running(ledger: Ledger, now: datetime) -> Iterator[MaintenanceLine]:
    """Those that people have begun and that hide something now."""
    return (line(one, now) for one in by_hand(ledger) if one.running(now))


def between(
    ledger: Ledger, start: datetime, end: datetime, now: datetime
) -> Iterator[MaintenanceLine]:
    """Those that hid something between two moments, or do now."""
    for one in by_hand(ledger):
        if (one.since < end and one.end > start) or one.running(now):
            yield line(one, now)


def line(one: ByHand, now: datetime) -> MaintenanceLine:
    """As a list shows it."""
    return MaintenanceLine(
        number=one.number,
        checks=one.checks,
        state="running" if one.running(now) else "over",
        why=one.why,
        by=one.by,
        since=one.since,
        until=one.end,
        stopped_by=one.stopped_by,
    )


def covered(configuration: Configuration, patterns: Sequence[str]) -> tuple[str, ...]:
    """The configured checks that names or globs mean."""
    return tuple(
        name
        for name in configuration.checks
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    )


def over(t: Transaction, one: ByHand, now: datetime) -> None:
    """Its end is told."""
    _keep(t, now, OVER, {"number": one.number})


def _keep(t: Transaction, now: datetime, kind: str, facts: Mapping[str, Any]) -> None:
    t.happened(None, now, kind, happening_body(kind, facts))
    t.memo().pop(_MEMO, None)


def _read(ledger: Ledger) -> Iterator[ByHand]:
    stops = {facts["number"]: (at, facts["by"]) for at, facts in _rows(ledger, STOPPED)}
    told = {facts["number"] for _, facts in _rows(ledger, OVER)}
    for at, facts in _rows(ledger, BEGAN):
        number = facts["number"]
        stopped_at, stopped_by = stops.get(number, (None, ""))
        yield ByHand(
            number=number,
            checks=tuple(facts["checks"]),
            since=at,
            until=datetime.fromisoformat(facts["until"]),
            why=facts["why"],
            by=facts["by"],
            stopped_at=stopped_at,
            stopped_by=stopped_by,
            told=number in told,
        )


def _rows(ledger: Ledger, kind: str) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
    return readable(ledger.newest(kind, _MOST))
