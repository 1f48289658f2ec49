"""The link in a letter by which its reader takes the ticket: signed, for one reader, and used once.

Rule: looking acts on nothing. Mail scanners and previews follow links; only the button, a POST of
the page itself, takes the ticket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from checks.body import Unreadable
from monitor.incidents import store
from monitor.incidents.answer_key import link_token, same
from monitor.incidents.answers import Answer, Answers, Repeated, who_may_act
from monitor.incidents.ticket_actions import NotPossible
from monitor.incidents.ticket_view import incident_line, number_of
from monitor.ledger import Ledger, LedgerFault
from monitor.page.answers import html, onward, readable
from monitor.page.site import SITE, Site
from reports.command_views import IncidentLine
from reports.render import render_page

# An outage that nobody has taken in a week is not taken out of an old mail.
_VALID = timedelta(days=7)
_TOKEN = re.compile(r"([0-9]{1,12})-[a-z2-7]{16}")
_UNKNOWN = "That link is not known here, or no longer. The ticket is in its list."


@dataclass(frozen=True, slots=True)
class _Link:
    """A link that was proven: of which letter, whose, and whether it was used."""

    number: int
    letter: int
    who: str
    line: IncidentLine
    state: str
    """"new", "used", or "closed" """
    taken_by: str


async def show_link(request: web.Request) -> web.Response:
    """What the button would do."""
    site, visit = request.app[SITE], request.app[SITE].visit(request)
    link = await site.quick.ask(readable(lambda ledger: _proven(ledger, site, request)))
    return html(render_page("take", visit, link=link))


async def follow_link(request: web.Request) -> web.StreamResponse:
    """Take the ticket."""
    site = request.app[SITE]
    link = await site.quick.ask(readable(lambda ledger: _proven(ledger, site, request)))
    try:
        await site.change(lambda ledger: _take(ledger, site, link))
        said = "taken"
        site.tell(log=f"taken ticket=RV-{link.number} by_letter={link.letter}")
    except Repeated:
        said = "used"
    except (NotPossible, Unreadable):
        said = "refused"
    except (LedgerFault, OSError) as barred:
        site.tell(level="warning", log=f"not_done ticket=RV-{link.number} {barred}")
        said = "busy"
    return onward(f"{request.path}?said={said}")


def _take(ledger: Ledger, site: Site, link: _Link) -> None:
    answer = Answer(link.who, "link", _identity(link.letter), "ack", "", link.number)
    Answers(ledger, site.configuration, site.clock.now()).take(answer)


def _proven(ledger: Ledger, site: Site, request: web.Request) -> _Link:
    """Raises HTTPNotFound, in the same words whatever is wrong."""
    configuration, now = site.configuration, site.clock.now()
    given = _TOKEN.fullmatch(request.match_info["token"].lower())
    try:
        number = number_of(request.match_info["number"])
    except ValueError:
        given = None
    if given is None:
        raise web.HTTPNotFound(text=_UNKNOWN)
    letter = int(given[1])
    row, sent = ledger.incident(number), ledger.letter(letter)
    right = link_token(site.key, ledger.identity, letter, sent.recipient) if sent else ""
    people = who_may_act(configuration)
    known = same(given[0], right) and sent is not None and sent.incident == number
    if not known or row is None or sent is None or sent.recipient.lower() not in people:
        raise web.HTTPNotFound(text=_UNKNOWN)
    if now - sent.not_before > _VALID:
        raise web.HTTPNotFound(text=_UNKNOWN)
    incident = store.incident_of(row)
    used = Answers(ledger, configuration, now).was_taken(number, _identity(letter))
    state = "closed" if not incident.open else "used" if used else "new"
    taken = incident.taken
    line = incident_line(configuration, incident, now)
    who = people[sent.recipient.lower()]
    return _Link(number, letter, who, line, state, taken[1] if taken else "")


def _identity(letter: int) -> str:
    return f"link:{letter}"
