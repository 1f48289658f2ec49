"""Hours of rest: what is not of the gravest severity waits for whoever sleeps, until the morning.

Rules: of one ticket the newest letter waits, in place of those before it; what is over by then is
not told to somebody who has never heard of it. The ticket's history says who was left asleep.
"""

from __future__ import annotations

from datetime import datetime

from monitor.config import Configuration
from monitor.core.incident import Incident, Order, Tell
from monitor.core.rota import rest_until
from monitor.ledger import Ledger, Transaction
from monitor.ledger.happening_bodies import happening_body

OVER = (Tell.CLOSED, Tell.RECOVERED)
# Who calls off what waits (`dismissed by ...`), and is no person.
REVEILLE = "Reveille: "


class Rest:
    """The hours of rest at one moment."""

    def __init__(
        self, ledger: Ledger, t: Transaction, configuration: Configuration, now: datetime
    ) -> None:
        self._ledger, self._t, self._now = ledger, t, now
        # An address that several people read is at rest when all of them are: the first to wake
        # reads it.
        self._until: dict[str, datetime | None] = {}
        for person in configuration.people:
            until = rest_until(person.quiet, now, configuration.site.timezone)
            address = (person.mail or "").lower()
            before = self._until.get(address, until)
            self._until[address] = min(until, before) if until and before else None
        self._zone = configuration.site.zone
        self._anybody_rests = any(person.quiet for person in configuration.people)

    def moment(self, order: Order, incident: Incident, recipient: str) -> datetime | None:
        """When a letter goes out: now, or when the recipient's rest is over; None: never."""
        if incident.number is None or not self._anybody_rests:
            return self._now
        until = self._until.get(recipient.lower())
        waited = self._withdraw(incident.number, recipient)
        # The gravest severity has rank 0.
        if until is None or incident.severity.rank == 0:
            return self._now
        if order.tell in OVER and waited and not self._has_heard(incident.number, recipient):
            return None
        if not waited:
            wakes = f"{until.astimezone(self._zone):%a %H:%M}"
            facts = {"who": recipient, "until": wakes}
            self._t.happened(incident.number, self._now, "rests", happening_body("rests", facts))
        return until

    def _withdraw(self, number: int, recipient: str) -> bool:
        """Call off what waits for the end of a rest; whether something did."""
        waiting = [
            row
            for row in self._ledger.outbox("queued", number)
            if row.recipient == recipient and row.not_before > self._now
        ]
        for row in waiting:
            self._t.dismiss_letter(row, self._now, f"{REVEILLE}what came later says it all")
        return bool(waiting)

    def _has_heard(self, number: int, recipient: str) -> bool:
        rows = self._ledger.deliveries(number)
        return any(row.recipient == recipient and row.state == "sent" for row in rows)
