"""What was seen of every check on a day: how many looks of each verdict, and how measures went by
the hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from statistics import median
from zoneinfo import ZoneInfo

from monitor.config import Configuration
from monitor.core.verdict import State
from monitor.ledger import AttemptRow, Ledger, LedgerAccess
from reports.morning_report import Audit, Looks, Trend

# The shortest `every` is 10 s: 8640 looks a day, and extra looks beside them; this only bounds a
# damaged ledger.
_MOST_LOOKS = 200_000
# A page shows so many charts beside each other; the steady checks would only push the unsteady ones
# out of sight.
_MOST_SLOW = 4
_HOURS = tuple(f"{hour:02}:00" for hour in range(24))
# Below three hours with a value there is no course to be seen, only points.
_LEAST_HOURS = 3
DAILY = ("backup_bytes", "proof_seconds")
FULLNESS = ("most_used_percent", "most_inodes_percent")


async def looks_and_trends(
    ledger: LedgerAccess, configuration: Configuration, start: datetime, end: datetime
) -> tuple[list[Looks], list[Trend]]:
    """The looks of each check, the worst first, and quality and times by the hour. Lets others run
    in between.
    """
    parts = configuration.audit.checks if configuration.audit else ()
    looks, quality, slow = [], [], []
    for name, entry in configuration.checks.items():
        # A day of ten thousand checks takes a while to read: calls under way must not become late
        # meanwhile.
        await asyncio.sleep(0)
        rows = await ledger.read(partial(_looks_between, name, start, end))
        if not rows:
            continue
        looks.append(_looks_of(name, entry.probe.KIND, rows))
        zone = configuration.site.zone
        if any("mos" in row.observation.measures for row in rows):
            quality.append(_by_hour(name, "mos", rows, zone))
        if name not in parts:
            slow.append(_by_hour(name, "seconds", rows, zone))
    # The worst first; UNKNOWN stands before DEGRADED, since nobody knows what it hides.
    looks.sort(key=lambda line: (-line.failed, -line.unknown, -line.degraded, line.check))
    slow = sorted(
        (trend for trend in slow if _known(trend) >= _LEAST_HOURS), key=_unsteadiness, reverse=True
    )
    return looks, [*quality, *slow[:_MOST_SLOW]]


def _looks_between(name: str, start: datetime, end: datetime, ledger: Ledger) -> list[AttemptRow]:
    rows = ledger.attempts(name, limit=_MOST_LOOKS, since=start)
    return [row for row in rows if row.started_at < end]


def daily_trends(made: Audit, before: Sequence[Audit]) -> list[Trend]:
    """Measures of the audit's parts day by day, up to and with this report: backups, and how full
    disks are.
    """
    reports = [*reversed([report for report in before if report.day < made.day]), made]
    labels = tuple(f"{report.day.day} {report.day:%b}" for report in reports)
    rows: dict[tuple[str, str], list[float | None]] = {}
    for at, report in enumerate(reports):
        for part in report.parts:
            for measure, value in part.measures.items():
                if measure in DAILY or _is_fullness(measure):
                    rows.setdefault((part.check, measure), [None] * len(reports))[at] = value
    return [Trend(_name(key, rows), key[1], labels, tuple(values)) for key, values in rows.items()]


def _is_fullness(measure: str) -> bool:
    return measure in FULLNESS or ("disk" in measure and measure.endswith("percent"))


def _name(key: tuple[str, str], rows: Mapping[tuple[str, str], object]) -> str:
    """The check; and which measure, where several of it are drawn."""
    check, measure = key
    # Two disks of one check would be two charts of one name.
    alike = [other for other in rows if other[0] == check and _is_fullness(other[1])]
    return (
        f"{check} {measure.removesuffix('_percent')}"
        if len(alike) > 1 and _is_fullness(measure)
        else check
    )


def _looks_of(name: str, kind: str, rows: Sequence[AttemptRow]) -> Looks:
    states = [row.verdict.state for row in rows]
    lengths = [row.observation.seconds for row in rows]
    return Looks(
        check=name,
        kind=kind,
        ok=states.count(State.OK),
        degraded=states.count(State.DEGRADED),
        failed=states.count(State.FAILED),
        unknown=states.count(State.UNKNOWN),
        median_seconds=round(median(lengths), 3),
        longest_seconds=round(max(lengths), 3),
    )


def _by_hour(name: str, measure: str, rows: Iterable[AttemptRow], zone: ZoneInfo) -> Trend:
    """Medians; the hour is that of the clock on the wall. "seconds" is the whole look, where it
    could be made.
    """
    hours: list[list[float]] = [[] for _ in _HOURS]
    for row in rows:
        seen = row.observation
        value = (
            seen.seconds if measure == "seconds" and not seen.blind else seen.measures.get(measure)
        )
        if value is not None:
            hours[row.started_at.astimezone(zone).hour].append(value)
    values = tuple(round(median(found), 3) if found else None for found in hours)
    return Trend(name, measure, _HOURS, values)


def _known(trend: Trend) -> int:
    return sum(value is not None for value in trend.values)


def _unsteadiness(trend: Trend) -> float:
    """How far its worst hour is above its usual one."""
    values = [value for value in trend.values if value is not None]
    # A median of 0 is a look below the millisecond to which seconds are rounded.
    return max(values) / (median(values) or 1e-3)
