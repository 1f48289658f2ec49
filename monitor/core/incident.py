"""The life of an incident: one open incident per site and issue, one ticket, whatever fails under it.

Rule 1: every function takes the incident as it was and the moment, and returns a `Change`: the incident as it is, what
to tell (orders) and what happened (for the history). Nothing here sends, stores or asks the time.
Rule 2: a muted incident lives as any other but is not told; `unmuted` tells it if it is still open.
Rule 3: whoever was told of the problem is told of the recovery; what was never told is closed in silence.
Rule 4: a recorded breach is never cleared, and a human's classification is not overruled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from monitor.core.diagnosis import Finding
from monitor.core.policy_terms import Classification, Ladder, Severity
from monitor.core.sla import Calendar, Clock, Event, clocks

REOPEN_WITHIN_SECONDS = 3600.0
"""The same trouble within this time after closing goes on under the old ticket."""


class Tell(StrEnum):
    """The kinds of message about an incident; each has its template."""

    OPENED = "opened"
    UPDATED = "updated"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    REOPENED = "reopened"
    RECLASSIFIED = "reclassified"
    BREACHED = "breached"
    NOTE = "note"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Order:
    """What to tell. `levels` are the ladder levels that hear it for the first time; all told before hear it too."""

    tell: Tell
    sequence: int
    reason: str
    levels: tuple[int, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a failed look had to show: the ticket's "why"."""

    check: str
    kind: str
    reasons: tuple[str, ...] = ()
    stages: tuple[tuple[str, float, bool], ...] = ()
    exhibits: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A run of bad verdicts under one key. Times are aware UTC."""

    key: str
    site: str
    issue: str
    title: str
    severity: Severity
    """as the policy had it when the incident was classified; so is the ladder: a new policy changes no running one"""
    owner: str
    owner_title: str
    ladder: Ladder
    rule: str
    policy: str
    opened_at: datetime
    counts_from: datetime
    """where the clocks and the ladder start: the opening, or the end of the maintenance that hid it"""
    evidence: Evidence
    number: int | None = None
    causes: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    recovered_at: datetime | None = None
    closed_at: datetime | None = None
    resolution: str = ""
    times_bad: int = 1
    flapping: bool = False
    told: bool = False
    levels_told: tuple[int, ...] = ()
    levels_skipped: tuple[int, ...] = ()
    breaches: tuple[tuple[str, datetime], ...] = ()
    sequence: int = 0
    classified_by_human: bool = False

    @property
    def open(self) -> bool:
        """Whether it is not over."""
        return self.closed_at is None

    @property
    def levels_done(self) -> tuple[int, ...]:
        """The ladder levels whose turn is past: told, or passed over."""
        return (*self.levels_told, *self.levels_skipped)

    def clocks(self, now: datetime, calendar: Calendar) -> tuple[Clock, ...]:
        """What was promised by when, and how that stands."""
        moments = [
            (self.acknowledged_at, "acknowledged", ""),
            *((at, "breached", clock) for clock, at in self.breaches),
            (self.closed_at, "resolved", ""),
        ]
        events = [Event(at, kind, clock) for at, kind, clock in moments if at is not None]
        return clocks(self.severity.targets(), self.counts_from, events, now, calendar)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an incident's history."""

    kind: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """An incident after something happened, with what to tell and what to remember."""

    incident: Incident
    orders: tuple[Order, ...] = ()
    happenings: tuple[Happening, ...] = ()

    def then(self, after: Change) -> Change:
        """This change followed by another of the same incident."""
        return Change(after.incident, self.orders + after.orders, self.happenings + after.happenings)


def key_of(site: str, issue: str) -> str:
    """One cause, one ticket: the key under which only one incident is open at a time."""
    return f"{site}/{issue}"


def opened(site: str, found: Classification, policy: str, evidence: Evidence, since: datetime, now: datetime) -> Change:
    """A new incident, not told yet: `unmuted` tells it, at once or when a maintenance ends."""
    issue = found.issue
    incident = Incident(
        key=key_of(site, issue.id),
        site=site,
        issue=issue.id,
        title=issue.title,
        severity=found.severity,
        owner=issue.owner,
        owner_title=found.owner_title,
        ladder=found.ladder,
        rule=found.rule,
        policy=policy,
        opened_at=since,
        counts_from=now,
        evidence=evidence,
        causes=(evidence.check,),
    )
    return Change(incident, (), (Happening("opened", {"check": evidence.check, "reasons": list(evidence.reasons)}),))


def unmuted(was: Incident, now: datetime, levels: tuple[int, ...], skipped: tuple[int, ...] = ()) -> Change:
    """Tell an incident that nobody has heard of to the first `levels`; `skipped` ones have nobody to hear it."""
    if was.told or not was.open:
        return Change(was)
    first = replace(was, told=True, counts_from=now, levels_told=levels, levels_skipped=skipped)
    return _tell(first, Tell.OPENED, "first notification", {}, levels)


def joined(was: Incident, check: str) -> Change:
    """One more check fails with the same issue."""
    if check in was.causes:
        return Change(was)
    now_caused = replace(was, causes=(*was.causes, check), attached=_without(was.attached, check), recovered_at=None)
    return _remembered(now_caused, "joined", {"check": check}, Tell.UPDATED, f"{check} fails in the same way")


def hung_on(was: Incident, checks: tuple[str, ...]) -> Change:
    """Checks whose failure this incident explains: attached, not ticketed."""
    new = tuple(c for c in checks if c not in was.attached and c not in was.causes)
    if not new:
        return Change(was)
    return Change(replace(was, attached=(*was.attached, *new)), (), (Happening("attached", {"checks": list(new)}),))


