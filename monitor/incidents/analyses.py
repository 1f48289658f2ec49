"""Root cause analyses of one site: which are owed, what time brings, and what people do with them.

Rule 1: the ledger's part is drafted anew from the ledger whenever it is asked for; what people
write is kept beside it, each edit with its author, and nothing is written over. Rule 2: it is sent
only once a person has written what no machine knows. Rule 3: one transaction each, told as any
change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from monitor.config import Configuration
from monitor.core import root_cause
from monitor.core.incident import Change, Incident
from monitor.core.open_hours import Calendars
from monitor.core.sla import Clock, ClockState
from monitor.incidents import store
from monitor.incidents.analysis_draft import draft
from monitor.incidents.correlation import Correlation
from monitor.incidents.ticket_view import no_ticket, ticket_name
from monitor.ledger import Ledger, Transaction
from monitor.ledger.bodies import rca_body
from reports.rca import SECTIONS, Part, Rca, RcaLine


class NotSent(Exception):
    """It cannot be sent as it is; the text says what is missing."""


class Analyses:
    """The analyses of one site at one moment."""

    def __init__(self, ledger: Ledger, configuration: Configuration, now: datetime) -> None:
        self._ledger, self._configuration, self._now = ledger, configuration, now

    def of(self, incident: Incident) -> Rca:
        """The analysis of an incident as it stands."""
        return draft(self._ledger, self._configuration, incident, self._now)

    def edit(self, number: int, by: str, written: Mapping[str, str]) -> Incident:
        """Keep what somebody has written, by section. Raises LookupError."""
        return self._changed(
            number,
            lambda was: root_cause.edited(was, by, dict(written)),
        )

    def send(self, number: int, by: str, part: Part) -> Incident:
        """Mail it to all who follow the ticket. Raises NotSent, LookupError."""

        def sent(was: Incident) -> Change:
            rca, name = self.of(was), ticket_name(self._configuration, number)
            if was.open and part == "rca":
                raise NotSent(f"{name} is still open: it is analysed when it is over")
            if missing := rca.unwritten(part):
                names = " and ".join(f"'{SECTIONS[name]}'" for name in missing)
                verb = "is" if len(missing) == 1 else "are"
                raise NotSent(f"{names} {verb} not written yet; `reveille rca edit {name}`")
            return root_cause.sent(was, part, by, rca_body(rca), self._now)

        return self._changed(number, sent)

    def wait(self, number: int, by: str, why: str) -> Incident:
        """It waits for evidence. Raises ValueError, LookupError."""
        return self._changed(number, lambda was: root_cause.waits(was, why, by, self._now))

    def go_on(self, number: int, by: str) -> Incident:
        """The evidence is there. Raises ValueError, LookupError."""
        return self._changed(number, lambda was: root_cause.goes_on(was, by, self._now))

    def owed(self) -> Iterator[RcaLine]:
        """Every analysis that somebody owes, the most urgent first; those that wait come last."""
        found = [
            (clock, incident)
            for incident in self._may_owe()
            for clock in root_cause.owed(incident, self._now, self._calendars)
        ]
        for clock, incident in sorted(found, key=lambda one: (one[0].paused, one[0].due_at)):
            yield self._line(incident, clock)

    def keep_watch(self) -> None:
        """Draft what has just ended, remind before it is due, record and tell what was missed."""
        memo = self._ledger.memo()
        policy, moment = memo.get(store.NEXT_ANALYSIS, (None, None))
        # Of a year's incidents most are asked for once a second in vain: the next moment is known.
        if policy is self._configuration.policy and (moment is None or self._now < moment):
            return
        for incident in self._may_owe():
            change = root_cause.watched(incident, self._now, self._calendars)
            if change.incident != incident or change.happenings:
                with self._ledger.transaction() as t:
                    self._correlation(t).apply(change)
        self.next_moment()

    def next_moment(self) -> datetime | None:
        """When time alone will change something; kept for as long as nothing else does."""
        moments = [
            at
            for one in self._may_owe()
            if (at := root_cause.next_moment(one, self._now, self._calendars)) is not None
        ]
        moment = min(moments, default=None)
        self._ledger.memo()[store.NEXT_ANALYSIS] = (self._configuration.policy, moment)
        return moment

    def _may_owe(self) -> list[Incident]:
        open_ones = store.incidents_of(self._ledger.open_incidents())
        told = [one for one in open_ones if one.told and root_cause.may_owe(one)]
        return [*store.owing(self._ledger, self._now), *told]

    def _line(self, incident: Incident, clock: Clock) -> RcaLine:
        role = root_cause.owner_role(incident, clock.name)
        levels = {level.role: level.name for level in incident.ladder.levels}
        late = clock.state is ClockState.BREACHED
        return RcaLine(
            number=ticket_name(self._configuration, incident.number),
            severity=incident.severity.id,
            title=incident.title,
            part=clock.name,
            state="waits" if clock.paused and not late else "overdue" if late else "due",
            owner=levels.get(role, role) or incident.owner_title,
            due_at=clock.due_at,
            why=root_cause.waits_for(incident) if clock.name == "rca" else "",
        )

    def _changed(self, number: int, make: Callable[[Incident], Change]) -> Incident:
        with self._ledger.transaction() as t:
            row = self._ledger.incident(number)
            if row is None:
                raise LookupError(no_ticket(self._configuration, number))
            return self._correlation(t).apply(make(store.incident_of(row)))

    def _correlation(self, t: Transaction) -> Correlation:
        return Correlation(self._ledger, t, self._configuration, self._now)

    @property
    def _calendars(self) -> Calendars:
        return self._configuration.policy.calendars
