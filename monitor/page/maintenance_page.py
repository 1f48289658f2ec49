"""Maintenance on the page: what is hidden, planned and over; begun and ended by whoever is logged
in, with the words and limits of `reveille maintenance`.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from monitor.incidents import maintenance_requests, maintenances
from monitor.incidents.ticket_actions import NotPossible
from monitor.ledger import Ledger, LedgerFault
from monitor.page.answers import html, onward
from monitor.page.gate import acting
from monitor.page.site import SITE, Site
from reports.pages import MaintenancePage
from reports.render import render_page

_FIELDS = ("checks", "all", "duration", "why")
_LONGEST = 2000


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get("/maintenance", show),
        web.post("/maintenance", begin),
        web.post("/maintenance/{number:[0-9]{1,9}}/stop", stop),
    ]


async def show(request: web.Request) -> web.Response:
    """What is hidden, planned and over; with a form, for who is logged in."""
    return await _page(request, {"checks": request.query.get("checks", "")[:_LONGEST]})


async def begin(request: web.Request) -> web.StreamResponse:
    """Hide checks from now on."""
    user, form = await acting(request)
    written = {name: str(form.get(name, ""))[:_LONGEST] for name in _FIELDS}
    site = request.app[SITE]
    try:
        number = await site.change(lambda ledger: _begun(ledger, site, written, user))
    except NotPossible as why:
        return await _page(request, written, str(why), 422)
    except (LedgerFault, OSError) as barred:
        return onward(f"/maintenance?said={_barred(site, barred)}")
    site.tell(log=f"maintenance_began number={number} user={user}")
    return onward("/maintenance?said=begun")


async def stop(request: web.Request) -> web.StreamResponse:
    """End one before its time."""
    user, _ = await acting(request)
    site, number, said = request.app[SITE], request.match_info["number"], "stopped"
    try:
        await site.change(lambda ledger: _stopped(ledger, site, number, user))
        site.tell(log=f"maintenance_stopped number={number} user={user}")
    except NotPossible:
        said = "ended"
    except (LedgerFault, OSError) as barred:
        said = _barred(site, barred)
    return onward(f"/maintenance?said={said}")


def _begun(ledger: Ledger, site: Site, written: Mapping[str, str], user: str) -> int:
    checks = written["checks"].replace(",", " ").split()
    wanted = maintenance_requests.wanted(
        site.configuration, checks, bool(written["all"]), written["duration"], written["why"]
    )
    with ledger.transaction() as t:
        now = site.clock.now()
        return maintenances.begin(
            ledger, t, wanted.checks, wanted.seconds, wanted.why, user, now
        ).number


def _stopped(ledger: Ledger, site: Site, number: str, user: str) -> None:
    with ledger.transaction() as t:
        now = site.clock.now()
        one = maintenance_requests.running_one(ledger, number, now)
        maintenances.stop(t, one, user, now)


def _barred(site: Site, barred: Exception) -> str:
    site.tell(level="warning", log=f"maintenance_not_changed {barred}")
    return "busy"


async def _page(
    request: web.Request, written: Mapping[str, str], wrong: str = "", status: int = 200
) -> web.Response:
    site, visit = request.app[SITE], request.app[SITE].visit(request)

    def drawn(ledger: Ledger) -> str:
        lines = maintenance_requests.lines(ledger, site.configuration, visit.now)
        page = MaintenancePage(lines, tuple(site.configuration.checks), written, wrong)
        return render_page("maintenance", visit, page=page)

    return html(await site.quick.ask(drawn), status)
