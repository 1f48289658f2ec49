"""The daily checklist on the page: how each line stands, and the answers to those that no check
sees to, by whoever is logged in, with the words and limits of `reveille checklist`.
"""

from __future__ import annotations

from aiohttp import web

from monitor.audit import checklist_lines
from monitor.incidents import checklist_answers
from monitor.incidents.ticket_actions import NotPossible
from monitor.ledger import Ledger, LedgerFault
from monitor.page.answers import html, onward
from monitor.page.gate import acting
from monitor.page.site import SITE, Site
from monitor.service.standing import looks
from reports.checklist import Answer
from reports.pages import ChecklistPage
from reports.render import render_page

_LONGEST = 2000


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [web.get("/checklist", show), web.post("/checklist", answer)]


async def show(request: web.Request) -> web.Response:
    """Every line, with a form for each that is asked, for who is logged in."""
    return await _page(request)


async def answer(request: web.Request) -> web.StreamResponse:
    """Tick or cross a line."""
    user, form = await acting(request)
    line, text, how = (str(form.get(name, ""))[:_LONGEST] for name in ("line", "text", "how"))
    site = request.app[SITE]
    try:
        said = await site.change(lambda ledger: _answered(ledger, site, line, how, text, user))
    except NotPossible as why:
        return await _page(request, line, text, str(why), 422)
    except (LedgerFault, OSError) as barred:
        site.tell(level="warning", log=f"checklist_not_answered {barred}")
        return onward("/checklist?said=busy")
    done = "ticked" if said.done else "crossed"
    site.tell(log=f"checklist_{done} user={user}")
    return onward(f"/checklist?said={done}")


def _answered(ledger: Ledger, site: Site, line: str, how: str, text: str, user: str) -> Answer:
    """Raises NotPossible."""
    if how not in ("well", "wrong"):
        raise NotPossible("say whether it is well or not")
    now = site.clock.now()
    lines = checklist_lines.view(ledger, site.configuration, now).lines
    # A list that has changed since has other numbers: a line is known by its name alone.
    if line not in [one.name for one in lines]:
        raise NotPossible("the checklist has changed meanwhile, and this line is in it no more")
    found = checklist_answers.asked(lines, line)
    return checklist_answers.answer(ledger, found, how == "well", text, user, now)


async def _page(
    request: web.Request, line: str = "", text: str = "", wrong: str = "", status: int = 200
) -> web.Response:
    site, visit = request.app[SITE], request.app[SITE].visit(request)

    def drawn(ledger: Ledger) -> str:
        view = checklist_lines.view(ledger, site.configuration, visit.now)
        page = ChecklistPage(view, looks(site.configuration, site.clock.now()), line, text, wrong)
        return render_page("checklist", visit, page=page)

    return html(await site.quick.ask(drawn), status)
