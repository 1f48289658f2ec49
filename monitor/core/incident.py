"""An incident as a value: one open ticket per site and issue, whatever fails under it.
What may become of one is told in monitor/core/incident_transitions.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checks.contract import Layer
from monitor.core.escalation import Rung, ladder_times, turn_of
from monitor.core.incident_terms import (
    CUSTOMER,
    MONITOR,
    Closing,
    Evidence,
    Happening,
    Order,
    Pause,
    Request,
    Tell,
    key_of,
)
from monitor.core.open_hours import NO_CALENDARS, Calendars
from monitor.core.policy_terms import Ladder, Severity, Target
from monitor.core.sla import ANALYSES, UPDATE, Clock, Event, Promise, Span, clocks, pauses_of

__all__ = [
    "CUSTOMER",
    "MONITOR",
    "Change",
    "Closing",
    "Evidence",
    "Happening",
    "Incident",
    "Order",
    "Pause",
    "Request",
    "Tell",
    "key_of",
    "remembered",
    "told",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A run of bad verdicts under one key. Times are aware UTC."""

    key: str
    site: str
    issue: str
    title: str
    severity: Severity
    """as the policy had it when the incident was classified; so is the ladder: a new policy changes
    no running one
    """
    owner: str
    owner_title: str
    ladder: Ladder
    rule: str
    policy: str
    opened_at: datetime
    counts_from: datetime
    """where the clocks and the ladder start: the opening, or the end of the maintenance that hid it
    """
    evidence: Evidence
    number: int | None = None
    causes: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    """the first acknowledgement"""
    acknowledged_by: str = ""
    acknowledged_again: tuple[tuple[datetime, str], ...] = ()
    """when, and by whom, it was acknowledged after that"""
    recovered_at: datetime | None = None
    closed_at: datetime | None = None
    resolution: str = ""
    resolved_by: str = ""
    """the human who closed it"""
    times_bad: int = 1
    flapping: bool = False
    told: bool = False
    roles_told: tuple[str, ...] = ()
    """everybody on a ladder who has heard of it, also on a ladder that it has left"""
    levels_told: tuple[int, ...] = ()
    levels_skipped: tuple[int, ...] = ()
    levels_unheard: tuple[int, ...] = ()
    """levels that were told, and that no letter has reached"""
    breaches: tuple[tuple[str, datetime], ...] = ()
    sequence: int = 0
    classified_by_human: bool = False
    classified_by: str = ""
    classified_at: tuple[int, int] = (0, 0)
    """the loss that was known when they did, and of how much"""
    seen_rank: int | None = None
    """the worst that looks have found under a human's classification, as far as told"""
    eased_since: datetime | None = None
    eased_rank: int | None = None
    """since when looks count less than its severity stands for, and what was told of it"""
    closing: Closing | None = None
    """why it is over; None while it is open"""
    goes_on_as: int | None = None
    """the number of the incident that explains it"""
    unrepaired: tuple[tuple[str, Closing], ...] = ()
    """checks that are no cause any more without having recovered, and why"""
    unwatched_since: datetime | None = None
    """since when none of its causes is looked at"""
    layer: Layer | None = None
    """where it broke when it was classified"""
    failing_below: tuple[str, ...] = ()
    """checks of lower layers that failed later, and are no cause of it; each is told once"""
    updated_at: datetime | None = None
    """when the customer last heard anything of it"""
    reminded_at: datetime | None = None
    """when its people last heard that it is still open"""
    joined_untold: tuple[str, ...] = ()
    """checks that have joined since `joined_since`, and are told of in one letter"""
    joined_since: datetime | None = None
    returns: int = 0
    """how often this trouble has come back, under this ticket or as the one before it"""
    pauses: tuple[Pause, ...] = ()
    escalated_at: datetime | None = None
    """when a human escalated it formally: the ladder counts from there"""
    escalated_by: str = ""
    rca_sent_at: datetime | None = None
    prevention_sent_at: datetime | None = None
    """when the analysis of those who keep it from coming again was sent"""
    rca_waits: tuple[Pause, ...] = ()
    """times in which the analysis waited for evidence"""
    rca_steps: tuple[str, ...] = ()
    """what was done about its analyses: "drafted"; "rca", "prevention" for their reminders"""
    opened_by: str = ""
    """the human who opened it; "" for what looks have found"""
    request: Request = ""

    @property
    def open(self) -> bool:
        """Whether it is not over."""
        return self.closed_at is None

    @property
    def held(self) -> bool:
        """Whether it works again, and is kept open for a while because it has come back before."""
        return self.open and self.recovered_at is not None

    @property
    def works_since(self) -> datetime | None:
        """Since when it is known to work: seen by looks, or by a human whom the looks have borne
        out.
        """
        # It ended under another ticket, or nobody looks any more: nobody has seen it work.
        if self.closing in (Closing.EXPLAINED, Closing.WITHDRAWN):
            return None
        # A human's word counts from the moment it was given, and only once the looks have borne it
        # out; of what only a human has seen no look tells.
        if self.closing is Closing.RESOLVED and self.opened_by and not self.evidence.check:
            return self.closed_at
        if self.closing is Closing.RESOLVED:
            return (
                min(self.closed_at, self.recovered_at)
                if self.closed_at and self.recovered_at
                else None
            )
        return self.recovered_at or self.closed_at

    @property
    def acknowledgements(self) -> tuple[tuple[datetime, str], ...]:
        """When it was acknowledged, and by whom, in order."""
        if self.acknowledged_at is None:
            return ()
        return ((self.acknowledged_at, self.acknowledged_by), *self.acknowledged_again)

    @property
    def taken(self) -> tuple[datetime, str] | None:
        """Since when it is in somebody's hands, and whose: the newest acknowledgement. None where
        nobody has taken it since its clocks began, or since it was formally escalated.
        """
        last = self.acknowledgements[-1] if self.acknowledged_at else None
        began = max(self.counts_from, self.escalated_at or self.counts_from)
        return last if last is not None and last[0] >= began else None

    @property
    def levels_done(self) -> tuple[int, ...]:
        """The ladder levels whose turn is past: told, or passed over."""
        return (*self.levels_told, *self.levels_skipped)

    def clocks(self, now: datetime, calendars: Calendars = NO_CALENDARS) -> tuple[Clock, ...]:
        """What was promised by when, and how that stands."""
        events = self._events()
        return clocks(self._promises(pauses_of(events, now)[0], calendars), events, now)

    def rungs(self, now: datetime, calendars: Calendars = NO_CALENDARS) -> tuple[Rung, ...]:
        """The dated ladder; what was paused counts for no level."""
        return ladder_times(self.ladder, self.climbs_from, calendars, self.paused(now))

    @property
    def climbs_from(self) -> datetime:
        """Where the ladder starts: where the clocks do, or at a formal escalation."""
        return self.escalated_at or self.counts_from

    @property
    def waits(self) -> Pause | None:
        """The pause that is under way."""
        last = self.pauses[-1] if self.pauses else None
        return last if last and last.until is None and self.open else None

    def paused(self, now: datetime) -> tuple[Span, ...]:
        """The time that counts for no promise, up to now."""
        return pauses_of(self._events(), now)[0]

    def _promises(self, paused: Sequence[Span], calendars: Calendars) -> Iterator[Promise]:
        rungs = ladder_times(self.ladder, self.climbs_from, calendars, paused)
        for target in self.severity.targets:
            since = self._since(target, rungs)
            if since is not None:
                yield Promise(target.name, since, target.seconds, calendars.get(target.calendar))

    def _since(self, target: Target, rungs: Sequence[Rung]) -> datetime | None:
        """From when a promise counts; None where nothing is promised, or not yet."""
        if target.name in ANALYSES and self.owner == MONITOR:
            return None
        if target.name == UPDATE:
            return self._updated_since()
        # What a level owes of what it took over it does not owe of what never reached it.
        if target.name == "prevention" and target.by_level not in (0, *self.levels_told):
            return None
        if target.since == "resolved":
            return self.works_since
        if target.since == "escalated":
            return self.escalated_at
        return turn_of(rungs, target.since_level, self.counts_from)

    def _updated_since(self) -> datetime | None:
        """From when the next word is due; None where nobody waits for one any more."""
        if not self.open or self.held:
            return None
        return max(self.counts_from, self.updated_at or self.counts_from)

    def _events(self) -> list[Event]:
        moments = [
            *(moment for one in self.pauses for moment in _of_pause(one)),
            *(moment for one in self.rca_waits for moment in _of_pause(one, "rca")),
            *((at, "acknowledged", "") for at, _ in self.acknowledgements),
            *((at, "breached", clock) for clock, at in self.breaches),
            # A human who closes a ticket has answered it, also if nobody acknowledged it first:
            # that stops the response clock.
            (self.closed_at if self.closing is Closing.RESOLVED else None, "answered", ""),
            (
                (self.works_since, "resolved", "")
                if self.works_since
                else (self.closed_at, "ended", "")
            ),
            (self.rca_sent_at, "rca-sent", ""),
            (self.prevention_sent_at, "prevention-sent", ""),
        ]
        events = [Event(at, kind, clock) for at, kind, clock in moments if at is not None]
        # In the order in which they happened, those of one instant as they stand here.
        return sorted(events, key=lambda event: event.at)


