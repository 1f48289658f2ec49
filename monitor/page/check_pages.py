"""One check over some days, and one look of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.config import CheckEntry, Configuration
from monitor.core.availability import Stretch, availability, stretches
from monitor.core.rollup import SECONDS, Hour
from monitor.core.verdict import State
from monitor.incidents import store
from monitor.incidents.fault_words import target_of, verdict_words
from monitor.ledger import AttemptRow, Ledger
from monitor.ledger.sampling import Sampled
from monitor.page.standings import drawn
from monitor.service.standing import check_line, holds
from reports.graphs import graph
from reports.pages import CheckCard, CheckPage, Graph, LookLine, LookPage
from reports.ticket import plain

SPANS = (1, 7, 30, 90)
# A graph is 500 pixels wide on most screens.
_CELLS = 480
# Two or three for each point: what a server reads in a third of the time that a page may take.
_MOST_DRAWN = 1200
_MOST_LOOKS, _MOST_GRAPHS, _MOST_BAD = 40, 8, 60
# A day of a check that is looked at every ten seconds; a table in a spreadsheet ends at a million.
_MOST_ROWS = 50_000
_WORST_FIRST = (State.FAILED, State.UNKNOWN, State.DEGRADED, State.OK)


def check_page(
    ledger: Ledger, configuration: Configuration, entry: CheckEntry, days: int, now: datetime
) -> CheckPage:
    """One check over so many days."""
    start, zone = now - timedelta(days=days), configuration.site.timezone
    parts = course(ledger, entry, start, now)
    strip, shares = drawn(parts, start, now, zone)
    condition = store.known_condition(ledger, entry.name)
    looks = ledger.attempts(entry.name, _MOST_LOOKS)
    sampled = ledger.sampled(entry.name, start, now, _MOST_DRAWN)
    verdict = looks[0].verdict if looks else None
    line = check_line(ledger, configuration, entry, condition, verdict, now)
    return CheckPage(
        card=CheckCard(line, strip, shares.percent),
        target=target_of(entry.probe),
        days=days,
        spans=SPANS,
        known_percent=shares.known_percent,
        graphs=tuple(_graphs(ledger, entry, start, now, zone, sampled))[:_MOST_GRAPHS],
        of_good=sampled.good,
        of_others=sampled.others,
        looks=tuple(_look_line(entry, row) for row in looks),
        bad=tuple(
            (part.start, part.end, part.state, part.planned)
            for part in reversed(parts)
            if part.state in ("FAILED", "DEGRADED", "UNKNOWN")
        )[:_MOST_BAD],
    )


def course(
    ledger: Ledger, entry: CheckEntry, start: datetime, end: datetime
) -> tuple[Stretch, ...]:
    """How a check stood in a time."""
    return stretches(ledger.runs(entry.name, start, end, holds(entry)), start, end, holds(entry))


def look_page(configuration: Configuration, row: AttemptRow) -> LookPage:
    """One look, whole."""
    seen, entry = row.observation, configuration.checks.get(row.check)
    return LookPage(
        check=row.check,
        at=row.started_at,
        state=str(row.verdict.state),
        said=verdict_words(entry, row.verdict) if entry else "; ".join(row.verdict.reasons),
        seconds=seen.seconds,
        stages=tuple((stage.name, stage.seconds, stage.passed) for stage in seen.stages),
        measures=seen.measures,
        meanings=entry.probe.measures() if entry else {},
        reasons=row.verdict.reasons,
        notes=(*seen.warnings, *seen.notes),
        evidence=tuple(
            (one.name, f"/looks/{row.id}/evidence/{one.path.name}", one.media_type)
            for one in seen.exhibits
        ),
    )


def evidence_of(row: AttemptRow) -> dict[str, Path]:
    """The files of a look's evidence, by their names."""
    return {one.path.name: one.path for one in row.observation.exhibits}


def as_json(ledger: Ledger, entry: CheckEntry, start: datetime, end: datetime) -> dict[str, Any]:
    """How a check stood, for programs: stretches, and what they come to."""
    parts = course(ledger, entry, start, end)
    shares = availability(parts)
    return {
        "check": entry.name,
        "kind": entry.probe.KIND,
        "start": plain(start),
        "end": plain(end),
        "uptime_percent": shares.percent,
        "known_percent": shares.known_percent,
        "seconds": plain(shares),
        "stretches": [{**plain(part), "state": part.state or "unseen"} for part in parts],
    }


def as_csv(ledger: Ledger, entry: CheckEntry, start: datetime) -> str:
    """Every look since then, the newest first, with its measures: at most 50 000. Of days that are
    rolled up a line for each hour: its worst state, how many looks a maintenance hid, and means.
    """
    rows = ledger.attempts(entry.name, limit=_MOST_ROWS, since=start)
    end = datetime.max.replace(tzinfo=start.tzinfo)
    rolled = list(ledger.rolled_hours(entry.name, start, end)) if len(rows) < _MOST_ROWS else []
    measured = {name for row in rows for name in row.observation.measures}
    measured |= {name for hour in rolled for name in hour.counts.measures}
    names = sorted(measured - {SECONDS})
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(["at", "state", "purpose", "in_maintenance", "seconds", *names])
    for row in rows:
        seen = row.observation
        table.writerow(
            [
                plain(row.started_at),
                str(row.verdict.state),
                row.purpose,
                int(row.muted),
                seen.seconds,
                *(seen.measures.get(name, "") for name in names),
            ]
        )
    for hour in reversed(rolled):
        table.writerow(_hour_cells(hour, names))
    return written.getvalue()


def _hour_cells(hour: Hour, names: Iterable[str]) -> list[object]:
    counts = hour.counts
    state = next((one.value for one in _WORST_FIRST if counts.states.get(one.value)), "")
    means = [counts.measures[n].mean if n in counts.measures else "" for n in (SECONDS, *names)]
    return [plain(hour.at), state, "hour", counts.muted, *means]


def _look_line(entry: CheckEntry, row: AttemptRow) -> LookLine:
    return LookLine(
        at=row.started_at,
        state=str(row.verdict.state),
        purpose=row.purpose,
        seconds=row.observation.seconds,
        text="" if row.verdict.state == "OK" else verdict_words(entry, row.verdict),
        address=f"/looks/{row.id}",
    )


def _graphs(
    ledger: Ledger,
    entry: CheckEntry,
    start: datetime,
    end: datetime,
    zone: str,
    sampled: Sampled,
) -> Iterator[Graph]:
    """What is expected of comes first, then the time that it took, then the rest by name."""
    values: dict[str, list[tuple[datetime, float]]] = {}
    for name, at, mean in ledger.measured(entry.name, start, end, _CELLS, sampled):
        values.setdefault(name, []).append((at, mean))
    expected = {e.measure: str(e) for e in (*entry.warn, *entry.expect)}
    meanings = {"seconds": "how long the whole look took", **entry.probe.measures()}
    for name in sorted(values, key=lambda n: (n not in expected, n != "seconds", n)):
        made = graph(
            name, meanings.get(name, ""), values[name], start, end, zone, expected.get(name, "")
        )
        if made is not None:
            yield made
