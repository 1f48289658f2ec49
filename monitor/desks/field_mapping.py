"""What a ticket's facts are called at a helpdesk: `fields = { Service = "{site}" }`.

A word in braces is a fact of the ticket; anything else is written as it stands. It is no template
language: what a far end said is put in as it is, and never looked at for braces again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from checks.messages import nearest
from monitor.desks.desk import Letter
from monitor.desks.owners import called_there
from reports.render import render_mail
from reports.ticket import Ticket

_FACT = re.compile(r"\{([^{}]*)\}")
# Custom fields of one line hold 255 letters at every desk but ServiceNow, which cuts by itself.
_LONGEST = 255

FACTS: Mapping[str, Callable[[Ticket], str]] = {
    "number": lambda ticket: ticket.number,
    "site": lambda ticket: ticket.site,
    "title": lambda ticket: ticket.title,
    "summary": lambda ticket: ticket.summary,
    "severity": lambda ticket: ticket.severity,
    "severity_name": lambda ticket: ticket.severity_name,
    "owner": lambda ticket: ticket.owner,
    "check": lambda ticket: ticket.check,
    "state": lambda ticket: ticket.state,
    "policy": lambda ticket: ticket.policy,
    "rule": lambda ticket: ticket.rule,
    "taken_by": lambda ticket: ticket.acknowledged_by,
    "opened_at": lambda ticket: ticket.opened_at.isoformat(),
    "response_due": lambda ticket: _due(ticket, "response"),
    "resolution_due": lambda ticket: _due(ticket, "resolution"),
}
"""the facts that may stand in braces; the dues are what an SLA field wants"""
OF_A_LETTER = ("event", "key", "thread", "subject", "words", "taken_as")
"""beside them, what a letter itself is; "taken_as" is what `owners` calls who has taken it"""


def checked(written: object) -> object:
    """The same; raises ValueError for a fact that there is not."""
    for text in _texts(written):
        for name in _FACT.findall(text):
            if name not in FACTS and name not in OF_A_LETTER:
                known = [*FACTS, *OF_A_LETTER]
                raise ValueError(
                    f"there is no fact {{{name[:40]}}}{nearest(name, known)}; there are "
                    + ", ".join(f"{{{one}}}" for one in known)
                )
    return written


def filled(
    written: Any,
    letter: Letter,
    longest: int = _LONGEST,
    owners: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """A text, or a table or list of texts, with the facts of a letter's ticket in it; none is
    longer than `longest` letters.
    """
    ticket = Ticket.from_dict(letter.body["ticket"])
    mail = render_mail(letter.kind, ticket, letter.body.get("extra", {}))
    own = {
        "event": letter.kind,
        "key": letter.key,
        "thread": letter.thread,
        "subject": mail.subject,
        "words": mail.text,
        "taken_as": called_there(owners, ticket.acknowledged_by),
    }

    def fact(found: re.Match[str]) -> str:
        name = found[1]
        return own[name] if name in own else FACTS[name](ticket)

    def put(value: Any) -> Any:
        if isinstance(value, str):
            return _FACT.sub(fact, value)[:longest] if _FACT.search(value) else value
        if isinstance(value, Mapping):
            return {name: put(inner) for name, inner in value.items()}
        return [put(inner) for inner in value] if isinstance(value, list | tuple) else value

    return put(written)


def _texts(written: object) -> list[str]:
    if isinstance(written, str):
        return [written]
    inner = written.values() if isinstance(written, Mapping) else written
    if isinstance(inner, list | tuple) or isinstance(written, Mapping):
        return [text for one in inner for text in _texts(one)]  # type: ignore[attr-defined]
    return []


def _due(ticket: Ticket, clock: str) -> str:
    return next((one.due_at.isoformat() for one in ticket.clocks if one.name == clock), "")
