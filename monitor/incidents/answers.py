"""What somebody answers to a letter, by mail, by the link in it, or by the webhook of a desk: the
same actions as of `reveille tickets`, in his name.

Rules:
1. An answer is taken once, however often it arrives: what it is known by is kept in the same
   transaction as what it does.
2. Who answers faster than people do is no person: after twenty within an hour a ticket takes no
   more of them.
3. What would change nothing (a word that stands there already) is no answer, so that two robots
   that answer each other come to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from monitor.config import Configuration
from monitor.core.incident import CUSTOMER, Incident, Request
from monitor.incidents import store
from monitor.incidents.opening import Opening
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.ledger import Ledger, Transaction
from monitor.ledger.happening_bodies import happening_body

Way = Literal["mail", "link", "webhook"]
Word = Literal["ack", "note", "resolve", "escalate", "open", "request"]
REPLIED = "replied"
_MOST_AN_HOUR = 20
# Far more tickets than are opened by mail in the days for which a mail may be delivered twice.
_LATEST_TICKETS = 50
_REQUESTS: Mapping[str, Request] = {"change": "change", "feature": "feature"}


class Repeated(NotPossible):
    """It was taken already."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `number` is the ticket's; None where it opens one. `about` is the issue, or what
    is asked for ("change", "feature").
    """

    who: str
    way: Way
    identity: str
    word: Word
    text: str = ""
    number: int | None = None
    about: str = ""


def who_may_act(configuration: Configuration) -> Mapping[str, str]:
    """The people of the site but its customers: address in small letters -> how he is called."""
    people = (one for one in configuration.people if one.mail and one.role != CUSTOMER)
    return {str(one.mail).lower(): one.name or str(one.mail) for one in people}


class Answers:
    """The answers to the letters of one site."""

    def __init__(self, ledger: Ledger, configuration: Configuration, now: datetime) -> None:
        self._ledger, self._configuration, self._now = ledger, configuration, now

    def take(self, answer: Answer) -> Incident:
        """Do what it asks for. Raises NotPossible, of which Repeated says that it was done."""
        if answer.number is None:
            self._new(answer)
            kept = partial(self._keep, answer)
            opening = Opening(self._ledger, self._configuration, self._now, kept)
            if answer.word == "request":
                return opening.request(_REQUESTS[answer.about], answer.text, answer.who)
            return opening.issue(answer.about, answer.text, answer.who)
        kept = partial(self._keep_first, answer)
        actions = TicketActions(self._ledger, self._configuration, self._now, kept)
        return _ACTIONS[answer.word](actions, answer.number, answer)

    def was_taken(self, number: int, identity: str) -> bool:
        """Whether an answer that is known by this was taken for a ticket."""
        return identity in self._identities(number)

    def _keep(self, answer: Answer, t: Transaction, number: int) -> None:
        facts = {"by": answer.who, "way": answer.way, "identity": answer.identity}
        t.happened(number, self._now, REPLIED, happening_body(REPLIED, facts))

    def _keep_first(self, answer: Answer, t: Transaction, number: int) -> None:
        self._first(answer, number)
        self._keep(answer, t, number)

    def _first(self, answer: Answer, number: int) -> None:
        """Raises NotPossible where it is not the first of its kind."""
        history = self._ledger.history(number)
        replies = [row for row in history if row.kind == REPLIED]
        if any(row.body.get("identity") == answer.identity for row in replies):
            raise Repeated(f"RV-{number} has had this answer already")
        if sum(row.at > self._now - timedelta(hours=1) for row in replies) >= _MOST_AN_HOUR:
            raise NotPossible(f"RV-{number} has had {_MOST_AN_HOUR} answers within an hour")
        said = {"by": answer.who, "text": answer.text}
        if answer.word == "note" and any(
            row.kind == "note" and row.body == said for row in history
        ):
            raise Repeated(f"RV-{number} says that already")
        if answer.word == "ack" and self._has_it(answer.who, number):
            raise Repeated(f"{answer.who} has RV-{number} already")

    def _has_it(self, who: str, number: int) -> bool:
        row = self._ledger.incident(number)
        taken = store.incident_of(row).taken if row else None
        return taken is not None and taken[1] == who

    def _new(self, answer: Answer) -> None:
        for row in self._ledger.incidents(limit=_LATEST_TICKETS):
            if row.number is not None and answer.identity in self._identities(row.number):
                raise Repeated(f"RV-{row.number} was opened by this answer")

    def _identities(self, number: int) -> set[str]:
        rows = self._ledger.history(number)
        return {str(row.body.get("identity")) for row in rows if row.kind == REPLIED}


_ACTIONS: Mapping[str, Callable[[TicketActions, int, Answer], Incident]] = {
    "ack": lambda actions, number, said: actions.acknowledge(number, said.who),
    "note": lambda actions, number, said: actions.note(number, said.who, said.text),
    "resolve": lambda actions, number, said: actions.resolve(number, said.who, said.text),
    "escalate": lambda actions, number, said: actions.escalate(number, said.who, said.text),
}
