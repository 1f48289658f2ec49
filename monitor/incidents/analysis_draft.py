"""What the ledger knows of an incident, as the draft of its root cause analysis.

Rule: nothing is guessed. What was counted is given with its interval, what nobody counted or saw is
listed as unknown, and when it broke is said as the time between a good look and a bad one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from checks.body import Unreadable
from checks.ratio import Ratio
from monitor.config import Configuration
from monitor.core import root_cause
from monitor.core.incident import Incident
from monitor.core.sla import ANALYSES
from monitor.core.verdict import State
from monitor.incidents.attempt_result import lost_of
from monitor.incidents.fault_words import evidence_words
from monitor.incidents.ticket_view import clock_lines, finding_lines, history_line, ticket_name
from monitor.ledger import AttemptRow, HistoryRow, Ledger
from reports.rca import ExtentLine, Rca

# Looks of a whole outage: a month of one every ten minutes.
_MOST_LOOKS = 5000
# The last good look before it is looked for this far back: `at` checks look twice a day.
_BEFORE = timedelta(days=3)
# What a person did, by the kind of its line in the history.
_BY_PEOPLE = ("acknowledged", "note", "reclassified", "called-up", "paused", "resumed", "closed")
_MOST_LINES = 200
_LOST = {"calls": "calls rejected", "agents": "agents affected"}


def draft(
    ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime
) -> Rca:  # fmt: skip
    """The analysis of an incident, with what people have written of it so far."""
    history = ledger.history(incident.number)
    checks = _checks(history, incident)
    looks = _looks(ledger, checks, incident, now)
    evidence = tuple((name, path) for name, path in incident.evidence.exhibits)
    written, written_by = _written(history)
    extent = tuple(_extent(looks, incident))
    said = [(row.at, history_line(row)) for row in history if not row.kind.startswith("rca-")]
    people = [(row.at, history_line(row)) for row in history if _by_a_person(row)]
    times = _times(looks, incident)
    return Rca(
        number=ticket_name(configuration, incident.number),
        site=incident.site,
        timezone=configuration.site.timezone,
        title=incident.title,
        severity=incident.severity.id,
        severity_name=incident.severity.name,
        owner=incident.owner_title,
        policy=incident.policy,
        summary=evidence_words(configuration, incident.evidence) or incident.title,
        opened_at=incident.opened_at,
        works_since=incident.works_since,
        last_good_at=times.last_good,
        last_bad_at=times.last_bad,
        first_good_at=times.first_good,
        told_at=incident.counts_from if incident.told else None,
        acknowledged_at=incident.acknowledged_at,
        acknowledged_by=incident.acknowledged_by,
        first_check=checks[0] if checks else "",
        layer=incident.layer.name.lower() if incident.layer else "",
        reasons=_first_reasons(history) or incident.evidence.reasons,
        findings=tuple(
            f"{one.layer}: {one.check} {one.state}" + (f", {one.text}" if one.text else "")
            for one in finding_lines(incident.evidence)
        ),
        hung_on=incident.attached,
        also_failed=tuple(dict.fromkeys((*checks[1:], *incident.failing_below))),
        extent=extent,
        clocks=clock_lines(configuration, incident, now),
        timeline=tuple(said[:_MOST_LINES]),
        actions=tuple(people[:_MOST_LINES]),
        evidence=evidence,
        waits_for=root_cause.waits_for(incident),
        unknown=tuple(_unknown(incident, times, extent, evidence, people)),
        written=written,
        written_by=written_by,
    )


@dataclass(frozen=True, slots=True)
class _Times:
    last_good: datetime | None
    last_bad: datetime | None
    first_good: datetime | None


def _checks(history: Sequence[HistoryRow], incident: Incident) -> tuple[str, ...]:
    """The checks that have failed in the incident's own way, in the order in which they did."""
    told = (
        str(facts.get("check", ""))
        for row in history
        if row.kind in ("opened", "joined", "reopened", "returned") and (facts := _facts(row))
    )
    found = (*told, *incident.causes, incident.evidence.check)
    return tuple(name for name in dict.fromkeys(found) if name)


def _looks(
    ledger: Ledger, checks: Sequence[str], incident: Incident, now: datetime
) -> Mapping[str, Sequence[AttemptRow]]:
    """The looks of each, the oldest first, from some time before it broke until it worked."""
    end, since = incident.works_since or incident.closed_at or now, incident.opened_at - _BEFORE
    return {
        name: [
            row
            for row in reversed(ledger.attempts(name, limit=_MOST_LOOKS, since=since))
            if row.started_at <= end
        ]
        for name in checks
    }


