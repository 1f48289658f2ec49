"""A calendar month for the customer: uptime of each check, and which promises were kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from monitor.config import Configuration
from monitor.core.availability import availability
from monitor.core.incident import Incident
from monitor.core.local_time import instant
from monitor.core.verdict import State
from monitor.incidents import store
from monitor.ledger import Ledger
from monitor.page.check_pages import course
from reports.pages import MonthLine, MonthPage, PromiseLine

# Two years are what contracts go back to.
_MOST_MONTHS = 25


def month_of(written: str) -> tuple[int, int]:
    """2026, 11 from "2026-11". Raises ValueError."""
    at = datetime.strptime(written, "%Y-%m")  # noqa: DTZ007 - a month has no zone
    return at.year, at.month


def month_page(
    ledger: Ledger, configuration: Configuration, year: int, month: int, now: datetime
) -> MonthPage:
    """A month from its first midnight at the site to its last, or to now."""
    zone = configuration.site.zone
    start = instant(datetime(year, month, 1), zone)  # noqa: DTZ001 - a wall time of the site
    following = (year + month // 12, month % 12 + 1)
    end = instant(datetime(*following, 1), zone)  # noqa: DTZ001 - likewise
    until = max(start, min(end, now))
    incidents = list(store.incidents_of(ledger.incidents_within(start, until)))
    opened = [one for one in incidents if start <= one.opened_at < until]
    return MonthPage(
        month=f"{year:04}-{month:02}",
        start=start.astimezone(zone),
        end=end,
        running=now < end,
        checks=tuple(_lines(ledger, configuration, start, until)) if start < until else (),
        promises=tuple(_promises(configuration, opened, now)),
        tickets=len(opened),
        others=tuple(_months(ledger, configuration, now)),
    )


def as_csv(page: MonthPage) -> str:
    """The uptime as a table."""
    written = io.StringIO()
    table = csv.writer(written)
    names = MonthLine.__dataclass_fields__
    table.writerow(["month", *names])
    for line in page.checks:
        table.writerow([page.month, *(_cell(getattr(line, name)) for name in names)])
    return written.getvalue()


def _cell(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


def _lines(
    ledger: Ledger, configuration: Configuration, start: datetime, end: datetime
) -> Iterator[MonthLine]:
    for name, entry in configuration.checks.items():
        parts = course(ledger, entry, start, end)
        shares = availability(parts)
        outages = [p for p in parts if p.state == State.FAILED and not p.planned]
        yield MonthLine(
            check=name,
            percent=shares.percent,
            down_seconds=shares.down,
            degraded_seconds=shares.degraded,
            planned_seconds=shares.planned,
            known_percent=shares.known_percent,
            outages=len(outages),
        )


def _promises(
    configuration: Configuration, incidents: Iterable[Incident], now: datetime
) -> Iterator[PromiseLine]:
    """By severity and promise, the gravest first."""
    counts: dict[tuple[int, str, str], dict[str, int]] = {}
    for one in incidents:
        for clock in one.clocks(now, configuration.policy.calendars):
            key = (one.severity.rank, one.severity.id, clock.name)
            kept = counts.setdefault(key, {"met": 0, "breached": 0, "open": 0})
            state = clock.state.value
            kept[state if state in kept else "open"] += state != "stopped"
    for (_, severity, promise), kept in sorted(counts.items()):
        yield PromiseLine(severity, promise, kept["met"], kept["breached"], kept["open"])


def _months(ledger: Ledger, configuration: Configuration, now: datetime) -> Iterator[str]:
    zone = configuration.site.zone
    here, first = now.astimezone(zone), (ledger.began() or now).astimezone(zone)
    year, month = here.year, here.month
    for _ in range(_MOST_MONTHS):
        yield f"{year:04}-{month:02}"
        if (year, month) <= (first.year, first.month):
            return
        year, month = (year - (month == 1), (month - 2) % 12 + 1)
