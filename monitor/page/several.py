"""The pages of several sites at one address: `/` says how each stands, and `/sites/NAME/` is the
page of one, whole. A link never leads from one site's page to another's but by this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from monitor.incidents.ticket_view import number_of, page_root
from monitor.ledger import Ledger
from monitor.page import actions
from monitor.page.answers import html, onward
from monitor.page.application import (
    CHANGES,
    FILES,
    METRICS,
    MOST_BYTES,
    application,
    events,
    let_go,
    page_own_file,
)
from monitor.page.events import Changes
from monitor.page.gate import Handler, answered, is_reader
from monitor.page.health import health
from monitor.page.ledger_reader import Unavailable
from monitor.page.metrics import Families, Metrics, written
from monitor.page.site import SITE, Site
from reports.pages import Glance
from reports.render import glance, render_page

_SITES = web.AppKey("sites", tuple[Site, ...])
_METRICS = web.AppKey("metrics", tuple[Metrics, ...])
# The gravest first: nobody knows how a blind site stands.
_TONES = ("bad", "blind", "warn", "good")


def applications(sites: Sequence[Site]) -> web.Application:
    """The page of the only site, or those of several with one that leads to each."""
    if not sites[0].configuration.site.several:
        return application(sites[0])
    first = sites[0]
    app = web.Application(middlewares=[_of_all], client_max_size=MOST_BYTES)
    app[SITE], app[_SITES] = first.whole(), tuple(sites)
    app.add_routes(
        [
            web.get("/", show_sites),
            web.get("/glance.json", sites_json),
            web.get("/health", show_health),
            web.get("/metrics", show_metrics),
            web.get("/events", events),
            web.get("/tickets/{number}{rest:(/.*)?}", to_its_site),
            web.get("/take/{number}{rest:/.+}", to_its_site),
            web.get("/log-in", actions.show_log_in),
            web.post("/log-in", actions.log_in),
            web.post("/log-out", actions.log_out),
            *(web.get(f"/{name}", page_own_file) for name in FILES),
        ]
    )
    app[CHANGES] = Changes(first.quick, first.clock)
    app.cleanup_ctx.append(_watching)
    app.on_shutdown.append(let_go)
    own = [application(site) for site in sites]
    for site, one in zip(sites, own, strict=True):
        app.add_subapp(page_root(site.configuration), one)
    app[_METRICS] = tuple(one[METRICS] for one in own)
    return app


async def _watching(app: web.Application) -> AsyncIterator[None]:
    watching = asyncio.create_task(app[CHANGES].watch())
    yield
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


@web.middleware
async def _of_all(request: web.Request, handler: Handler) -> web.StreamResponse:
    # A site's own page lets in whom it lets in.
    if any(request.path.startswith(f"{site.root}/") for site in _sites(request)):
        return await handler(request)
    return await answered(request, handler)


def _sites(request: web.Request) -> tuple[Site, ...]:
    found: tuple[Site, ...] = request.app[_SITES]
    return found


async def show_sites(request: web.Request) -> web.Response:
    """How each site stands, in one line."""
    visit = request.app[SITE].visit(request)
    seen = await asyncio.gather(*map(_glance, _sites(request)))
    return html(render_page("sites", visit, sites=seen, tone=_gravest(seen)))


async def to_its_site(request: web.Request) -> web.Response:
    """A ticket's address in a letter of the time when there was one site: it leads to the page of
    the site that has the ticket now.
    """
    written = request.match_info["number"]
    try:
        number = number_of(written)
    except ValueError as why:
        raise web.HTTPNotFound(text=str(why)) from None
    for site in _sites(request):
        if await site.quick.ask(partial(_has, number)):
            return onward(f"{site.root}{request.rel_url}")
    named = ", ".join(site.name for site in _sites(request))
    raise web.HTTPNotFound(text=f"none of the sites here has a ticket {written}: {named}")


def _has(number: int, ledger: Ledger) -> bool:
    return ledger.incident(number) is not None


async def sites_json(request: web.Request) -> web.Response:
    """All of them in one line, for another page; and each."""
    seen = await asyncio.gather(*map(_glance, _sites(request)))
    worst = _gravest(seen)
    names = ", ".join(one.name for one in seen if one.tone == worst)
    well = worst == "good"
    headline = f"{len(seen)} sites are well" if well else f"{names}: something is wrong"
    sites = [{"site": one.name, "tone": one.tone, "headline": one.headline} for one in seen]
    name = request.app[SITE].name
    body = {"site": name, "tone": worst, "headline": headline, "sites": sites}
    return web.json_response(body)


async def show_health(request: web.Request) -> web.Response:
    """200 where all of the monitor works, for all sites; 503 where something is stuck."""
    found: dict[str, Any] = {}
    for site in _sites(request):
        found[site.name] = await site.quick.ask(partial(_health, site))
    well = all(one["status"] == "ok" for one in found.values())
    body: dict[str, Any] = {"status": "ok" if well else "stuck"}
    if is_reader(request, request.app[SITE]):
        body["sites"] = found
    return web.json_response(body, status=200 if well else 503)


async def show_metrics(request: web.Request) -> web.Response:
    """The metrics of all sites, for Prometheus. One that cannot be read is not up."""
    metrics: tuple[Metrics, ...] = request.app[_METRICS]
    families = await asyncio.gather(*map(_read, _sites(request), metrics))
    accept = request.headers.get("Accept", "")
    body, kind = await asyncio.to_thread(written, families, accept)
    return web.Response(body=body, headers={"Content-Type": kind})


async def _read(site: Site, metrics: Metrics) -> Families:
    try:
        return await site.slow.ask(lambda ledger: metrics.families(ledger, site.clock.now()))
    except Unavailable:
        return metrics.unread()


def _health(site: Site, ledger: Ledger) -> dict[str, Any]:
    return dict(health(ledger, site.configuration, site.clock.now()))


async def _glance(site: Site) -> Glance:
    try:
        tone, headline = await site.quick.ask(partial(_glanced, site))
    except Unavailable as why:
        tone, headline = "blind", str(why)
    return Glance(site.name, f"{site.root}/", tone, headline)


def _glanced(site: Site, ledger: Ledger) -> tuple[str, str]:
    return glance(site.overviews.made(ledger, site.clock.now()))


def _gravest(seen: Sequence[Glance]) -> str:
    return min((one.tone for one in seen), key=_TONES.index)
