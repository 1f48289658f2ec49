"""The counter of the built-in helpdesk: what a human does with a ticket. One transaction each, told
as any change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from checks.body import Unreadable
from monitor.config import Configuration
from monitor.core import endings, incident_escalation, incident_transitions, pauses
from monitor.core.incident import Change, Closing, Incident
from monitor.incidents import store
from monitor.incidents.correlation import Correlation
from monitor.incidents.ticket_view import no_ticket, ticket_name
from monitor.ledger import AlreadyOpen, IncidentRow, Ledger, Transaction


class NotPossible(Exception):
    """What was asked cannot be done with this ticket; the text says why."""


class TicketActions:
    """The tickets of one site, in a human's hands."""

    def __init__(
        self,
        ledger: Ledger,
        configuration: Configuration,
        now: datetime,
        beside: Callable[[Transaction, int], None] = lambda _t, _number: None,
    ) -> None:
        """`beside` is done in the same transaction, before; NotPossible of it undoes all."""
        self._ledger, self._configuration, self._now = ledger, configuration, now
        self._beside = beside

    def acknowledge(self, number: int, by: str) -> Incident:
        """Somebody has it in hand: the response clock stops."""
        calendars = self._configuration.policy.calendars
        return self._change(
            number, lambda was: incident_transitions.acknowledged(was, by, self._now, calendars)
        )

    def taken_at_desk(self, number: int, by: str) -> Incident:
        """A desk shows that somebody has it. It goes on showing that, so of one person it is one
        acknowledgement, whatever comes later.
        """
        return self._change(
            number,
            lambda was: (
                Change(was)
                if by in {name for _, name in was.acknowledgements}
                else incident_transitions.acknowledged(was, by, self._now)
            ),
        )

    def note(self, number: int, by: str, text: str) -> Incident:
        """A remark for all who follow it."""
        return self._change(
            # A remark may come after the end: the cause of an outage is often found days later.
            number,
            lambda was: incident_transitions.noted(was, by, text),
            closed_too=True,
        )

    def reclassify(self, number: int, by: str, issue: str = "", severity: str = "") -> Incident:
        """It is another issue (the same by default), as bad as its counted loss makes it, or as
        `severity` says. Raises NotPossible when that issue has an open ticket, or the policy no
        such issue or severity.
        """
        policy = self._configuration.policy

        def changed(was: Incident) -> Change:
            # Loss that was counted still decides how bad the other issue is; only a named severity
            # overrules it.
            seen = was.evidence
            found = policy.reclassified(issue or was.issue, seen.lost, seen.of, severity)
            return incident_transitions.reclassified(
                was, found, f"{policy.name} {policy.version}", by
            )

        try:
            return self._change(number, changed)
        except LookupError as unknown:
            raise NotPossible(str(unknown.args[0])) from None
        # One open ticket for each issue: a second one would tell the same people twice.
        except AlreadyOpen:
            raise NotPossible(
                f"there is an open ticket for {policy.issue(issue).title!r} already"
            ) from None

    def wait(self, number: int, by: str, why: str) -> Incident:
        """It waits for somebody whom the promises do not bind. Raises NotPossible."""
        return self._sensible(number, lambda was: pauses.waiting(was, why, by, self._now))

    def go_on(self, number: int, by: str) -> Incident:
        """The waiting is over. Raises NotPossible."""
        return self._sensible(number, lambda was: pauses.going_on(was, by, self._now))

    def escalate(self, number: int, by: str, why: str) -> Incident:
        """A formal escalation: the policy's ladder for it, or the ticket's own again, counts from
        now. Raises NotPossible.
        """
        policy = self._configuration.policy

        def changed(was: Incident) -> Change:
            ladder = policy.formal_ladder(was.severity) or was.ladder
            return incident_escalation.formally(was, ladder, by, why, self._now)

        return self._sensible(number, changed)

    def resolve(self, number: int, by: str, resolution: str) -> Incident:
        """It is over, says a human. If the check fails on, the ticket is reopened."""
        return self._change(
            number, lambda was: endings.closed(was, self._now, resolution, Closing.RESOLVED, by)
        )

    def _sensible(self, number: int, make: Callable[[Incident], Change]) -> Incident:
        try:
            return self._change(number, make)
        except ValueError as why:
            raise NotPossible(f"{ticket_name(self._configuration, number)}: {why}") from None

    def _change(
        self, number: int, make: Callable[[Incident], Change], closed_too: bool = False
    ) -> Incident:
        with self._ledger.transaction() as t:
            row = self._ledger.incident(number)
            if row is None:
                raise NotPossible(no_ticket(self._configuration, number))
            was = _read(row)
            self._beside(t, number)
            if not was.open and not closed_too:
                raise NotPossible(f"{ticket_name(self._configuration, number)} is closed")
            return Correlation(self._ledger, t, self._configuration, self._now).apply(make(was))


def _read(row: IncidentRow) -> Incident:
    try:
        return store.incident_of(row)
    except Unreadable as why:
        raise NotPossible(str(why)) from None
