"""tickets: the counter of the built-in helpdesk."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping

from monitor.clock import SystemClock
from monitor.core.incident import Incident
from monitor.evidence.elsewhere import on_this_host
from monitor.incidents import store
from monitor.incidents.opening import Opening
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.incidents.ticket_view import no_ticket, number_of, view
from monitor.terminal import complain_of, say_page, show, show_json
from monitor.verbs.opening import Stop, acting, ledger_of, sound_part_of


def tickets(arguments: Namespace) -> int:
    """List the tickets, the newest first. 0; 1 when one of them cannot be read."""
    configuration = sound_part_of(arguments)
    now = SystemClock().now()
    with ledger_of(configuration, read_only=True) as ledger:
        rows = ledger.incidents(arguments.limit, None if arguments.all else "open")
        with ledger.steady():
            found = [view(ledger, configuration, one, now) for one in store.incidents_of(rows)]
    # A ticket that cannot be read is named after the list: it must not vanish from it in silence.
    wrong = list(store.unreadable_of(rows))
    if arguments.json:
        show_json([ticket.to_dict() for ticket in found])
    else:
        zone = configuration.site.timezone
        say_page("tickets", tickets=found, timezone=zone, all=arguments.all)
    complain_of(wrong)
    return 1 if wrong else 0


def show_ticket(arguments: Namespace) -> int:
    """One ticket, whole."""
    configuration = sound_part_of(arguments)
    with ledger_of(configuration, read_only=True) as ledger:
        row = ledger.incident(_number(arguments))
        if row is None:
            raise Stop(no_ticket(configuration, _number(arguments)))
        ticket = view(ledger, configuration, store.incident_of(row), SystemClock().now())
        ticket = on_this_host(ledger, ticket, configuration.state / "exhibits")
    show("ticket", arguments.json, ticket)
    return 0


def open_ticket(arguments: Namespace) -> int:
    """Open a ticket by hand: an issue that somebody has seen (--issue; same policy, clocks and
    ladder as what checks find), or something that somebody asks for (--change, --request; no SLA
    clock). Who opens it is recorded. 0."""
    configuration = sound_part_of(arguments)
    now, by = SystemClock().now(), acting(arguments)
    if arguments.severity and not arguments.issue:
        raise Stop("--severity goes with --issue: a request has none")
    with ledger_of(configuration) as ledger:
        opening = Opening(ledger, configuration, now)
        try:
            if arguments.issue:
                severity = arguments.severity
                incident = opening.issue(arguments.issue, arguments.text, by, severity)
            else:
                incident = opening.request(arguments.asked, arguments.text, by)
        except NotPossible as refusal:
            raise Stop(str(refusal)) from None
        ticket = view(ledger, configuration, incident, now)
    show("ticket", arguments.json, ticket)
    return 0


def change_ticket(arguments: Namespace) -> int:
    """What a human does with one ticket (`_ACTIONS`)."""
    configuration = sound_part_of(arguments)
    now = SystemClock().now()
    number, by = _number(arguments), acting(arguments)
    with ledger_of(configuration) as ledger:
        actions = TicketActions(ledger, configuration, now)
        try:
            incident = _ACTIONS[arguments.action](actions, number, by, arguments)
        except NotPossible as refusal:
            raise Stop(str(refusal)) from None
        ticket = view(ledger, configuration, incident, now)
    show("ticket", arguments.json, ticket)
    return 0


def _reclassify(actions: TicketActions, number: int, by: str, arguments: Namespace) -> Incident:
    if not arguments.issue and not arguments.severity:
        raise Stop("say which issue it is, or --severity")
    return actions.reclassify(number, by, arguments.issue, arguments.severity)


_ACTIONS: Mapping[str, Callable[[TicketActions, int, str, Namespace], Incident]] = {
    "ack": lambda actions, number, by, _: actions.acknowledge(number, by),
    "note": lambda actions, number, by, said: actions.note(number, by, said.text),
    "reclassify": _reclassify,
    "escalate": lambda actions, number, by, said: actions.escalate(number, by, said.text),
    "wait": lambda actions, number, by, said: actions.wait(number, by, said.text),
    "go-on": lambda actions, number, by, _: actions.go_on(number, by),
    "resolve": lambda actions, number, by, said: actions.resolve(number, by, said.text),
}


def _number(arguments: Namespace) -> int:
    try:
        return number_of(arguments.number)
    except ValueError as wrong:
        raise Stop(str(wrong)) from None
