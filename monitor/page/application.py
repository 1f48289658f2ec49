"""Which address is which page. Reading goes through `Site.quick` and `Site.slow`, in threads: what
is asked and how it is drawn holds up nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from monitor.incidents.ticket_view import number_of
from monitor.ledger import Ledger
from monitor.page import (
    actions,
    checklist_page,
    files,
    history_pages,
    hooks,
    links,
    maintenance_page,
    opening_page,
    ticket_pages,
)
from monitor.page.answers import html, readable
from monitor.page.events import Changes
from monitor.page.gate import answered, is_reader
from monitor.page.health import health
from monitor.page.metrics import Metrics
from monitor.page.site import SITE, Site
from reports.render import glance, page_file, render_page

CHANGES = web.AppKey("changes", Changes)
METRICS = web.AppKey("metrics", Metrics)
FILES = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
# A note is two thousand letters; nothing else is sent here.
MOST_BYTES = 64 * 1024


def application(site: Site) -> web.Application:
    """The page of one site."""
    app = web.Application(middlewares=[answered], client_max_size=MOST_BYTES)
    app[SITE] = site
    app[CHANGES] = Changes(site.quick, site.clock)
    app[METRICS] = Metrics(site.configuration, site.clock.now())
    app.add_routes(
        [
            web.get("/", show_now),
            web.get("/status.json", status_json),
            web.get("/glance.json", glance_json),
            web.get("/tickets", show_tickets),
            *opening_page.routes(),
            web.get("/tickets/{number}", show_ticket),
            web.get("/tickets/{number}/evidence/{name}", ticket_evidence),
            web.post("/tickets/{number}/acknowledge", actions.acknowledge),
            web.post("/tickets/{number}/note", actions.note),
            web.post("/tickets/{number}/escalate", actions.escalate),
            *checklist_page.routes(),
            *maintenance_page.routes(),
            web.get("/take/{number}/{token}", links.show_link),
            web.post("/take/{number}/{token}", links.follow_link),
            web.post("/hooks/{name}", hooks.take_push),
            *history_pages.routes(),
            web.get("/log-in", actions.show_log_in),
            web.post("/log-in", actions.log_in),
            web.post("/log-out", actions.log_out),
            web.get("/events", events),
            web.get("/metrics", show_metrics),
            web.get("/health", show_health),
            *(web.get(f"/{name}", page_own_file) for name in FILES),
        ]
    )
    app.cleanup_ctx.append(_watching)
    app.on_shutdown.append(let_go)
    return app


async def _watching(app: web.Application) -> AsyncIterator[None]:
    site = app[SITE]
    reading = site.overviews.watch(site.slow, site.clock)
    watching = [
        asyncio.create_task(work)
        for work in (app[CHANGES].watch(), site.neighbours.watch(), reading)
    ]
    yield
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    await app[SITE].close()


async def let_go(app: web.Application) -> None:
    """Those who listen are told that it ends."""
    app[CHANGES].end()


async def show_now(request: web.Request) -> web.Response:
    """Is anything wrong, what, whose, until when."""
    site, visit = request.app[SITE], request.app[SITE].visit(request)
    everything = "all" in request.query

    def drawn(ledger: Ledger) -> str:
        made = site.overviews.made(ledger, visit.now, everything)
        made = replace(made, sites=site.neighbours.seen)
        return render_page("now", visit, page=made)

    return html(await site.quick.ask(drawn))


async def status_json(request: web.Request) -> web.Response:
    """The same, for programs."""
    site = request.app[SITE]
    made = await site.quick.ask(lambda ledger: site.overviews.made(ledger, site.clock.now()))
    body = made.status.to_dict()
    return web.json_response({**body, "tickets": [ticket.to_dict() for ticket in made.tickets]})


async def glance_json(request: web.Request) -> web.Response:
    """The same in one line, for another site's page."""
    site = request.app[SITE]
    tone, headline = await site.quick.ask(
        lambda ledger: glance(site.overviews.made(ledger, site.clock.now()))
    )
    name = site.name
    return web.json_response({"site": name, "tone": tone, "headline": headline})


async def show_tickets(request: web.Request) -> web.Response:
    """The tickets, the newest first."""
    site, visit = request.app[SITE], request.app[SITE].visit(request)
    everything = "all" in request.query
    page = await site.quick.ask(
        lambda ledger: ticket_pages.ticket_list(ledger, site.configuration, visit.now, everything)
    )
    return html(render_page("tickets", visit, page=page))


async def show_ticket(request: web.Request) -> web.Response:
    """One ticket."""
    site, visit, number = request.app[SITE], request.app[SITE].visit(request), _number(request)

    def drawn(ledger: Ledger) -> str:
        made = ticket_pages.ticket_page(ledger, site.configuration, number, visit.now)
        if made is None:
            raise web.HTTPNotFound(text=f"There is no ticket RV-{number}.")
        return render_page("ticket", visit, page=made)

    return html(await site.quick.ask(readable(drawn)))


async def ticket_evidence(request: web.Request) -> web.StreamResponse:
    """A file of a ticket's evidence."""
    site, number = request.app[SITE], _number(request)
    known = await site.quick.ask(readable(lambda ledger: ticket_pages.evidence_of(ledger, number)))
    exhibits = site.configuration.state / "exhibits"
    return await files.evidence(known, request.match_info["name"], exhibits)


async def show_metrics(request: web.Request) -> web.Response:
    """The metrics, for Prometheus."""
    site, metrics = request.app[SITE], request.app[METRICS]
    accept = request.headers.get("Accept", "")
    body, kind = await site.slow.ask(
        lambda ledger: metrics.written(ledger, site.clock.now(), accept)
    )
    return web.Response(body=body, headers={"Content-Type": kind})


async def show_health(request: web.Request) -> web.Response:
    """200 where all of the monitor works, 503 where something is stuck."""
    site = request.app[SITE]
    found = await site.quick.ask(
        lambda ledger: health(ledger, site.configuration, site.clock.now())
    )
    # What is stuck names checks: for those who may read.
    shown = found if is_reader(request, site) else {"status": found["status"]}
    return web.json_response(shown, status=200 if found["status"] == "ok" else 503)


async def events(request: web.Request) -> web.StreamResponse:
    """What is changed, as it happens."""
    return await request.app[CHANGES].listen(request)


async def page_own_file(request: web.Request) -> web.Response:
    """What the pages need beside themselves."""
    name = request.path.rpartition("/")[2]
    return web.Response(
        text=page_file(name), content_type=FILES[name], headers={"Cache-Control": "no-cache"}
    )


def _number(request: web.Request) -> int:
    try:
        return number_of(request.match_info["number"])
    except ValueError:
        raise web.HTTPNotFound(text="A ticket's number is written as in RV-12.") from None
