"""The pages of two sites at one address: one that says how each stands, and under each site's own
path its pages, with nothing of the other's on them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from monitor.clock import SystemClock
from monitor.config import load_sites
from monitor.incidents.opening import Opening
from monitor.ledger import Ledger
from monitor.ledger.of_site import of_site
from monitor.page.ledger_reader import Unavailable
from monitor.page.several import applications
from monitor.page.site import Site
from monitor.service.heartbeat import Presence
from monitor.service.page_process import job_of

FILE = """
state = "{state}"
[page]
[site]
timezone = "Asia/Kolkata"
[[people]]
role = "operators"
mail = "shift@example.net"
[checks.agent-portal]
kind = "portal"
url = "https://portal.example.net/"
component = "agent-portal"
at = ["08:30"]
[sites.Pune]
[sites.Austin]
timezone = "America/Chicago"
policy = "voxeo"
"""


@pytest.fixture
async def pages(tmp_path: Path) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    file = tmp_path / "reveille.toml"
    file.write_text(FILE.format(state=tmp_path), encoding="utf-8")
    sites = load_sites(file)
    now, presence = SystemClock().now(), Presence(tmp_path)
    presence.beat(now)
    with Ledger(sites[0].ledger_place) as ledger:
        austin = Opening(of_site(ledger, "Austin"), sites[1], now)
        austin.issue("application-not-working", "nobody can sign in", "asha", "critical")
    assert sites[0].page
    job = job_of(sites, sites[0].page)
    app = applications([Site(one, job, lambda **_: None) for one in sites])
    async with TestClient(TestServer(app)) as client:
        yield client
    presence.leave()


async def text(pages: TestClient[web.Request, web.Application], path: str) -> str:
    answer = await pages.get(path)
    assert answer.status == 200, path
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return await answer.text()


async def test_the_first_page_says_how_each_site_stands(
    pages: TestClient[web.Request, web.Application],
) -> None:
    shown = await text(pages, "/")
    assert "Austin: look there" in shown
    assert re.findall(r'<li class="(\w+)"><a href="(/sites/\w+/)">', shown) == [
        ("warn", "/sites/Pune/"),
        ("bad", "/sites/Austin/"),
    ]
    told = await (await pages.get("/glance.json")).json()
    assert (told["tone"], told["headline"]) == ("bad", "Austin: something is wrong")
    assert (await pages.get("/health")).status == 200


async def test_a_sites_pages_are_its_own_and_lead_to_no_other(
    pages: TestClient[web.Request, web.Application],
) -> None:
    austin = await text(pages, "/sites/Austin/")
    assert "RV-1-Austin" in austin
    assert "RV-1" not in await text(pages, "/sites/Pune/")
    assert "nobody can sign in" in await text(pages, "/sites/Austin/tickets/RV-1-Austin")
    assert (await pages.get("/sites/Pune/tickets/RV-1-Austin")).status == 404
    assert (await pages.get("/sites/Nowhere/")).status == 404
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', austin)
    assert links
    assert {one for one in links if not one.startswith("/sites/Austin/")} == {"/"}
    for link in {one.partition("?")[0] for one in links} - {"/"}:
        assert (await pages.get(link)).status == 200, link


async def test_where_one_goes_after_a_form_is_a_page_of_the_same_site(
    pages: TestClient[web.Request, web.Application],
) -> None:
    refused = await pages.post("/sites/Pune/maintenance", allow_redirects=False)
    assert (refused.status, refused.headers["Location"]) == (303, "/sites/Pune/log-in")


@pytest.mark.parametrize("number", ["RV-1", "rv-1", "1", "RV-1-Austin"])
@pytest.mark.parametrize(
    "path", ["/tickets/{}?said=opened", "/tickets/{}/evidence/a%20b.png", "/take/{}/7-abcd"]
)
async def test_an_address_of_the_time_of_one_site_leads_to_the_site_that_has_the_ticket(
    pages: TestClient[web.Request, web.Application], path: str, number: str
) -> None:
    old = path.format(number)
    answer = await pages.get(URL(old, encoded=True), allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/sites/Austin{old}")


async def test_an_old_address_of_a_ticket_that_there_is_not_says_so(
    pages: TestClient[web.Request, web.Application],
) -> None:
    assert "nobody can sign in" in await (await pages.get("/tickets/RV-1")).text()
    for written, said in (("RV-4", "has a ticket RV-4: Pune, Austin"), ("x", "no ticket number")):
        answer = await pages.get(f"/tickets/{written}")
        assert answer.status == 404 and said in await answer.text()


async def test_the_metrics_of_all_sites_stand_on_one_page(
    pages: TestClient[web.Request, web.Application],
) -> None:
    both = (await text(pages, "/metrics")).splitlines()
    for name in ("reveille_up", "reveille_check_state", "reveille_letters"):
        assert both.count(f"# TYPE {name} gauge") <= 1, "each family once"
    assert {'reveille_up{site="Pune"} 1.0', 'reveille_up{site="Austin"} 1.0'} <= set(both)
    assert sum(line.startswith("reveille_build_info{") for line in both) == 1
    of_sites = [line for line in both if line.startswith("reveille_check_state{")]
    assert {re.findall(r'site="(\w+)"', line)[0] for line in of_sites} == {"Pune", "Austin"}
    one = await text(pages, "/sites/Austin/metrics")
    assert 'site="Austin"' in one and "Pune" not in one


async def test_the_page_of_all_sites_leads_to_no_page_that_it_has_not(
    pages: TestClient[web.Request, web.Application],
) -> None:
    for path, status in (("/", 200), ("/log-in", 200), ("/tickets", 404)):
        answer = await pages.get(path)
        assert (path, answer.status) == (path, status)
        assert 'href="/tickets"' not in await answer.text()
    assert 'href="/sites/Pune/tickets"' in await text(pages, "/sites/Pune/")


async def test_a_site_that_cannot_be_read_is_not_up(
    pages: TestClient[web.Request, web.Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: object, **__: object) -> None:
        raise Unavailable("no such disk")

    monkeypatch.setattr("monitor.page.ledger_reader.LedgerReader.ask", refuses)
    assert 'reveille_up{site="Austin"} 0.0' in await text(pages, "/metrics")
