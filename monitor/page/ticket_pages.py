"""Tickets: the list, and one of them with its timeline and its evidence."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from monitor.config import Configuration
from monitor.evidence.elsewhere import on_this_host
from monitor.incidents import store
from monitor.incidents.ticket_view import incident_line, ticket_name, view
from monitor.ledger import Ledger
from reports.pages import TicketList, TicketPage

_MOST = 200


def ticket_list(
    ledger: Ledger, configuration: Configuration, now: datetime, everything: bool
) -> TicketList:
    """The open tickets, or the newest of all."""
    rows = ledger.incidents(_MOST, None if everything else "open")
    lines = [incident_line(configuration, one, now) for one in store.incidents_of(rows)]
    closed = {
        ticket_name(configuration, row.number): row.closed_at for row in rows if row.closed_at
    }
    return TicketList(tuple(lines), everything, closed)


def ticket_page(
    ledger: Ledger, configuration: Configuration, number: int, now: datetime
) -> TicketPage | None:
    """One ticket; None where there is none. Raises Unreadable."""
    row = ledger.incident(number)
    if row is None:
        return None
    incident = store.incident_of(row)
    ticket = view(ledger, configuration, incident, now)
    ticket = on_this_host(ledger, ticket, configuration.state / "exhibits")
    attempt = incident.evidence.attempt
    return TicketPage(
        ticket=ticket,
        evidence=tuple(
            (name, f"/tickets/{ticket.number}/evidence/{Path(path).name}")
            for name, path in ticket.exhibits
        ),
        look=f"/looks/{attempt}" if attempt and ledger.attempt(attempt) else "",
    )


def evidence_of(ledger: Ledger, number: int) -> dict[str, Path]:
    """The files of a ticket's evidence, by their names. Raises Unreadable."""
    row = ledger.incident(number)
    shown = store.incident_of(row).evidence.exhibits if row else ()
    return {Path(path).name: Path(path) for _, path in shown}
