"""A ticket that is opened on the page, by whoever is logged in, with the words and limits of
`reveille tickets open`.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from monitor.core.incident import Incident, Request
from monitor.incidents.opening import Opening
from monitor.incidents.ticket_actions import NotPossible
from monitor.incidents.ticket_view import ticket_name
from monitor.ledger import Ledger, LedgerFault
from monitor.page.answers import html, onward
from monitor.page.gate import acting
from monitor.page.site import SITE, Site
from reports.pages import OpeningPage
from reports.render import render_page

_FIELDS = ("what", "severity", "text")
_REQUESTS: tuple[Request, ...] = ("change", "feature")
# The longest text of a ticket in UTF-8, and the form around it.
_LONGEST = 8000


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [web.get("/tickets/new", show), web.post("/tickets/new", open_ticket)]


async def show(request: web.Request) -> web.Response:
    """The form. Raises HTTPSeeOther to the log-in."""
    if not request.app[SITE].user(request):
        raise web.HTTPSeeOther("/log-in?to=/tickets/new")
    return _page(request, {})


async def open_ticket(request: web.Request) -> web.StreamResponse:
    """Open it, and go there."""
    user, form = await acting(request)
    written = {name: str(form.get(name, ""))[:_LONGEST] for name in _FIELDS}
    site = request.app[SITE]
    try:
        incident = await site.change(lambda ledger: _opened(ledger, site, written, user))
    except NotPossible as why:
        return _page(request, written, str(why), 422)
    except (LedgerFault, OSError) as barred:
        site.tell(level="warning", log=f"ticket_not_opened {barred}")
        return onward("/tickets?said=busy")
    number = ticket_name(site.configuration, incident.number)
    site.tell(log=f"opened ticket={number} user={user}")
    return onward(f"/tickets/{number}?said=opened")


def _opened(ledger: Ledger, site: Site, written: Mapping[str, str], user: str) -> Incident:
    """Raises NotPossible."""
    what, _, issue = written["what"].partition(":")
    opening = Opening(ledger, site.configuration, site.clock.now())
    if what == "issue":
        return opening.issue(issue, written["text"], user, written["severity"])
    if written["severity"]:
        raise NotPossible("a change or a feature has no severity")
    for asked in _REQUESTS:
        if what == asked:
            return opening.request(asked, written["text"], user)
    raise NotPossible("choose what it is")


def _page(
    request: web.Request, written: Mapping[str, str], wrong: str = "", status: int = 200
) -> web.Response:
    site, policy = request.app[SITE], request.app[SITE].configuration.policy
    page = OpeningPage(
        issues=tuple((one.id, one.title) for one in policy.issues if one.owner != "monitor"),
        severities=tuple((one.id, one.name) for one in policy.severities),
        written=written,
        wrong=wrong,
    )
    return html(render_page("opening", site.visit(request), page=page), status)
