"""The end of a maintenance that a person began: told once to the site's operators, with how its
checks stand. What is still bad is looked at again at once, and a ticket then
(monitor/incidents/deadlines.py).
"""

from __future__ import annotations

from datetime import datetime

from monitor.config import Configuration
from monitor.config.section_models import OPERATORS
from monitor.core.verdict import State
from monitor.incidents import store
from monitor.incidents.maintenances import ByHand, by_hand, covered, over
from monitor.incidents.recipients import reached
from monitor.ledger import Ledger, OutboxMessage
from monitor.ledger.bodies import maintenance_letter
from reports.maintenance import CheckAfter, Ended

# The kind of its letter.
LETTER = "maintenance-over"


def tell_ends(ledger: Ledger, configuration: Configuration, now: datetime) -> None:
    """Tell the operators once of each that is over, and how its checks stand."""
    for one in by_hand(ledger):
        if one.told or one.end > now:
            continue
        with ledger.transaction() as t:
            over(t, one, now)
            body = maintenance_letter(ended(ledger, configuration, one))
            for desk in configuration.desks_taking("people")[:1]:
                for address in reached(configuration, OPERATORS):
                    t.enqueue(OutboxMessage(None, LETTER, one.number, desk, address, body, now))


def next_end(ledger: Ledger, now: datetime) -> datetime | None:
    """When the next one is over, and that is to be told."""
    return min((max(one.end, now) for one in by_hand(ledger) if not one.told), default=None)


def ended(ledger: Ledger, configuration: Configuration, one: ByHand) -> Ended:
    """What its letter says."""
    conditions = store.conditions(ledger)
    checks = covered(configuration, one.checks)
    standing = (conditions.get(name) for name in checks)
    return Ended(
        site=configuration.site.name,
        timezone=configuration.site.timezone,
        number=one.number,
        patterns=one.checks,
        since=one.since,
        until=one.until,
        ended_at=one.end,
        by=one.by,
        why=one.why,
        stopped_by=one.stopped_by,
        checks=tuple(
            CheckAfter(
                name,
                str(known.state) if known and known.state else "",
                # A broken check is looked at once more before anybody is told of it.
                bool(known and (known.bad or known.state is State.FAILED)),
            )
            for name, known in zip(checks, standing, strict=True)
        ),
    )
