"""Who is telephoned: one page for each level whose turn comes, to its people one after the other.

Rule 1: a page has its level's role as recipient, and names the people and their numbers in the
order in which they are called. Rule 2: where no level was told, since nobody fills it, the
operators are called; while nobody has taken a ticket of the gravest severity, the last who were
told are called again with each reminder, as far as the caps allow. Rule 3: where a level was paged,
its page alone says whether it has heard: a mail that a server took woke nobody. Rule 4: whoever
presses 1 has acknowledged the ticket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.config import Configuration
from monitor.config.section_models import OPERATORS
from monitor.core import incident_transitions
from monitor.core.contacts import Recipient
from monitor.core.incident import Change, Incident, Order, Tell
from monitor.core.rota import rest_until
from monitor.desks.desk import letter_body
from monitor.incidents.audiences import who_hears
from monitor.incidents.rest import OVER, REVEILLE
from monitor.ledger import Ledger, OutboxMessage, Transaction
from monitor.ledger.letters import DISMISSED, DeliveryRow

# The ladder has gone on by then (receipts.py): a later call would be news of yesterday.
_LIFETIME_SECONDS = 1800.0
# How a page is named in the outbox: no event of a ticket has this name.
PAGE = "page"


def called(
    configuration: Configuration, role: str, severity: str, now: datetime
) -> tuple[Recipient, ...]:
    """The people of a role who are on call, where a desk telephones them for a severity; all of
    them where it calls them into one conference.
    """
    desks = _desks(configuration, severity)
    if not desks:
        return ()
    together = configuration.desks[desks[0]].confers(severity)
    found = who_hears(configuration, role, None if together else now)
    return tuple(one for one in found if one.phone)


def of_order(
    configuration: Configuration,
    incident: Incident,
    order: Order,
    ticket: Mapping[str, Any],
    now: datetime,
) -> Iterator[OutboxMessage]:
    """The pages of the levels that an order tells."""
    again = _calls_again(incident, now)
    levels = incident.levels_told[-1:] if again else order.levels
    roles = [level.role for level in incident.ladder.levels if level.number in levels]
    if not roles and (again or order.tell is Tell.OPENED):
        roles = [OPERATORS]
    for role in dict.fromkeys(roles):
        people, at = _awake(configuration, incident, role, now)
        for desk in _desks(configuration, incident.severity.id) if people else ():
            body = letter_body(ticket, {"page": _page(people, first=not again)})
            yield OutboxMessage(
                incident.number, PAGE, order.sequence, desk, role, body, at, _LIFETIME_SECONDS
            )


def _awake(
    configuration: Configuration, incident: Incident, role: str, now: datetime
) -> tuple[tuple[Recipient, ...], datetime]:
    """Whom to call, and when: those who do not rest, else all of them when the first wakes."""
    severity, zone = incident.severity, configuration.site.timezone
    people = called(configuration, role, severity.id, now)
    rests = {one: rest_until(one.quiet, now, zone) for one in people if severity.rank}
    awake = tuple(one for one in people if rests.get(one) is None)
    return (awake, now) if awake else (people, min(filter(None, rests.values()), default=now))


def called_off(
    ledger: Ledger,
    t: Transaction,
    configuration: Configuration,
    incident: Incident,
    order: Order,
    now: datetime,
) -> None:
    """Nobody is called any more for what somebody has in hand, or what is over."""
    if order.tell not in (Tell.ACKNOWLEDGED, *OVER) or incident.number is None:
        return
    if not configuration.desks_taking("pages"):
        return
    for row in ledger.outbox("queued", incident.number):
        if row.kind == PAGE and row.lease_owner is None:
            t.dismiss_letter(row, now, f"{REVEILLE}it was {order.tell}")


def _calls_again(incident: Incident, now: datetime) -> bool:
    """Whether this is a reminder (incident_escalation.py) of what nobody has taken."""
    unheeded = incident.taken is None and incident.severity.rank == 0
    return unheeded and incident.reminded_at == now


def _page(people: Sequence[Recipient], first: bool) -> dict[str, Any]:
    return {"people": [{"name": one.name, "phone": one.phone} for one in people], "first": first}


def _desks(configuration: Configuration, severity: str) -> tuple[str, ...]:
    """The desk that pages: the first, as people hear through the first that mails."""
    names = configuration.desks_taking("pages")
    return tuple(name for name in names if configuration.desks[name].pages(severity))[:1]


def of_role(rows: Sequence[DeliveryRow], role: str) -> DeliveryRow | None:
    """The newest page to a role; None where there was none, or it was called off."""
    own = [row for row in rows if row.kind == PAGE and row.recipient == role]
    return own[-1] if own and not (own[-1].last_error or "").startswith(DISMISSED) else None


def answered(
    ledger: Ledger, configuration: Configuration, incident: Incident, now: datetime
) -> Change | None:
    """The acknowledgement by whoever has pressed 1; None where nobody has, or it is known."""
    if incident.number is None:
        return None
    since = incident.taken[0] if incident.taken else None
    for row in ledger.history(incident.number) if configuration.desks_taking("pages") else ():
        known = since is not None and row.at <= since
        if row.kind == "answered" and row.at >= incident.counts_from and not known:
            facts = row.facts()
            calendars = configuration.policy.calendars
            change = incident_transitions.acknowledged(incident, facts["by"], now, calendars)
            return change if change.happenings else None
    return None
