"""A change to an incident, stored and told: what every look, every deadline and every human goes
through.

Rule 1: a change, its history and its orders are written in one transaction; the outbox sends
afterwards. Rule 2: the ledger is the only memory; nothing here outlives the transaction. Rule 3: an
incident whose causes a maintenance hides is stored and not told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.config import Configuration
from monitor.core import endings, incident_escalation, incident_transitions
from monitor.core.condition import (
    Condition,
    released,
)
from monitor.core.incident import Change, Evidence, Incident, key_of
from monitor.core.policy_terms import Classification
from monitor.incidents import store
from monitor.incidents.maintenances import hides
from monitor.incidents.recipients import TicketLetters, due_now, for_customers
from monitor.ledger import Ledger, Transaction


class IncidentChanges:
    """The incidents of one site, changed within one transaction at one moment."""

    def __init__(
        self, ledger: Ledger, t: Transaction, configuration: Configuration, now: datetime
    ) -> None:
        self._ledger, self._t, self._now = ledger, t, now
        self._configuration = configuration
        self._policy = configuration.policy
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
        if change.incident.told or self._all_muted(change.incident):
            return change
        told = replace(change.incident, counts_from=self._now)
        due = due_now(self._configuration, told, self._now)
        return change.then(incident_escalation.unmuted(told, self._now, due.levels, due.passed))

    def open(self, change: Change) -> Incident:
        """Store a ticket that a person has opened, and tell it."""
        return self.apply(self._tell_now(change))

    def apply(self, change: Change) -> Incident:
        """Store a change and order what it tells; what hung on an incident that is over is set
        free.
        """
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
        if last and endings.may_reopen(last, self._now):
            return endings.reopened(last, evidence, self._now)
        change = incident_transitions.opened(
            site, found, self._policy_name(), evidence, since, self._now, last
        )
        return replace(change, incident=replace(change.incident, key=key))
