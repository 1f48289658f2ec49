"""The page as a browser without scripts sees it: what it says, and to whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import time, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from checks.contract import CannotTell, Failed
from checks.data.backup.store.seal import Key
from monitor.incidents.ticket_actions import TicketActions
from monitor.ledger.retention import Keep, Retention
from monitor.service.page_process import Neighbour
from monitor.service.standing import holds
from monitor.testing.scenario import Scene
from tests.scenes import page_world

# The night that most of them read is lived through once, and not once for each worker.
pytestmark = pytest.mark.xdist_group("one night")

PATHS = (
    "/", "/tickets", "/tickets?all=1", "/tickets/RV-1", "/checks/main-number", "/checks/trunk",
    "/maintenance", "/checklist", "/months", "/months/2026-10", "/reports", "/log-in", "/nowhere",
)  # fmt: skip


class Read(HTMLParser):
    """A page's texts, tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@asynccontextmanager
async def visited(scene: Scene, **more: object) -> AsyncIterator[aiohttp.ClientSession]:
    beat = bool(more.pop("beat", True))
    async with page_world.served(scene.configuration, scene.clock, beat, **more) as address:
        jar = aiohttp.CookieJar(unsafe=True)  # its address is a number, which jars refuse otherwise
        async with aiohttp.ClientSession(address, cookie_jar=jar) as session:
            yield session


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """For those who only read, or leave it as it was."""
    made = asyncio.run(page_world.site(tmp_path_factory.mktemp("night")))
    yield made
    made.stop_daemon()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = await page_world.site(tmp_path)
    yield made
    made.stop_daemon()


async def read(session: aiohttp.ClientSession, path: str = "/", status: int = 200) -> Read:
    async with session.get(path) as answer:
        assert answer.status == status, await answer.text()
        return Read(await answer.text())


async def logged_in(session: aiohttp.ClientSession, password: str = "correct horse") -> int:
    form = {"name": "asha", "password": password, "to": "/tickets/RV-1"}
    async with session.post("/log-in", data=form, allow_redirects=False) as answer:
        return answer.status


async def proof_of(session: aiohttp.ClientSession) -> str:
    async with session.get("/tickets/RV-1") as answer:
        return (await answer.text()).split('name="proof" value="')[1].split('"')[0]


async def test_it_says_what_is_wrong_whose_it_is_and_until_when(night: Scene) -> None:
    async with visited(night) as session:
        text = (await read(session)).text
    order = [
        "P0: PRI is up but IVR is not working", "With vendor", "falls due 03:39 IST", "P0 urgent",
        "RV-1", "nobody has it yet", "callers hear silence", "Whose it is", "Response due",
        "Resolution due", "Morning report of", "Checks the last 7 days", "trunk",
    ]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)


async def test_all_is_well_is_said_only_where_all_of_it_is(scene: Scene) -> None:
    scene.world["main-number"] = None
    await scene.run_for(hours=1)
    async with visited(scene) as session:
        assert "All is well" in (await read(session)).text
        scene.world["trunk"] = CannotTell("no socket to be had")
        await scene.run_for(minutes=6)
        assert "All is well" not in (await read(session)).text


async def test_it_says_so_when_nobody_is_looking(scene: Scene) -> None:
    scene.world["main-number"] = None
    await scene.run_for(hours=1)
    async with visited(scene, beat=False) as session:
        text = (await read(session)).text
        assert "Nobody is looking: the monitor does not run" in text
        assert "All is well" not in text
        async with session.get("/health") as answer:
            assert answer.status == 503
            assert (await answer.json())["stuck"] == ["the daemon does not run"]


async def test_a_daemon_that_hangs_is_not_taken_for_one_that_looks(night: Scene) -> None:
    async with visited(night) as session:
        assert "hangs" not in (await read(session)).text
        night.clock.advance(60)
        assert "Nobody is looking: the monitor hangs" in (await read(session)).text
        night.clock.advance(-60)


async def test_every_page_is_there_and_forbids_the_browser_everything_else(night: Scene) -> None:
    async with visited(night) as session:
        for path in PATHS:
            async with session.get(path) as answer:
                assert answer.status == (404 if path == "/nowhere" else 200), path
                page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            seen = Read(page)
            assert "style" not in seen.attributes, path
            assert not [name for name in seen.attributes if name.startswith("on")], path
            assert "://" not in page.replace("http://www.w3.org", ""), path


async def test_another_name_that_leads_here_is_not_answered(night: Scene) -> None:
    """DNS rebinding: a stranger's page would read what is for this host alone."""
    async with visited(night, url="https://watch.example.net") as session:
        for host, status in (
            ("attacker.example", 421), ("127.0.0.1.attacker.example", 421), ("", 421),
            ("localhost:1", 200), ("watch.example.net", 200), ("[::1]:80", 200),
        ):  # fmt: skip
            async with session.get("/", headers={"Host": host}) as answer:
                assert answer.status == status, host


