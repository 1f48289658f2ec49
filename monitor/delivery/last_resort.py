"""The last resort: when the ledger cannot be written, the site's operators are told past it,
straight by their desk.

Pages fail open: a mail too many is better than a monitor that is blind in silence. The Message-ID
is the same within one hour, so that copies collapse; what was not taken is tried again with the
next fault.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.config.section_models import OPERATORS
from monitor.desks.desk import Letter, Never, TryLater, letter_body
from monitor.desks.list import build
from monitor.incidents.recipients import BLIND, reached
from reports.ticket import Ticket

log = logging.getLogger(__name__)

# The ledger is what remembers who was told, and it is what is broken: half an hour bounds the mails
# without it.
AGAIN_AFTER = timedelta(minutes=30)
# After nobody took it, the next fault from then on raises it again.
SOON = timedelta(minutes=1)


class Alarm:
    """Raised at most every half hour for each cause."""

    def __init__(self) -> None:
        self._raised_at: dict[str, datetime] = {}

    def claim(self, cause: str, now: datetime) -> bool:
        """Whether it is to be raised; whoever is told so raises it. A second fault of the same
        cause, in the same turn of the loop too, is told no.
        """
        last = self._raised_at.get(cause)
        # An age below zero comes of a clock that was set back: rather an alarm too many.
        if last is not None and timedelta() <= now - last < AGAIN_AFTER:
            return False
        self._raised_at[cause] = now
        return True

    async def raise_(
        self,
        sites: Sequence[Configuration],
        reason: str,
        now: datetime,
        cause: str = "ledger",
        *,
        mended: bool = False,
    ) -> bool:
        """Tell the operators of all sites, and whoever gets copies, that nothing is known and
        nothing is kept; or that something was wrong and is `mended`. False where a desk did not
        take it.
        """
        told = set[str]()
        extra = {"audience": OPERATORS, "mended": mended}
        taken = [await self._raised(one, reason, now, cause, extra, told) for one in sites]
        return all(taken)

    async def _raised(
        self,
        configuration: Configuration,
        reason: str,
        now: datetime,
        cause: str,
        extra: dict[str, object],
        told: set[str],
    ) -> bool:
        """Tell those of one site; who was `told` for another knows it."""
        taken = True
        ticket = _ticket(configuration, reason, now).to_dict()
        for name, recipients in _whom(configuration, now):
            desk = build(name, configuration.desks[name])
            for recipient in recipients:
                if configuration.site.several and recipient in told:
                    continue
                body = letter_body(ticket, extra)
                letter = _letter(configuration, body, recipient, now, cause)
                try:
                    await desk.deliver(letter)
                    told.add(recipient)
                except (TryLater, Never) as refusal:
                    # As if it had been raised so long ago that the next fault, from a minute on,
                    # raises it again.
                    self._raised_at[cause] = now - AGAIN_AFTER + SOON
                    taken = False
                    log.error("action=alarm_not_taken desk=%s %s", name, refusal)
        return taken


def _whom(configuration: Configuration, now: datetime) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each desk and whom it is to tell: people; where no desk takes people, each helpdesk
    itself."""
    people = configuration.desks_taking("people")
    for name in people:
        copies = configuration.desks[name].copies()
        yield name, tuple(dict.fromkeys((*reached(configuration, OPERATORS, now), *copies)))
    for name in () if people else configuration.desks_taking("tickets"):
        yield name, (name,)


def _letter(
    configuration: Configuration,
    body: dict[str, object],
    recipient: str,
    now: datetime,
    cause: str,
) -> Letter:
    # The hour in the name lets a mail store drop the copies of one hour, and shows the next hour's
    # as new; another cause is another mail.
    thread = f"rv-blind.{configuration.site.name}.{now:%Y%m%d%H}.{cause}"
    return Letter(
        key=f"{thread}.{recipient}",
        thread=thread,
        previous=None,
        incident=None,
        kind="blind",
        recipient=recipient,
        written_at=now,
        body=body,
    )


def _ticket(configuration: Configuration, reason: str, now: datetime) -> Ticket:
    """A ticket without a number: there is no ledger to give one."""
    found = configuration.policy.reclassified(BLIND)
    return Ticket(
        number="",
        site=configuration.site.name,
        timezone=configuration.site.timezone,
        title=found.issue.title,
        summary=reason,
        severity=found.severity.id,
        severity_name=found.severity.name,
        owner=found.owner_title,
        state="open",
        opened_at=now,
        reasons=(reason,),
        rank=found.severity.rank,
        definition=found.severity.definition,
    )
