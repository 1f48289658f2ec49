"""Lives of many incidents at once, under a daemon that dies and a clock that jumps; and what must
hold of each at the end.

What is told by time (levels, missed targets) is worked out here out of the policy's own figures,
round the clock: every step once, none lost, none early, none later than a minute after the daemon
is back. A letter may go out again only under its own key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.core.incident import Incident
from monitor.core.policy_terms import Level, Target
from monitor.incidents import store
from monitor.ledger import Ledger, OutboxRow

LATE = timedelta(seconds=60)


@dataclass
class Aways:
    """When nobody kept watch, by the wall clock: from a death to the next turn, or what a jump of
    the clock has left out. `back` are the moments to which the clock was set back.
    """

    spans: list[tuple[datetime, datetime]] = field(default_factory=list)
    set_back: bool = False

    def excuse(self, due: datetime) -> datetime:
        """When what is due at a moment can be told at the earliest."""
        for since, until in sorted(self.spans):
            if since <= due <= until:
                due = until
        return due

    def missed(self, due: datetime) -> bool:
        """Whether nobody kept watch then."""
        return any(since <= due <= until for since, until in self.spans)


def rung_times(incident: Incident) -> dict[int, tuple[Level, datetime]]:
    """When each level's turn is, by the figures alone."""
    found = dict[int, tuple[Level, datetime]]()
    for level in incident.ladder.levels:
        since = found[level.since_level][1] if level.since_level else incident.counts_from
        found[level.number] = level, since + timedelta(seconds=level.after_seconds)
    return found


def behind(ledger: Ledger, now: datetime) -> list[str]:
    """What is due by the figures and was not done yet: a level's turn, a target that was missed."""
    found = []
    for row in ledger.open_incidents():
        one = store.incident_of(row)
        done = (*one.levels_told, *one.levels_skipped)
        found += [
            f"RV-{one.number}: level {number}"
            for number, (_, due) in rung_times(one).items()
            if due <= now and number not in done
        ]
        noted = {clock for clock, _ in one.breaches}
        found += [
            f"RV-{one.number}: {target.name}"
            for target in _promised(one)
            if one.counts_from + timedelta(seconds=target.seconds) <= now
            and target.name not in noted
        ]
    return found


def _promised(one: Incident) -> Iterator[Target]:
    """The targets that are a sum of the opening and so many seconds."""
    for target in one.severity.targets:
        if target.name in ("response", "resolution") and target.since == "opened":
            yield target


def faults(
    ledger: Ledger, configuration: Configuration, aways: Aways, delivered: Sequence[str]
) -> Iterator[str]:
    """What does not hold. `delivered` are the keys of all that went out, one for each time."""
    rows = ledger.outbox()
    yield from _letters(rows, delivered)
    for row in ledger.incidents(limit=100_000):
        one = store.incident_of(row)
        # What came back has its figures from its last return on.
        if one.times_bad > 1:
            continue
        own = [letter for letter in rows if letter.incident == one.number]
        for fault in (*_steps(one, own, aways), *_breaches(ledger, one, aways), *_ends(own, one)):
            yield f"RV-{one.number} {one.issue}: {fault}"


def _letters(rows: Sequence[OutboxRow], delivered: Sequence[str]) -> Iterator[str]:
    for row in rows:
        if row.state != "sent":
            yield f"letter {row.id} ({row.kind} to {row.recipient}) is {row.state}"
    events = Counter((row.incident, row.kind, row.sequence, row.recipient) for row in rows)
    yield from (f"{event} stands {count} times" for event, count in events.items() if count > 1)
    if len(set(delivered)) != len(rows):
        yield f"{len(rows)} letters, {len(set(delivered))} came"


def _steps(one: Incident, rows: Sequence[OutboxRow], aways: Aways) -> Iterator[str]:
    times = rung_times(one)
    for number, (level, due) in times.items():
        told = [
            row
            for row in rows
            if row.recipient.startswith(f"{level.role}@") and row.body["extra"].get("takes_over")
        ]
        done = (*one.levels_told, *one.levels_skipped).count(number)
        if len(told) > 1 or done > 1:
            yield f"level {number} was told {len(told)} times, and noted {done} times"
        over = one.closed_at is not None and one.closed_at <= aways.excuse(due) + LATE
        if not told and not over and number not in one.levels_skipped:
            yield f"level {number} was never told"
        if number in one.levels_skipped and not _overtaken(number, times, aways):
            yield f"level {number} was passed over while somebody kept watch"
        for row in told:
            # A level whose letter nobody took in time gives its turn to the next.
            if row.not_before < due and number - 1 not in one.levels_unheard:
                yield f"level {number} was told at {row.not_before}, before {due}"
            if row.not_before > aways.excuse(due) + LATE:
                yield f"level {number} was told at {row.not_before}, due {due}"


def _overtaken(number: int, times: dict[int, tuple[Level, datetime]], aways: Aways) -> bool:
    """Whether a higher level's turn came in the same silence: the highest overdue alone is told."""
    due = times[number][1]
    higher = [at for other, (_, at) in times.items() if other > number]
    return aways.missed(due) and any(at <= aways.excuse(due) + LATE for at in higher)


def _breaches(ledger: Ledger, one: Incident, aways: Aways) -> Iterator[str]:
    happened = [row for row in ledger.history(one.number) if row.kind == "breached"]
    for name, count in Counter(row.body["clock"] for row in happened).items():
        if count > 1:
            yield f"the {name} target was missed {count} times"
    for target in _promised(one):
        due = one.counts_from + timedelta(seconds=target.seconds)
        taken = one.acknowledged_at if target.name == "response" else None
        kept = min((at for at in (taken, one.closed_at) if at is not None), default=None)
        rows = [row for row in happened if row.body["clock"] == target.name]
        if kept is not None and kept <= due and rows and not aways.set_back:
            yield f"the {target.name} target was kept at {kept}, and is told as missed"
        late = aways.excuse(due) + LATE
        if (kept is None or kept > late) and not rows:
            yield f"nobody noted that the {target.name} target was missed"
        if rows and rows[0].at > late:
            yield f"the missed {target.name} target of {due} was noted at {rows[0].at}"


def _ends(rows: Sequence[OutboxRow], one: Incident) -> Iterator[str]:
    kinds = Counter(row.kind for row in rows if row.recipient.startswith("operators@"))
    if kinds["opened"] != 1:
        yield f"operators heard {kinds['opened']} times that it opened"
    if one.closed_at is not None and kinds["closed"] != 1:
        yield f"operators heard {kinds['closed']} times that it is over"
    if len(one.acknowledgements) != kinds["acknowledged"]:
        yield f"taken {len(one.acknowledgements)} times, told {kinds['acknowledged']} times"
