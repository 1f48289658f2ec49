"""Who hears of an incident, and through which desk: orders become rows of the outbox.

Rule 1: a role is filled by the site's own people alone; a policy's published desks are strangers',
and never written to. Rule 2: a first level that nobody fills is the operators' for its time; any
other that reaches nobody is passed over at once, the message says so, and the operators have it
until another level takes it. Rule 3: the site's operators hear of
every step; of the ladder, each level from its turn on; the customer, who is no level of it, hears
of every change to a ticket, but not of remarks, missed targets and the monitor's own troubles.
What one act brings with it is one letter: who hears that a level takes over, or that a target is
missed, reads in it what a person has done, or looks have found.
Rule 4: a desk's own class says what it takes (`DeskSettings.TAKES`); no desk is known by name here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from monitor.config import Configuration
from monitor.config.section_models import OPERATORS
from monitor.core.escalation import Due, due_levels
from monitor.core.incident import CUSTOMER, MONITOR, Incident, Order, Tell
from monitor.core.sla import ANALYSES, UPDATE, Clock, unrecorded_breaches
from monitor.desks.desk import letter_body
from monitor.incidents import pages
from monitor.incidents.audiences import left_to_operators, who_hears
from monitor.incidents.rest import Rest
from monitor.incidents.ticket_view import view
from monitor.ledger import Ledger, OutboxMessage, Transaction
from monitor.ledger.bodies import ticket_body

# Told beside the ladder, and named so in the letter: the reader has no level, and no turn.
COPY, HELPDESK = "copy", "helpdesk"
_NOT_FOR_CUSTOMERS = (Tell.NOTE, Tell.BREACHED)
BLIND = "monitor-is-blind"
# What somebody did or looks have found, and what it brings with it at the same moment.
_ACTS, _TURNS = (Tell.RECLASSIFIED, Tell.NOTE), (Tell.ESCALATED, Tell.BREACHED)
# Nobody has to act on these; whoever has no duty on the ladder gets them as mere acknowledgements
# (RFC 3834).
_ACKNOWLEDGEMENTS = (Tell.ACKNOWLEDGED, Tell.NOTE, Tell.CLOSED, Tell.RECLASSIFIED)


def reached(
    configuration: Configuration, role: str, now: datetime | None = None
) -> tuple[str, ...]:
    """The mail addresses of a role at this site; at `now` of who of it is on call."""
    return tuple(one.mail for one in who_hears(configuration, role, now) if one.mail)


def is_reached(configuration: Configuration, role: str, severity: str, now: datetime) -> bool:
    """Whether anybody of a role is told of a severity: by mail, or by telephone."""
    by_phone = pages.called(configuration, role, severity, now)
    return bool(reached(configuration, role, now) or by_phone)


def due_now(configuration: Configuration, incident: Incident, now: datetime) -> Due:
    """What the ladder of an incident asks for at `now`."""
    return due_levels(
        incident.ladder,
        incident.climbs_from,
        now,
        incident.levels_done,
        acknowledged=incident.taken is not None,
        resolved=not incident.open or incident.held,
        reachable=lambda role: is_reached(configuration, role, incident.severity.id, now),
        calendars=configuration.policy.calendars,
        pauses=incident.paused(now),
        unheard=incident.levels_unheard,
    )


def missed_now(
    configuration: Configuration, incident: Incident, now: datetime
) -> tuple[Clock, ...]:
    """The targets that were missed and are not recorded; analyses have a watch of their own, and
    the next word to the customer is not missed, but said.
    """
    clocks = incident.clocks(now, configuration.policy.calendars)
    said = (*ANALYSES, UPDATE)
    return tuple(one for one in unrecorded_breaches(clocks) if one.name not in said)


def for_customers(order: Order) -> bool:
    """Whether the customer hears of it, where the site names one."""
    return order.tell not in _NOT_FOR_CUSTOMERS and (not order.roles or CUSTOMER in order.roles)


class TicketLetters:
    """Orders of one moment, put into the outbox."""

    def __init__(
        self, ledger: Ledger, t: Transaction, configuration: Configuration, now: datetime
    ) -> None:
        self._ledger, self._t = ledger, t
        self._configuration, self._now = configuration, now

    def tell(self, incident: Incident, orders: Sequence[Order]) -> None:
        """One row per order, desk and recipient."""
        rest = Rest(self._ledger, self._t, self._configuration, self._now)
        stood_in_for = left_to_operators(self._configuration)
        for order in orders:
            ticket = ticket_body(view(self._ledger, self._configuration, incident, self._now))
            event = (
                "blind"
                if order.tell is Tell.OPENED and incident.issue == BLIND
                else str(order.tell)
            )
            taking = {
                level.role for level in incident.ladder.levels if level.number in order.levels
            }
            before, after = _of_one_act(order, orders)
            for desk, recipient, capacity, role in self._recipients(incident, order.roles):
                if after and capacity != HELPDESK and (role != CUSTOMER or for_customers(after)):
                    continue
                if role == CUSTOMER and (not for_customers(order) or incident.owner == MONITOR):
                    continue
                # Whoever works on it knows that nothing has changed.
                if order.roles == (CUSTOMER,) and role != CUSTOMER:
                    continue
                at = rest.moment(order, incident, recipient)
                if at is None:
                    continue
                quiet = order.tell in _ACKNOWLEDGEMENTS and capacity in (OPERATORS, COPY, CUSTOMER)
                facts = {**order.facts, "audience": capacity, "takes_over": role in taking}
                facts["stands_in"] = role in stood_in_for
                if role in stood_in_for or capacity == OPERATORS:
                    facts["phones"] = self._published(incident, role)
                if before and capacity != HELPDESK:
                    facts["because"] = {"event": str(before.tell), **before.facts}
                body = letter_body(ticket, facts, acknowledgement=quiet)
                self._t.enqueue(
                    OutboxMessage(incident.number, event, order.sequence, desk, recipient, body, at)
                )
            pages.called_off(self._ledger, self._t, self._configuration, incident, order, self._now)
            for page in pages.of_order(self._configuration, incident, order, ticket, self._now):
                self._t.enqueue(page)

    def _published(self, incident: Incident, role: str) -> list[str]:
        """The phones of the desk that the policy publishes for a role, or for the first level where
        the operators are told as themselves: theirs to call, and never called from here.
        """
        if role == OPERATORS:
            role = next((level.role for level in incident.ladder.levels), "")
        site = self._configuration.site
        desks = self._configuration.policy.contacts(role, site.region)
        return list(dict.fromkeys(phone for desk in desks for phone in desk.phones))

    def _recipients(
        self, incident: Incident, only: Sequence[str]
    ) -> Iterator[tuple[str, str, str, str]]:
        """Desk, recipient, in what capacity and by what role. A helpdesk is its own recipient, and
        hears of every event once; the people hear through the first desk that takes people.
        `only` these roles and the operators are told, where there are some.
        """
        # A helpdesk is given the ticket itself; the people behind it would otherwise get each event
        # once by every desk.
        seen: set[str] = set()
        people = list(self._people(incident, only))
        for name, settings in self._configuration.desks.items():
            if "tickets" in settings.TAKES:
                yield name, name, HELPDESK, ""
            own = [] if only else [(address, COPY, "") for address in settings.copies()]
            if "people" in settings.TAKES:
                own, people = people + own, []
            for address, capacity, role in own:
                # RFC 5321 section 2.4 allows mailboxes that differ in case and discourages them:
                # two spellings are one person.
                if address.lower() not in seen:
                    seen.add(address.lower())
                    yield name, address, capacity, role

    def _people(self, incident: Incident, only: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        levels = {level.role: level for level in incident.ladder.levels}
        # Whoever was told last has it in hand: an address that stands on several levels is told in
        # that capacity.
        for role in only or reversed(incident.roles_told):
            capacity = (
                f"level {levels[role].number}, {levels[role].name}" if role in levels else role
            )
            for address in self._following(incident, role):
                yield address, capacity, role
        for role in (OPERATORS,) if only else (OPERATORS, CUSTOMER):
            for address in self._following(incident, role):
                yield address, role, role

    def _following(self, incident: Incident, role: str) -> tuple[str, ...]:
        """Who of a role is on call, and who was when it heard of the ticket."""
        on_call = reached(self._configuration, role, self._now)
        everybody = reached(self._configuration, role)
        if on_call == everybody or incident.number is None:
            return on_call
        heard = {row.recipient.lower() for row in self._ledger.deliveries(incident.number)}
        return (*on_call, *(one for one in everybody if one.lower() in heard))


def _of_one_act(order: Order, orders: Sequence[Order]) -> tuple[Order | None, Order | None]:
    """What it follows from, and what follows from it, among the orders of one moment."""
    act = next((one for one in orders if one.tell in _ACTS), None)
    turn = next((one for one in orders if one.tell in _TURNS), None)
    if act is None or turn is None or act.sequence > turn.sequence:
        return None, None
    return (act if order is turn else None), (turn if order is act else None)
