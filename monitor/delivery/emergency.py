"""Calls to the emergency numbers, and the tickets that they are about.

Rule 1: a call belongs to the newest open ticket of the gravest severity; where none is open it
opens one. Rule 2: whom the conference calls nobody else calls for the same: pages of that ticket
that have not gone out are called off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from monitor.clock import Clock
from monitor.config import Configuration
from monitor.config.section_models import OPERATORS
from monitor.core.incident import Incident
from monitor.core.policy_terms import UNSORTED
from monitor.desks.emergency_number import Meeting
from monitor.desks.person_number import dialled
from monitor.incidents import store
from monitor.incidents.audiences import who_hears
from monitor.incidents.opening import Opening
from monitor.incidents.pages import PAGE
from monitor.incidents.rest import REVEILLE
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.incidents.ticket_view import ticket_name
from monitor.ledger import Ledger, LedgerAccess
from monitor.ledger.happening_bodies import happening_body

log = logging.getLogger(__name__)


class EmergencyNumbers:
    """All emergency numbers of a site, attended for as long as its configuration is in force."""

    def __init__(
        self,
        ledger: LedgerAccess,
        clock: Clock,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._ledger, self._clock, self._start = ledger, clock, start
        self._attended: list[asyncio.Task[None]] = []

    def take(self, configuration: Configuration) -> None:
        """Attend these from now on; a conference that goes on under others is over."""
        self.leave()
        for name, desk in configuration.desks.items():
            if (number := desk.emergency_number(name)) is not None:
                board = TicketBoard(self._ledger, configuration, self._clock, number.settings.issue)
                self._attended.append(self._start(number.attend(board)))

    def leave(self) -> None:
        """Attend none any more."""
        for task in self._attended:
            task.cancel()
        self._attended = []


class TicketBoard:
    """What calls to one emergency number do to the tickets."""

    def __init__(
        self, ledger: LedgerAccess, configuration: Configuration, clock: Clock, issue: str
    ) -> None:
        self._ledger, self._configuration = ledger, configuration
        self._clock, self._issue = clock, issue

    async def called(self, caller: str) -> Meeting:
        """Somebody has called: the ticket that it is about, and its people."""
        return await self._ledger.do(lambda ledger: self._called(ledger, caller))

    async def begun(self, incident: int, who: str) -> None:
        """The first of the staff is in the conference: they have it in hand."""
        try:
            await self._ledger.do(lambda ledger: self._actions(ledger).acknowledge(incident, who))
        except NotPossible as why:
            log.info("action=not_acknowledged %s", why)

    async def over(self, incident: int, minutes: str) -> None:
        """Its minutes stand in the ticket."""
        await self._ledger.do(lambda ledger: self._over(ledger, incident, minutes))

    def _called(self, ledger: Ledger, caller: str) -> Meeting:
        incident = _gravest(ledger) or self._opened(ledger, caller)
        number, said = incident.number or 0, "called the emergency number: a conference is called"
        self._actions(ledger).note(number, caller, said)
        self._call_off_pages(ledger, number)
        name = ticket_name(self._configuration, number)
        return Meeting(number, name, self._people(incident, caller))

    def _over(self, ledger: Ledger, incident: int, minutes: str) -> None:
        body = happening_body("conference", {"text": minutes})
        with ledger.transaction() as transaction:
            transaction.happened(incident, self._clock.now(), "conference", body)

    def _actions(self, ledger: Ledger) -> TicketActions:
        return TicketActions(ledger, self._configuration, self._clock.now())

    def _opened(self, ledger: Ledger, caller: str) -> Incident:
        opening = Opening(ledger, self._configuration, self._clock.now())
        gravest = self._configuration.policy.severities[0].id
        text = f"{caller} has called the emergency number"
        # Every policy has the house's own issue; one that it does not have must not cost the call.
        for issue in (self._issue, UNSORTED):
            try:
                return opening.issue(issue, text, caller, gravest)
            except NotPossible as why:
                log.info("action=no_ticket_opened %s", why)
            # One of a lesser severity is open under that issue: the conference is about it.
            open_ones = store.incidents_of(ledger.open_incidents())
            if open_one := next((one for one in open_ones if one.issue == issue), None):
                return open_one
        raise RuntimeError(f"no ticket of {self._issue!r} or {UNSORTED!r} can be opened")

    def _people(self, incident: Incident, caller: str) -> list[tuple[str, str]]:
        """Everybody of the levels that were told who has a phone, else of the operators."""
        configuration, roles = self._configuration, incident.roles_told
        found = [
            (one.name or role, one.phone)
            for role in (*reversed(roles), OPERATORS)
            for one in who_hears(configuration, role)
            if one.phone
        ]
        numbers = {phone: name for name, phone in reversed(found)}
        people = [(name, dialled(phone, configuration.lines)) for phone, name in numbers.items()]
        return [(name, number) for name, number in people if number != caller]

    def _call_off_pages(self, ledger: Ledger, incident: int) -> None:
        now = self._clock.now()
        with ledger.transaction() as t:
            for row in ledger.outbox("queued", incident):
                if row.kind == PAGE and row.lease_owner is None:
                    t.dismiss_letter(row, now, f"{REVEILLE}they are called into the conference")


def _gravest(ledger: Ledger) -> Incident | None:
    """The newest open ticket of the gravest severity that people know of."""
    open_ones = store.incidents_of(ledger.open_incidents())
    grave = [one for one in open_ones if one.severity.rank == 0 and one.told]
    return max(grave, key=lambda one: one.opened_at, default=None)
