"""What people do with a ticket at their helpdesk, seen by looking: they take it, write under it,
call it more or less grave, resolve it. Here that is done to the incident, in their name.

Rules:
1. Nothing is taken from a desk that has not been told everything yet, or that refused the last
   letter: how a ticket stands there may be older than what we know.
2. Nothing is remembered: what was taken over stands in the incident's history, and a change of the
   severity is one against what the last letter has set.
3. What cannot be read says nothing: no ticket is taken or resolved because a desk is away.
4. Copies of a ticket are merged as they are met.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from checks import masking
from checks.masking import Mask
from monitor.config import Configuration
from monitor.delivery.keyed_letters import thread_of
from monitor.desks.desk import Desk, Never, TryLater
from monitor.desks.helpdesk import DeskTicket, Vocabulary
from monitor.desks.ticket_desk import TicketDesk, at_the_desk, marks_in
from monitor.incidents.store import incident_of
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.ledger import IncidentRow, Ledger, LedgerAccess, OutboxRow
from monitor.ledger.encoding import plain

log = logging.getLogger("reveille.desks")
# As long as a remark by `tickets note` may sensibly be; whoever quotes a whole log has it there.
_LONGEST_REMARK = 2000
_NOBODY = "somebody"


class DeskPolling:
    """Looks at the helpdesks for what their people have done."""

    def __init__(self, ledger: LedgerAccess, desks: Mapping[str, Desk]) -> None:
        """Of `desks` those that keep tickets."""
        self._ledger = ledger
        self._desks = {n: desk for n, desk in desks.items() if isinstance(desk, TicketDesk)}
        self._next: dict[str, datetime] = {}
        self._looking: set[str] = set()

    def start_due(
        self,
        configuration: Configuration,
        now: datetime,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """Have somebody look, where it is time."""
        if self.due(now):
            start(self.poll(configuration, now))

    def look_soon(self, name: str) -> None:
        """Somebody has done something at a desk: it is looked at at the next turn."""
        self._next.pop(name, None)

    def due(self, now: datetime) -> bool:
        """Whether one of them is to be looked at."""
        return any(self._is_due(name, now) for name in self._desks)

    async def poll(self, configuration: Configuration, now: datetime) -> None:
        """Look at those that are due, for every incident that is open."""
        for name in [name for name in self._desks if self._is_due(name, now)]:
            desk = self._desks[name]
            self._next[name] = now + timedelta(seconds=desk.settings.poll)
            self._looking.add(name)
            try:
                await self._looked(desk, configuration, now)
            except (TryLater, Never) as away:
                log.warning("action=desk_not_read desk=%s %s", name, plain(str(away)))
            finally:
                self._looking.discard(name)

    def _is_due(self, name: str, now: datetime) -> bool:
        return name not in self._looking and self._next.get(name, now) <= now

    async def _looked(self, desk: TicketDesk, configuration: Configuration, now: datetime) -> None:
        for number, thread in await self._ledger.do(_open_threads):
            last = await self._ledger.do(partial(_all_told, number, desk.name))
            if last is None:
                continue
            with masking.attempt() as mask:
                try:
                    seen = await _seen(desk, number, thread, last)
                except (TryLater, Never) as away:
                    raise type(away)(mask.text(str(away))) from None
                if seen is not None:
                    await self._ledger.do(partial(_taken, configuration, now, desk, mask, seen))


@dataclass(frozen=True, slots=True)
class _Told:
    """A ticket as it stands at a desk, and the last letter that it was told before."""

    number: int
    there: DeskTicket
    last: OutboxRow
    ours: bool
    """whether its owner is whom that letter, or one before, has made it"""


async def _seen(desk: TicketDesk, number: int, thread: str, last: OutboxRow) -> _Told | None:
    there = await desk.look(thread)
    if there is None:
        return None
    told = str(last.body["ticket"].get("acknowledged_by") or "")
    return _Told(number, there, last, await desk.owned_as_told(there, told))


def _open_threads(ledger: Ledger) -> list[tuple[int, str]]:
    identity = ledger.identity
    numbers = [row.number or 0 for row in ledger.open_incidents()]
    return [(number, thread_of(number, identity)) for number in numbers]


def _taken(
    configuration: Configuration,
    now: datetime,
    desk: TicketDesk,
    mask: Mask,
    seen: _Told,
    ledger: Ledger,
) -> None:
    # Meanwhile it may have been closed, or something new may be on its way there.
    again = _all_told(seen.number, desk.name, ledger)
    if again is not None and again.id == seen.last.id:
        actions = TicketActions(ledger, configuration, now)
        _Seen(ledger, actions, desk, mask).take(seen)


def _all_told(number: int, desk: str, ledger: Ledger) -> OutboxRow | None:
    """The last letter to a desk, where it and all before it have arrived."""
    incident = ledger.incident(number)
    letters = [one for one in ledger.outbox(incident=number) if one.desk == desk]
    if incident is None or incident.closed_at is not None or not letters:
        return None
    waiting = any(one.state == "queued" for one in letters)
    return None if waiting or letters[-1].state != "sent" else letters[-1]


class _Seen:
    """What was seen at one desk, done to one incident."""

    def __init__(
        self, ledger: Ledger, actions: TicketActions, desk: TicketDesk, mask: Mask
    ) -> None:
        self._ledger, self._actions, self._desk, self._mask = ledger, actions, desk, mask

    def take(self, seen: _Told) -> None:
        """Remarks first, then who has it, how grave it is, and whether it is over."""
        number, there, last = seen.number, seen.there, seen.last
        new = list(self._new_remarks(number, there))
        who = self._person(there.owner or (new[-1][0] if new else ""))
        try:
            for author, text in new:
                self._actions.note(number, self._person(author), text)
            self._acknowledge(seen, who)
            if severity := self._severity(there, str(last.body["ticket"]["severity"])):
                self._actions.reclassify(number, who, severity=severity)
            if there.status == "resolved":
                self._actions.resolve(number, who, new[-1][1] if new else "")
        except NotPossible as why:
            log.warning("action=desk_not_followed desk=%s %s", self._desk.name, plain(str(why)))

    def _acknowledge(self, seen: _Told, who: str) -> None:
        number, there = seen.number, seen.there
        incident = self._ledger.incident(number)
        # Whom we have made the owner has taken nothing there by that.
        owned = there.owner and self._desk.settings.owned_is_taken and not seen.ours
        # Nor is the word for taken news that we have written there ourselves.
        taken = (there.status == "taken" and not _told_as_taken(incident)) or owned
        # Whoever resolves it has answered it as well: that stops the response clock by itself.
        if taken and there.status != "resolved" and incident and incident.acknowledged_at is None:
            self._actions.taken_at_desk(number, who)

    def _new_remarks(self, number: int, there: DeskTicket) -> Iterator[tuple[str, str]]:
        """Author and text of what people wrote and we have not."""
        known = Counter(
            (row.body.get("by"), row.body.get("text"))
            for row in self._ledger.history(number)
            if row.kind == "note"
        )
        for remark in there.remarks:
            text = self._mask.text(remark.text).strip()[:_LONGEST_REMARK]
            if not text or marks_in(remark.text):
                continue
            said = (self._person(remark.author), text)
            known[said] -= 1
            if known[said] < 0:
                yield remark.author, text

    def _severity(self, there: DeskTicket, told: str) -> str:
        """The policy's severity that somebody has set there; "" where nobody has."""
        words = self._desk.settings.severities
        if not there.severity or there.severity == words.get(told, there.severity):
            return ""
        return _severity_of(self._desk.settings, there.severity)

    def _person(self, name: str) -> str:
        return at_the_desk(self._mask.text(name)[:100] or _NOBODY, self._desk.name)


def _told_as_taken(row: IncidentRow | None) -> bool:
    """Whether somebody has taken it since it was opened, or came back; it may have been formally
    escalated after that, which wants an answer of its own.
    """
    if row is None:
        return False
    incident = incident_of(row)
    return any(at >= incident.counts_from for at, _ in incident.acknowledgements)


def _severity_of(settings: Vocabulary, word: str) -> str:
    """The first that is called so: where two are, they are written the gravest first."""
    return next((ours for ours, theirs in settings.severities.items() if theirs == word), "")