def failed_again(was: Incident, evidence: Evidence, relapsed: bool, flapping: bool) -> Change:
    """The newest evidence of a check that is still, or again, broken."""
    seen = replace(was, evidence=evidence if evidence.check in was.causes else was.evidence, recovered_at=None)
    if relapsed:
        seen = replace(seen, times_bad=was.times_bad + 1)
    if flapping and not was.flapping:
        return _remembered(
            replace(seen, flapping=True), "flapping", {"check": evidence.check}, Tell.UPDATED, "it is flapping"
        )
    return Change(seen, (), (Happening("relapsed", {"check": evidence.check}),) if relapsed else ())


def left(was: Incident, check: str, why: str, now: datetime) -> Change:
    """A check is no cause any more; with the last cause gone the incident is over."""
    causes, attached = _without(was.causes, check), _without(was.attached, check)
    gone = replace(was, causes=causes, attached=attached)
    if causes or check not in was.causes:
        return Change(gone, (), (Happening("left", {"check": check, "why": why}),) if gone != was else ())
    return closed(replace(gone, recovered_at=now), now, why, by="")


def closed(was: Incident, now: datetime, resolution: str, by: str) -> Change:
    """Over: recovered by itself, or resolved by a human (`by`)."""
    over = replace(was, closed_at=now, resolution=resolution, flapping=False)
    facts = {"resolution": resolution, "by": by}
    if not was.told:
        return Change(over, (), (Happening("closed", facts),))
    return _remembered(over, "closed", facts, Tell.CLOSED, resolution)


def may_reopen(was: Incident | None, now: datetime) -> bool:
    """Whether trouble under the key of a closed incident is its continuation."""
    return (
        was is not None
        and was.closed_at is not None
        and 0 <= (now - was.closed_at).total_seconds() <= REOPEN_WITHIN_SECONDS
    )


def reopened(was: Incident, evidence: Evidence) -> Change:
    """The same trouble is back: the old ticket goes on, its clocks never stopped."""
    back = replace(
        was,
        closed_at=None,
        recovered_at=None,
        resolution="",
        times_bad=was.times_bad + 1,
        causes=(evidence.check,),
        evidence=evidence,
    )
    facts = {"check": evidence.check, "reasons": list(evidence.reasons)}
    if not was.told:
        return Change(back, (), (Happening("reopened", facts),))
    return _remembered(back, "reopened", facts, Tell.REOPENED, f"bad for the {back.times_bad}. time")


def escalated(was: Incident, levels: tuple[int, ...], skipped: tuple[int, ...], why: str) -> Change:
    """The next level takes over; each level is told exactly once."""
    up = replace(was, levels_told=(*was.levels_told, *levels), levels_skipped=(*was.levels_skipped, *skipped))
    who = ", ".join(level.name for level in was.ladder.levels if level.number in levels)
    facts = {"level": max(levels), "who": who, "skipped": list(skipped), "why": why}
    return _remembered(up, "escalated", facts, Tell.ESCALATED, why, levels)


def breached(was: Incident, clock: Clock) -> Change:
    """A target was missed; recorded once and for good."""
    if clock.name in dict(was.breaches):
        return Change(was)
    late = replace(was, breaches=(*was.breaches, (clock.name, clock.due_at)))
    facts = {"clock": clock.name, "due_at": clock.due_at.isoformat()}
    return _remembered(late, "breached", facts, Tell.BREACHED, f"the {clock.name} target was missed")


def acknowledged(was: Incident, by: str, now: datetime) -> Change:
    """The first human answer: the response clock stops."""
    if was.acknowledged_at is not None:
        return Change(was)
    heard = replace(was, acknowledged_at=now, acknowledged_by=by)
    return _remembered(heard, "acknowledged", {"by": by}, Tell.ACKNOWLEDGED, f"acknowledged by {by}")


def noted(was: Incident, by: str, text: str) -> Change:
    """A human's remark, for all who follow the ticket."""
    return _remembered(was, "note", {"by": by, "text": text}, Tell.NOTE, f"note by {by}")


def reclassified(was: Incident, found: Classification, policy: str, by: str) -> Change:
    """Another issue, the same ticket: targets run from the original start, recorded breaches stay."""
    issue = found.issue
    moved = replace(
        was,
        key=key_of(was.site, issue.id),
        issue=issue.id,
        title=issue.title,
        severity=found.severity,
        owner=issue.owner,
        owner_title=found.owner_title,
        ladder=found.ladder,
        rule=found.rule,
        policy=policy,
        classified_by_human=was.classified_by_human or bool(by),
    )
    why = f"was {was.title}, is {issue.title}"
    before = f"{was.severity.id} {was.severity.name}, {was.title}"
    facts = {"was": before, "from": was.issue, "to": issue.id, "title": issue.title, "by": by, "reason": found.rule}
    return _remembered(moved, "reclassified", facts, Tell.RECLASSIFIED, why)


def _tell(
    incident: Incident, tell: Tell, why: str, facts: Mapping[str, object], levels: tuple[int, ...] = ()
) -> Change:
    counted = replace(incident, sequence=incident.sequence + 1)
    return Change(counted, (Order(tell, counted.sequence, why, levels, facts),))


def _remembered(
    incident: Incident, kind: str, facts: Mapping[str, object], tell: Tell, why: str, levels: tuple[int, ...] = ()
) -> Change:
    """Something happened; it is told if the incident has been told at all."""
    remembered = Change(incident, (), (Happening(kind, facts),))
    return remembered.then(_tell(incident, tell, why, {"text": why, **facts}, levels)) if incident.told else remembered


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(n for n in names if n != name)