async def test_a_ticket_is_taken_by_who_is_logged_in(scene: Scene) -> None:
    async with visited(scene) as session:
        assert await logged_in(session) == 303
        form = {"proof": await proof_of(session), "to": "/"}
        async with session.post("/tickets/RV-1/acknowledge", data=form) as answer:
            page = Read(await answer.text())
        assert "It is yours now" in page.text
        assert "taken by asha" in page.text
        note = {"proof": await proof_of(session), "text": "  The IVR host\nwas rebooted. "}
        async with session.post("/tickets/RV-1/note", data=note) as answer:
            assert "The IVR host was rebooted." in Read(await answer.text()).text
    row = scene.ledger.incident(1)
    assert row is not None
    assert row.body["acknowledged_by"] == "asha"
    await scene.run_for(seconds=2)
    assert "acknowledged RV-1 to operators" in scene.told()


async def test_nothing_is_done_for_who_is_not_logged_in_or_comes_from_elsewhere(
    scene: Scene,
) -> None:
    async with visited(scene) as session:
        act = "/tickets/RV-1/acknowledge"
        async with session.post(act, data={"proof": "x"}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/log-in")
        await logged_in(session)
        good = {"proof": await proof_of(session)}
        for form, headers in (
            ({}, {}),
            ({"proof": "guessed"}, {}),
            (good, {"Origin": "https://attacker.example"}),
            (good, {"Origin": "null"}),
            (good, {"Sec-Fetch-Site": "cross-site"}),
            (good, {"Sec-Fetch-Site": "same-site"}),
        ):
            async with session.post(act, data=form, headers=headers) as answer:
                assert answer.status == 403, (form, headers)
        async with session.get(act) as answer:
            assert answer.status == 405
    row = scene.ledger.incident(1)
    assert row is not None
    assert row.acknowledged_at is None


async def test_guessing_a_password_is_soon_over(night: Scene) -> None:
    async with visited(night) as session:
        tried = [await logged_in(session, f"guess {n}") for n in range(6)]
        assert tried == [403] * 5 + [429]
        assert await logged_in(session) == 429
        night.clock.advance(61)
        assert await logged_in(session) == 303
        night.clock.advance(-61)


async def test_a_log_in_leads_nowhere_but_to_this_page(night: Scene) -> None:
    async with visited(night) as session:
        for to in (
            "//attacker.example/",
            "https://attacker.example",
            "/\\attacker.example",
            "/\r\nX",
        ):
            form = {"name": "asha", "password": "correct horse", "to": to}
            async with session.post("/log-in", data=form, allow_redirects=False) as answer:
                assert answer.headers["Location"] == "/", to


async def test_a_cookie_ends_with_its_time_and_with_its_password(night: Scene) -> None:
    async with visited(night) as session:
        await logged_in(session)
        kept = {cookie.key: cookie.value for cookie in session.cookie_jar}
        assert "Log out" in (await read(session)).text
        night.clock.advance(12 * 3600 + 1)
        assert "Log out" not in (await read(session)).text
    night.clock.advance(-12 * 3600 - 1)
    async with (
        visited(night, passwords={"asha": "another one"}) as session,
        session.get("/", cookies=kept) as answer,
    ):
        assert "Log out" not in await answer.text()


async def test_where_there_are_users_nobody_else_reads(night: Scene) -> None:
    async with visited(night, everybody_reads=False) as session:
        for path in PATHS[:-2]:
            async with session.get(path, allow_redirects=False) as answer:
                assert answer.status == 303, path
                assert answer.headers["Location"].startswith("/log-in?to=/"), path
        async with session.get("/metrics") as answer:
            assert answer.status == 401
        async with session.get("/health") as answer:
            assert set(await answer.json()) == {"status"}
        known = {"Authorization": aiohttp.encode_basic_auth("asha", "correct horse")}
        async with session.get("/metrics", headers=known) as answer:
            assert answer.status == 200
        # It would say that the monitor does not answer: its events are refused.
        async with session.get("/log-in") as answer:
            assert "data-live" not in await answer.text()
        await logged_in(session)
        async with session.get("/") as answer:
            assert 'data-live="yes"' in await answer.text()
        assert "PRI is up" in (await read(session)).text


async def test_evidence_is_served_and_no_other_file(scene: Scene, tmp_path: Path) -> None:
    async with visited(scene) as session:
        page = "/tickets/RV-1/evidence/index.html"
        async with session.get(page) as answer:
            assert "sandbox" in answer.headers["Content-Security-Policy"]
            assert "script-src" not in answer.headers["Content-Security-Policy"]
            assert "SIP ladder" in await answer.text()
        async with session.get(
            "/tickets/RV-1/evidence/call.wav", headers={"Range": "bytes=0-3"}
        ) as answer:
            assert (answer.status, await answer.read()) == (206, b"RIFF")
        for name in ("..%2f..%2fledger.sqlite", "ledger.sqlite", "%2fetc%2fpasswd", "page.key"):
            async with session.get(f"/tickets/RV-1/evidence/{name}") as answer:
                assert answer.status == 404, name
        call = next((tmp_path / "exhibits").rglob("call.wav"))
        call.unlink()
        call.symlink_to(tmp_path / "page.key")
        async with session.get("/tickets/RV-1/evidence/call.wav") as answer:
            assert answer.status == 404


HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\x1b[31m\u202e"


async def test_what_others_write_stays_text(tmp_path: Path) -> None:
    """In every field that a far end, a desk or an operator can fill."""
    scene = await page_world.site(tmp_path)
    scene.world["portal-1"] = Failed("http:500", HOSTILE)
    scene.world["portal-2"] = CannotTell(HOSTILE)
    await scene.run_for(minutes=20)
    actions = TicketActions(scene.ledger, scene.configuration, scene.clock.now())
    actions.acknowledge(1, HOSTILE)
    actions.note(1, HOSTILE, HOSTILE)
    rows = scene.ledger.open_incidents()
    with scene.ledger.transaction() as t:
        for row in rows:
            body = {**row.body, "title": HOSTILE, "owner_title": HOSTILE, "attached": [HOSTILE]}
            t.save_incident(replace(row, body=body, owner=HOSTILE))
    looks = [f"/looks/{row.id}" for row in scene.ledger.attempts(limit=8)]
    tickets = [f"/tickets/RV-{row.number}" for row in rows]
    odd = ["/?said=" + "%3Cscript%3E", "/log-in?to=%22%3E%3Cscript%3E", "/%3Cscript%3E"]
    assert len(tickets) > 1
    async with visited(scene) as session:
        for path in (*PATHS, *looks, *tickets, *odd, "/checks/portal-1", "/checks/portal-2"):
            async with session.get(path) as answer:
                page = Read(await answer.text())
            assert page.tags.count("script") == 1, path
            assert "img" not in page.tags, path
            assert not [name for name in page.attributes if name.startswith("on")], path
            assert not {"\x1b", "\u202e"} & set(page.text), path
            assert "49" not in page.text.split("{{7*7}}")[0][-3:], path
        assert "<script>alert(1)</script>" in (await read(session, "/tickets/RV-1")).text
    scene.stop_daemon()


def _families(parser: Callable[[str], Any], text: str) -> list[Any]:
    return list(parser(text))


def _samples(parser: Callable[[str], Any], text: str) -> dict[str, Any]:
    return {one.name: one for family in _families(parser, text) for one in family.samples}


async def test_metrics_are_read_by_prometheus_and_count_looks(scene: Scene) -> None:
    async with visited(scene) as session:
        async with session.get("/metrics") as answer:
            before = _samples(prometheus, await answer.text())
        assert before["reveille_up"].value == 1
        await scene.run_for(minutes=6)
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        async with session.get("/metrics", headers=accept) as answer:
            assert answer.content_type == "application/openmetrics-text"
            families = _families(openmetrics, await answer.text())
    samples = [s for family in families for s in family.samples]
    looks = {s.labels["check"]: s.value for s in samples if s.name == "reveille_check_looks_total"}
    made = scene.ledger.attempts("trunk", since=page_world.NOW + timedelta(milliseconds=1))
    assert looks["trunk"] == len(made) > 0
    failed = [s.labels for s in samples if s.name == "reveille_check_state" and s.value == 1]
    whose = {"site": "Pune", "check": "main-number", "kind": "sip-call"}
    assert {**whose, "state": "FAILED"} in failed
    due = [s for s in samples if s.name == "reveille_ticket_due_timestamp_seconds"]
    assert {s.labels["promise"] for s in due} == {"response", "resolution"}
    for family in families:
        assert family.documentation, family.name
        if family.type == "gauge" and "timestamp" in family.name:
            assert family.name.endswith("_timestamp_seconds")


async def test_a_month_and_a_check_are_there_for_programs(night: Scene) -> None:
    async with visited(night) as session:
        async with session.get("/months/2026-11.json") as answer:
            month = await answer.json()
        async with session.get("/months/2026-11.csv") as answer:
            assert answer.content_type == "text/csv"
            table = (await answer.text()).splitlines()
        async with session.get("/checks/trunk.json?days=1") as answer:
            check = await answer.json()
        async with session.get("/checks/main-number.csv") as answer:
            looks = (await answer.text()).splitlines()
        async with session.get("/status.json") as answer:
            assert json.loads(await answer.text())["tickets"][0]["number"] == "RV-1"
        async with session.get("/months/2026-13") as answer:
            assert answer.status == 404
    assert [line["check"] for line in month["checks"]] == list(page_world.checks())
    assert table[0].startswith("month,check,percent,down_seconds")
    assert len(table) == 1 + len(page_world.checks())
    assert check["uptime_percent"] == 100
    assert 0 < check["known_percent"] < 1
    assert looks[0] == "at,state,purpose,in_maintenance,seconds,answer_seconds"
    assert looks[1].split(",")[1:3] == ["FAILED", "confirm"]


async def test_other_sites_are_seen_at_a_glance(night: Scene) -> None:
    """One that works, one that wants a log-in, one that is nobody, and what is not a page."""
    async with page_world.served(night.configuration, night.clock, everybody_reads=False) as mumbai:
        sites = (
            Neighbour("Mumbai", mumbai, "asha", "correct horse"),
            Neighbour("Delhi", mumbai),
            Neighbour("Nowhere", "http://127.0.0.1:9"),
        )
        async with visited(night, beat=False, sites=sites) as session:
            text = ""
            async with asyncio.timeout(10):
                while "Not asked yet" in (text := (await read(session)).text) or not text:
                    await asyncio.sleep(0.05)
    assert "Mumbai P0: PRI is up but IVR is not working" in text
    assert "Delhi It answers with 401" in text
    assert "Nowhere It cannot be asked" in text


async def test_a_ledger_that_cannot_be_read_is_not_taken_for_quiet(scene: Scene) -> None:
    async with visited(scene) as session:
        assert (await read(session)).tags
        (scene.configuration.state / "ledger.sqlite").rename(scene.configuration.state / "gone")
        seen = await read(session, status=503)
        assert "Whether anything is wrong is not known" in seen.text
        async with session.get("/health") as answer:
            assert answer.status == 503


async def test_what_changes_is_told_to_open_pages(scene: Scene) -> None:
    async with visited(scene) as session, session.get("/events") as stream:
        assert stream.content_type == "text/event-stream"
        assert await stream.content.readline() == b"retry: 5000\n"
        await scene.run_for(minutes=6)
        lines = [await stream.content.readline() for _ in range(2)]
        assert b"event: changed\n" in lines


async def test_what_changed_before_a_page_began_to_listen_is_told_at_once(scene: Scene) -> None:
    """Nothing more happens afterwards that would tell it."""
    async with visited(scene) as session, session.get("/events") as first:
        made = scene.clock.now().isoformat()
        await scene.run_for(minutes=6)
        while await first.content.readline() != b"event: changed\n":
            pass
        async with session.get("/events", params={"made": made}) as late:
            lines = [await late.content.readline() for _ in range(3)]
            assert lines[2] == b"event: changed\n"


async def test_a_page_that_everybody_reads_is_live_for_everybody(night: Scene) -> None:
    async with visited(night, everybody_reads=True) as session, session.get("/") as answer:
        assert 'data-live="yes"' in await answer.text()


def test_a_look_of_half_a_day_speaks_until_the_next_is_overdue(tmp_path: Path) -> None:
    scene = Scene(page_world.NOW, {"daily": {"at": (time(8, 30), time(17, 30))}}, folder=tmp_path)
    kept = holds(scene.configuration.checks["daily"])
    assert timedelta(hours=15) < kept < timedelta(hours=17)
    scene.stop_daemon()


async def test_what_a_page_tells_of_old_days_comes_out_of_their_roll_ups(night: Scene) -> None:
    """The same uptime, and the table goes on by the hour."""

    async def told() -> tuple[dict[str, Any], list[str]]:
        async with visited(night) as session:
            async with session.get("/months/2026-11.json") as answer:
                month = await answer.json()
            async with session.get("/checks/main-number.csv") as answer:
                return month, (await answer.text()).splitlines()

    before, looks = await told()
    retention = Retention(night.ledger, lambda: Key(bytes(32)))
    entries = night.configuration.checks
    await retention.tidy(
        Keep(0, 400), lambda name: holds(entries[name]), night.clock.now() + timedelta(days=3)
    )
    after, table = await told()
    assert after["checks"] == before["checks"]
    assert table[:-1] == looks, "these failures opened a ticket: they stay"
    assert table[-1].split(",")[1:3] == ["FAILED", "hour"]
