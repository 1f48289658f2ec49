"""What was: one check over some days, one look, a month, the morning reports. All of it is read by
`Site.slow`, so that nobody waits for it who wants to know how it stands now.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web

from checks.body import Unreadable
from monitor.audit.gathering import KIND, kept_report
from monitor.config import CheckEntry
from monitor.ledger import HistoryRow, Ledger
from monitor.page import check_pages, files, months
from monitor.page.answers import html, table
from monitor.page.site import SITE
from monitor.report_printing import pictures_of, standalone
from reports.pages import MonthPage, Reports
from reports.render import render_page
from reports.ticket import plain

_MONTH_SECONDS = 30.0
_MOST_REPORTS = 100


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get("/checks/{name:.+}.json", check_json),
        web.get("/checks/{name:.+}.csv", check_csv),
        web.get("/checks/{name:.+}", show_check),
        web.get("/looks/{id:[0-9]{1,19}}", show_look),
        web.get("/looks/{id:[0-9]{1,19}}/evidence/{name}", look_evidence),
        web.get("/months", show_month),
        web.get("/months/{month}.json", month_json),
        web.get("/months/{month}.csv", month_csv),
        web.get("/months/{month}", show_month),
        web.get("/reports", show_reports),
        web.get("/reports/{number:[0-9]{1,9}}", show_report),
    ]


async def show_check(request: web.Request) -> web.Response:
    """One check over some days."""
    site, visit = request.app[SITE], request.app[SITE].visit(request)
    entry, days = _entry(request), _days(request)

    def drawn(ledger: Ledger) -> str:
        made = check_pages.check_page(ledger, site.configuration, entry, days, visit.now)
        return render_page("check", visit, page=made)

    return html(await site.slow.ask(drawn, _MONTH_SECONDS))


async def check_json(request: web.Request) -> web.Response:
    """How one check stood, for programs."""
    site, entry, days = request.app[SITE], _entry(request), _days(request)
    now = site.clock.now()
    start = now - timedelta(days=days)
    body = await site.slow.ask(
        lambda ledger: check_pages.as_json(ledger, entry, start, now), _MONTH_SECONDS
    )
    return web.json_response(body)


async def check_csv(request: web.Request) -> web.Response:
    """Every look of one check, for a spreadsheet."""
    site, entry, days = request.app[SITE], _entry(request), _days(request)
    start = site.clock.now() - timedelta(days=days)
    looks = await site.slow.ask(
        lambda ledger: check_pages.as_csv(ledger, entry, start), _MONTH_SECONDS
    )
    return table(looks, f"{entry.name}.csv")


async def show_look(request: web.Request) -> web.Response:
    """One look."""
    site, visit, number = request.app[SITE], request.app[SITE].visit(request), _look(request)

    def drawn(ledger: Ledger) -> str:
        row = ledger.attempt(number)
        if row is None:
            raise web.HTTPNotFound(text="There is no such look.")
        return render_page("look", visit, page=check_pages.look_page(site.configuration, row))

    return html(await site.quick.ask(drawn))


async def look_evidence(request: web.Request) -> web.StreamResponse:
    """A file of a look's evidence."""
    site, number = request.app[SITE], _look(request)
    row = await site.quick.ask(lambda ledger: ledger.attempt(number))
    known = check_pages.evidence_of(row) if row else {}
    exhibits = site.configuration.state / "exhibits"
    return await files.evidence(known, request.match_info["name"], exhibits)


async def show_month(request: web.Request) -> web.Response:
    """Uptime and promises of a month; of this one where none is named."""
    visit = request.app[SITE].visit(request)
    return html(render_page("month", visit, page=await _month(request)))


async def month_json(request: web.Request) -> web.Response:
    """The same, for programs."""
    return web.json_response(plain(await _month(request)))


async def month_csv(request: web.Request) -> web.Response:
    """The uptime, for a spreadsheet."""
    page = await _month(request)
    return table(months.as_csv(page), f"uptime-{page.month}.csv")


async def _month(request: web.Request) -> MonthPage:
    site, now = request.app[SITE], request.app[SITE].clock.now()
    here = now.astimezone(site.configuration.site.zone)
    try:
        year, month = months.month_of(request.match_info.get("month", f"{here:%Y-%m}"))
    except ValueError:
        raise web.HTTPNotFound(text="A month is written as in 2026-11.") from None
    return await site.slow.ask(
        lambda ledger: months.month_page(ledger, site.configuration, year, month, now),
        _MONTH_SECONDS,
    )


async def show_reports(request: web.Request) -> web.Response:
    """The morning reports."""
    site, visit = request.app[SITE], request.app[SITE].visit(request)

    def listed(ledger: Ledger) -> Reports:
        lines = map(site.overviews.report_line, ledger.newest(KIND, _MOST_REPORTS))
        return Reports(tuple(line for line in lines if line))

    return html(render_page("reports", visit, page=await site.slow.ask(listed)))


async def show_report(request: web.Request) -> web.Response:
    """One morning report, as it was mailed."""
    site, number = request.app[SITE], int(request.match_info["number"])

    def found(ledger: Ledger) -> HistoryRow | None:
        rows = ledger.newest(KIND, _MOST_REPORTS)
        return next((row for row in rows if row.body.get("number") == number), None)

    row = await site.slow.ask(found)
    if row is None:
        raise web.HTTPNotFound(text=f"There is no report {number}.")
    try:
        audit = kept_report(row)
    except Unreadable as why:
        raise web.HTTPServiceUnavailable(text=str(why)) from None
    pictures = await pictures_of(audit)
    return files.document(await asyncio.to_thread(lambda: standalone(audit, pictures).html))


def _look(request: web.Request) -> int:
    # SQLite's numbers end at 2^63.
    return min(int(request.match_info["id"]), 2**63 - 1)


def _entry(request: web.Request) -> CheckEntry:
    known = request.app[SITE].configuration.checks
    if (name := request.match_info["name"]) not in known:
        raise web.HTTPNotFound(text="No such check is configured.")
    return known[name]


def _days(request: web.Request) -> int:
    written = request.query.get("days", "7")
    days = int(written) if written.isdecimal() and len(written) < 5 else 0
    return days if days in check_pages.SPANS else 7
