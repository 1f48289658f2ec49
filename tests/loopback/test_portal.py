"""The portal check against the lab's portals, and against web servers that misbehave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError

from checks.contract import Check, Failed, Observation, Trace
from checks.kinds import kinds
from checks.web.portal import Portal
from lab import Lab


async def look(check: Check, folder: Path) -> Observation:
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except Failed as refused:
        return trace.observation(refused)
    return trace.observation()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as running:
        yield running


Serve = Callable[
    [Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]], Awaitable[int]
]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """A raw TCP server on a free port that does what its function does."""
    servers: list[asyncio.Server] = []

    async def start(
        talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    ) -> int:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            finally:
                writer.close()

        servers.append(await asyncio.start_server(once, "127.0.0.1", 0))
        return int(servers[-1].sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()


def says(text: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(text.replace("\n", "\r\n").encode())
        await writer.drain()

    return talk


async def test_every_portal_of_the_lab_is_up_and_shows_its_own_login(
    lab: Lab, tmp_path: Path
) -> None:
    for portal in lab.portals.values():
        seen = await look(Portal(url=portal.url, must_contain=(portal.title, "Sign in")), tmp_path)
        assert seen.fault is None
        assert [stage.name for stage in seen.stages] == ["connect", "response", "content"]
        assert seen.measures["http_status"] == 200 and seen.measures["body_bytes"] > 200
        assert 0 < seen.measures["first_byte_seconds"] <= seen.measures["total_seconds"] < 2


async def test_a_portal_that_is_down_is_an_http_fault_and_the_others_are_not(
    lab: Lab, tmp_path: Path
) -> None:
    lab.break_("report-portal-down")
    for name, portal in lab.portals.items():
        fault = (await look(Portal(url=portal.url), tmp_path)).fault
        assert (fault and (fault.stage, fault.code)) == (
            ("response", "http:503") if name == "report-portal" else None
        )
    lab.mend("report-portal-down")
    assert (await look(Portal(url=lab.portals["report-portal"].url), tmp_path)).fault is None


async def test_a_maintenance_page_behind_a_200_is_seen_and_kept(lab: Lab, tmp_path: Path) -> None:
    lab.break_("agent-portal-maintenance")
    url = lab.portals["agent-portal"].url
    assert (await look(Portal(url=url, soft_200s=False), tmp_path)).fault is None, (
        "status alone cannot tell"
    )
    soft = (await look(Portal(url=url), tmp_path)).fault
    assert soft and (soft.stage, soft.code, soft.text) == (
        "content",
        "soft-200",
        "the page is headed 'Maintenance'",
    )
    seen = await look(Portal(url=url, must_contain=("Sign in",)), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("content", "missing-text")
    assert "'Sign in'" in seen.fault.text
    assert "maintenance" in seen.exhibits[0].path.read_text()
    unwanted = (
        await look(Portal(url=url, must_not_contain=("carrying out maintenance",)), tmp_path)
    ).fault
    assert unwanted and unwanted.code == "unwanted-text"


async def test_a_redirect_is_followed_or_is_the_answer(lab: Lab, tmp_path: Path) -> None:
    root = lab.portals["admin-portal"].url.removesuffix("login")
    followed = await look(Portal(url=root, must_contain=("Sign in",)), tmp_path)
    assert followed.fault is None and any(
        note.startswith("302 to /login") for note in followed.notes
    )
    assert (
        await look(Portal(url=root, follow_redirects=False, expect_status=302), tmp_path)
    ).fault is None


async def test_https_measures_the_handshake_and_the_certificate(lab: Lab, tmp_path: Path) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="Sign in")

    application = web.Application()
    application.router.add_get("/", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=lab.certificate.server_context()).start()
    url = f"https://localhost:{runner.addresses[0][1]}/"
    try:
        seen = await look(
            Portal(url=url, trusted_certificates=lab.certificate.certificate), tmp_path
        )
        assert seen.fault is None
        assert [stage.name for stage in seen.stages] == [
            "dns",
            "connect",
            "tls",
            "response",
            "content",
        ]
        assert 29 < seen.measures["certificate_days"] <= 30
        distrusted = (await look(Portal(url=url), tmp_path)).fault
        assert distrusted and (distrusted.stage, distrusted.code) == ("tls", "self-signed")
        assert "self-signed" in distrusted.text
    finally:
        await runner.cleanup()


async def test_each_way_of_not_answering_has_its_stage_and_code(
    lab: Lab, serve: Serve, tmp_path: Path
) -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def slams(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    cut = says("HTTP/1.1 200 OK\nContent-Length: 100\n\nonly this")
    stuck = says("HTTP/1.1 200 OK\nContent-Length: 100\n\n")

    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stuck(reader, writer)
        await reader.read()

    loop = says("HTTP/1.1 302 Found\nLocation: /\nContent-Length: 0\nConnection: close\n\n")
    cases = {
        ("response", "timeout"): silent,
        ("response", "closed"): slams,
        ("response", "bad-peer"): says("220 mail.example.net ESMTP\n\n"),
        ("content", "broken-off"): cut,
        ("content", "timeout"): stalls,
        ("response", "redirects"): loop,
    }
    for expected, talk in cases.items():
        port = await serve(talk)
        fault = (await look(Portal(url=f"http://127.0.0.1:{port}/", within=1.0), tmp_path)).fault
        assert fault and (fault.stage, fault.code) == expected, fault
    for url, stage, code in (
        (lab.portals["agent-portal"].url.replace("http:", "https:"), "tls", "no-tls"),
        ("http://portal.invalid/", "dns", "dns"),
    ):
        fault = (await look(Portal(url=url, within=20.0), tmp_path)).fault
        assert fault and (fault.stage, fault.code) == (stage, code), fault


async def test_a_closed_port_is_refused(serve: Serve, tmp_path: Path, lab: Lab) -> None:
    url = lab.portals["agent-portal"].url
    await lab.portals["agent-portal"].close()
    fault = (await look(Portal(url=url), tmp_path)).fault
    assert fault and (fault.stage, fault.code) == ("connect", "refused")


async def test_of_an_endless_page_only_so_much_is_read(serve: Serve, tmp_path: Path) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=klingon\r\n\r\n")
        try:
            while True:
                writer.write(b"more and more " * 1000)
                await writer.drain()
        except ConnectionError:
            return

    port = await serve(endless)
    seen = await look(Portal(url=f"http://127.0.0.1:{port}/", max_bytes=100_000), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("content", "too-large")
    assert seen.measures["body_bytes"] == 100_000


def test_settings_say_what_would_be_right() -> None:
    assert kinds()["portal"] is Portal
    for wrong, said in (
        ("portal.example.net", "not a URL to fetch"),
        ("https://user:secret@portal.example.net/", "leave them out"),
        ("ftp://portal.example.net/", "not a URL to fetch"),
    ):
        with pytest.raises(ValidationError, match=said) as raised:
            Portal(url=wrong)
        assert "secret" not in raised.value.errors(include_input=False)[0]["msg"]