def _of_pause(one: Pause, clock: str = "") -> tuple[tuple[datetime | None, str, str], ...]:
    """Its beginning and its end, beside each other: another may begin at the instant of the end."""
    return (one.since, "paused", clock), (one.until, "resumed", clock)


@dataclass(frozen=True, slots=True)
class Change:
    """An incident after something happened, with what to tell and what to remember."""

    incident: Incident
    orders: tuple[Order, ...] = ()
    happenings: tuple[Happening, ...] = ()

    def then(self, after: Change) -> Change:
        """This change followed by another of the same incident."""
        return Change(
            after.incident, self.orders + after.orders, self.happenings + after.happenings
        )


def told(
    incident: Incident,
    tell: Tell,
    why: str,
    facts: Mapping[str, object],
    levels: tuple[int, ...] = (),
) -> Change:
    """Count one more message of the incident, and order it."""
    counted = replace(incident, sequence=incident.sequence + 1)
    return Change(counted, (Order(tell, counted.sequence, why, levels, facts),))


def remembered(
    incident: Incident,
    kind: str,
    facts: Mapping[str, object],
    tell: Tell,
    why: str,
    levels: tuple[int, ...] = (),
) -> Change:
    """Something happened; it is told if the incident has been told at all."""
    kept = Change(incident, (), (Happening(kind, facts),))
    return (
        kept.then(told(incident, tell, why, {"text": why, **facts}, levels))
        if incident.told
        else kept
    )