def _times(looks: Mapping[str, Sequence[AttemptRow]], incident: Incident) -> _Times:
    """Of the check that failed first: between which looks it broke, and was repaired."""
    rows = next(iter(looks.values()), ())
    good = [r for r in rows if r.started_at < incident.opened_at and r.verdict.state is State.OK]
    bad = [
        row.started_at
        for row in rows
        if row.started_at >= incident.opened_at and row.verdict.state is State.FAILED
    ]
    last = bad[-1] if bad else incident.opened_at
    again = [r.started_at for r in rows if r.started_at > last and r.verdict.state is State.OK]
    return _Times(
        last_good=good[-1].started_at if good else None,
        last_bad=bad[-1] if bad else None,
        first_good=again[0] if again and incident.works_since else None,
    )


def _extent(looks: Mapping[str, Sequence[AttemptRow]], incident: Incident) -> Iterator[ExtentLine]:
    """How much failed: looks as a sample of all calls, and what a look itself has counted."""
    for name, rows in looks.items():
        during = _until_the_last_bad(rows, incident)
        seen = [row.verdict.state for row in during if row.verdict.state is not State.UNKNOWN]
        if seen:
            yield _sampled(f"looks of {name} that failed", seen.count(State.FAILED), len(seen))
        counted = [one for row in during if (one := lost_of(row.observation))[2]]
        if counted:
            what, lost, of = max(counted, key=lambda one: one[1] / one[2])
            # Agents are counted whole; the calls of a look stand for all calls of that time.
            worst = f"{_LOST[what]}, at the worst look of {name}"
            yield _sampled(worst, lost, of) if what == "calls" else ExtentLine(worst, lost, of)


def _until_the_last_bad(rows: Sequence[AttemptRow], incident: Incident) -> Sequence[AttemptRow]:
    """The looks from the first bad one to the last: those by which the end was confirmed are no
    part of it.
    """
    during = [row for row in rows if row.started_at >= incident.opened_at]
    bad = [place for place, row in enumerate(during) if row.verdict.state is State.FAILED]
    return during[: bad[-1] + 1] if bad else ()


def _sampled(what: str, hits: int, of: int) -> ExtentLine:
    interval = Ratio(hits, of).interval()
    low, high = interval if interval else (None, None)
    return ExtentLine(what, hits, of, low, high)


def _written(history: Sequence[HistoryRow]) -> tuple[dict[str, str], str]:
    """What people wrote last of each section, and who wrote last."""
    written: dict[str, str] = {}
    by = ""
    for row in history:
        if row.kind == "rca-edited" and (facts := _facts(row)):
            written.update(facts["written"])
            by = str(facts["by"])
    return written, by


def _first_reasons(history: Sequence[HistoryRow]) -> tuple[str, ...]:
    first = next((row for row in history if row.kind == "opened"), None)
    return tuple(_facts(first).get("reasons", ())) if first else ()


def _by_a_person(row: HistoryRow) -> bool:
    return row.kind in _BY_PEOPLE and bool(_facts(row).get("by"))


def _facts(row: HistoryRow) -> Mapping[str, Any]:
    try:
        return row.facts()
    # The timeline says in its place that it cannot be read.
    except Unreadable:
        return {}


def _unknown(
    incident: Incident,
    times: _Times,
    extent: Sequence[ExtentLine],
    evidence: Sequence[tuple[str, str]],
    people: Sequence[object],
) -> Iterator[str]:
    """What is missing, a sentence each."""
    if incident.works_since is None:
        yield "nobody has seen it work again"
    if times.last_good is None and incident.evidence.check:
        yield "when it broke: no good look is known from before the first bad one"
    if not any(line.what.startswith("calls") for line in extent):
        yield "how many calls of customers were lost: no look of it counts them"
    if not any(line.what.startswith("agents") for line in extent):
        yield "how many agents were affected: no look of it counts them"
    if not evidence:
        yield "evidence: its looks have left no recording or page"
    yield from (f"{name} is gone: it was kept for as long as evidence is kept"
                for name, path in evidence if not Path(path).exists())  # fmt: skip
    if not people:
        yield "what was done: nobody has left a note on the ticket"
    if waits := root_cause.waits_for(incident):
        yield f"it waits for evidence: {waits}"
    if not any(target.name in ANALYSES for target in incident.severity.targets):
        yield f"a promise: the policy {incident.policy} promises no analysis of it"
