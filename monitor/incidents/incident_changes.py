"""A change to an incident, stored and told: what every look, every deadline and every human goes
through.

Rule 1: a change, its history and its orders are written in one transaction; the outbox sends
afterwards. Rule 2: the ledger is the only memory; nothing here outlives the transaction. Rule 3: an
incident whose causes a maintenance hides is stored and not told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.core import effects, endings, incident_escalation, incident_transitions
from monitor.core.condition import (
    Condition,
    looked_at_again,
    released,
)
from monitor.core.diagnosis import Diagnosis
from monitor.core.incident import MONITOR, Change, Closing, Evidence, Incident, key_of
from monitor.core.policy_terms import Classification
from monitor.incidents import store
from monitor.incidents.attempt_result import AttemptResult
from monitor.incidents.layers_below import reach
from monitor.incidents.maintenances import hides
from monitor.incidents.recipients import TicketLetters, due_now, for_customers, missed_now
from monitor.ledger import Ledger, Transaction
from monitor.ledger.history import readable

# What a person has started again takes a while until it answers.
_STARTS_WITHIN = timedelta(seconds=20)


class IncidentChanges:
    """The incidents of one site, changed within one transaction at one moment."""

    def __init__(
        self, ledger: Ledger, t: Transaction, configuration: Configuration, now: datetime
    ) -> None:
        self._ledger, self._t, self._now = ledger, t, now
        self._configuration = configuration
        self._policy = configuration.policy
        self._tells_later = False
        self.telling = TicketLetters(ledger, t, configuration, now)

    def muted(self, check: str) -> bool:
        """Whether a maintenance hides a check now."""
        return hides(self._ledger, self._configuration, check, self._now) is not None

    def _all_muted(self, incident: Incident) -> bool:
        return bool(incident.causes) and all(self.muted(check) for check in incident.causes)

    def _tell_now(self, change: Change) -> Change:
        """An incident that nobody heard of is told, unless a maintenance hides all that
        causes it.
        """
        if change.incident.told or self._tells_later or self._all_muted(change.incident):
            return change
        told = replace(change.incident, counts_from=self._now)
        due = due_now(self._configuration, told, self._now)
        return change.then(incident_escalation.unmuted(told, self._now, due.levels, due.passed))

    def _with_its_turns(self, change: Change) -> Change:
        """What is reclassified or formally escalated may be another level's at once, or late: that
        is told in the same letter, and not in a second one a moment later.
        """
        incident = change.incident
        moved = any(
            one.kind in ("reclassified", "raised", "called-up") for one in change.happenings
        )
        if not (moved and incident.told and incident.open) or incident.held or incident.waits:
            return change
        if self._all_muted(incident):
            return change
        due = due_now(self._configuration, incident, self._now)
        missed = missed_now(self._configuration, incident, self._now)
        if due.tell or due.passed:
            return change.then(
                incident_escalation.escalated(incident, due.levels, due.passed, missed)
            )
        return change.then(incident_escalation.breached(incident, missed)) if missed else change

    def open(self, change: Change) -> Incident:
        """Store a ticket that a person has opened, and tell it."""
        return self.apply(self._tell_now(change))

    def apply(self, change: Change) -> Incident:
        """Store a change and order what it tells; what hung on an incident that is over is set
        free.
        """
        change = self._with_its_turns(change)
        if any(for_customers(order) for order in change.orders):
            informed = replace(change.incident, updated_at=self._now)
            change = replace(change, incident=informed)
        change = store.keep_change(self._t, change, self._now)
        incident = change.incident
        self.telling.tell(incident, change.orders)
        if not incident.open:
            for name, condition in store.conditions(self._ledger).items():
                # What only hung on it was never proven bad by itself; its causes go their own way.
                if condition.incident == incident.number and name not in incident.causes:
                    self._keep(released(condition, self._now))
                # A person says that it is repaired: that is looked at soon, however dear a look is.
                elif condition.incident == incident.number and incident.closing is Closing.RESOLVED:
                    self._keep(looked_at_again(condition, self._now + _STARTS_WITHIN))
        return incident

    def _incident(self, number: int | None) -> Incident | None:
        row = self._ledger.incident(number) if number is not None else None
        incident = store.incident_of(row) if row else None
        return incident if incident and incident.open else None

    def _keep(self, condition: Condition) -> None:
        store.keep_condition(self._t, condition)

    def _policy_name(self) -> str:
        return f"{self._policy.name} {self._policy.version}"

    def _under(
        self, found: Classification, evidence: Evidence, since: datetime, apart: str = ""
    ) -> Change:
        """`apart`: what has a ticket of its own under its issue."""
        site = self._configuration.site.name
        key = key_of(site, f"{found.issue.id} {apart}" if apart else found.issue.id)
        if row := self._ledger.open_incident_by_key(key):
            return incident_transitions.joined(store.incident_of(row), evidence, self._now)
        closed = self._ledger.latest_closed(key)
        last = next(store.incidents_of([closed] if closed else []), None)
        if last and endings.may_reopen(last, self._now) and self._goes_on(last, evidence.check):
            return endings.reopened(last, evidence, self._now)
        change = incident_transitions.opened(
            site, found, self._policy_name(), evidence, since, self._now, last
        )
        return replace(change, incident=replace(change.incident, key=key))

    def _goes_on(self, last: Incident, check: str) -> bool:
        """Whether a failing check is the trouble of a closed ticket once more. Another check's is
        another outage, with a beginning of its own; unless that happens again and again, and is the
        intermittent trouble of them all. What nobody saw repaired goes on in whatever finds it.
        """
        seen_well = last.closing in (Closing.RECOVERED, Closing.RESOLVED) and not last.opened_by
        if last.returns or last.owner == MONITOR or not seen_well:
            return True
        rows = self._ledger.history(last.number)
        known = {facts["check"] for _, facts in readable(rows) if facts.get("check")}
        return not known or check in known

    def _tell_held_back(self, check: str) -> None:
        with store.saying_unreadable(check):
            incident = self._incident(store.condition_of(self._ledger, check).incident)
            if incident is not None and not incident.told:
                self.apply(self._tell_now(Change(incident)))

    def _with_effect(self, seen: AttemptResult, incident: Incident, diagnosis: Diagnosis) -> Change:
        """What the check stands for may be down all the same, worse than its cause, and others'."""
        case = seen.case()
        hidden = self.muted(seen.name) or incident.policy != self._policy_name()
        if case is None or hidden or not effects.stays_true(case, diagnosis.cause):
            return Change(incident)
        effect = self._policy.classify(case)
        if incident.classified_by_human:
            return incident_transitions.outgrown(incident, effect, 0, 0)
        calendars = self._policy.calendars
        return effects.raised(incident, effect, seen.name, self._now, calendars)

    def _look_at_what_stands_on(self, check: str) -> None:
        """A layer that turns good may have been what broke the layers above."""
        for name, entry in self._configuration.checks.items():
            if not entry.diagnose or check not in reach(self._configuration, entry):
                continue
            was = store.condition_of(self._ledger, name)
            if (again := looked_at_again(was, self._now)) is not was:
                self._keep(again)
