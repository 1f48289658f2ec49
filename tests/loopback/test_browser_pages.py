"""Portals and chats in a real Chromium: journeys and conversations that go well, and every way in
which they do not.

A part runs by default; all of it, in two minutes:
    ./reveille test -m 'slow or not slow' tests/loopback/test_browser_pages.py
"""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from checks.contract import Observation
from checks.web.browser.shared_browser import shared_browser
from checks.web.chat import Chat
from checks.web.portal_browser import PortalBrowser
from lab import certificate
from lab import chat as lab_chat
from lab.agent_desk import AgentDesk
from lab.injected_faults import Faults
from tests.loopback.seen import ended
from tests.loopback.serving import Talk, drop_by_drop, endlessly, listening, silent
from tests.loopback.webrtc.attempts import attempt

PASSWORD = "s3cret/with+signs"
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("browser"),
    pytest.mark.browser,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk() -> AsyncIterator[AgentDesk]:
    opened = AgentDesk(Faults(), {"monitor": PASSWORD})
    await opened.open("127.0.0.1")
    yield opened
    opened.faults.switch_off()
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chat() -> AsyncIterator[lab_chat.Chat]:
    opened = lab_chat.Chat(Faults())
    await opened.open("127.0.0.1")
    yield opened
    await opened.close()


def journey(desk: AgentDesk, folder: Path, **more: Any) -> PortalBrowser:
    (folder / "password").write_text(PASSWORD + "\n")
    steps = [
        {"open": "/?ticket=T-4711", "within": "20s"},
        {"fill": "User name", "with": "monitor", "stage": "login", "within": "3s"},
        {"fill": "Password", "secret": {"file": str(folder / "password")}, "within": "3s"},
        {"click": "Sign in", "within": "3s"},
        {"see": "Signed in as monitor", "within": "3s"},
        {"not-see": "Wrong user name"},
        {"wait": "10ms"},
        {"click": "Sign out", "stage": "logout"},
        {"see": "css=input[type=password]"},
    ]
    return PortalBrowser.model_validate({"url": desk.url, "steps": steps, **more})


def talk(chat: lab_chat.Chat, **more: Any) -> Chat:
    settings = {
        "url": chat.url,
        "open": "Chat with us",
        "frame": "#chat",
        "field": "Type a message",
        "send": "Send",
        "message": "ping {nonce}",
        "answer": "You said: ping {nonce}",
        "step_within": "5s",
        "answer_within": "3s",
    }
    return Chat.model_validate({**settings, **more})


def page(url: str, **more: Any) -> PortalBrowser:
    steps = [{"open": "/", "within": more.pop("within", "2s")}, {"see": "Sign in", "within": "2s"}]
    return PortalBrowser.model_validate({"url": url, "steps": steps, **more})


def left_behind(seen: Observation) -> str:
    """Everything that was said and written, pictures apart."""
    files = [one.path.read_text() for one in seen.exhibits if one.media_type.startswith("text")]
    return "\n".join([*files, *seen.notes, seen.fault.text if seen.fault else ""])


async def test_an_agent_signs_in_and_out(desk: AgentDesk, tmp_path: Path) -> None:
    check = journey(desk, tmp_path)
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    assert [stage.name for stage in seen.stages] == ["open", "login", "logout"]
    assert set(seen.measures) <= set(check.measures())
    assert seen.measures["total_seconds"] > 0
    assert seen.exhibits == ()


@pytest.mark.parametrize(
    ("fault", "stage", "code"),
    [
        pytest.param("agent-desk-blank", "login", "not-found", marks=pytest.mark.slow),
        ("agent-desk-login-broken", "login", "not-seen"),
        pytest.param("agent-desk-hangs", "login", "not-seen", marks=pytest.mark.slow),
    ],
)
async def test_a_desk_that_does_not_work_leaves_a_picture_and_no_secret(
    desk: AgentDesk, tmp_path: Path, fault: str, stage: str, code: str
) -> None:
    desk.faults.switch_on(fault)
    try:
        seen = await attempt(journey(desk, tmp_path), tmp_path / "seen")
    finally:
        desk.faults.switch_off()
    assert ended(seen) == (stage, code), seen.fault
    picture = next(one for one in seen.exhibits if one.name == "screenshot.png")
    assert picture.path.read_bytes().startswith(b"\x89PNG")
    assert PASSWORD not in left_behind(seen) and "T-4711" not in left_behind(seen)
    if fault != "agent-desk-hangs":
        assert seen.measures["console_errors"] >= 1
        assert "console.txt" in {one.name for one in seen.exhibits}


async def test_a_console_that_shouts_the_password_is_masked(tmp_path: Path) -> None:
    shouting = (
        "<form><label>Password <input type=text oninput=\"console.error('got ' + this.value);"
        " said.textContent=this.value; fetch('/log?p=' +"
        ' encodeURIComponent(this.value))"></label></form><p id=said></p>'
    )
    (tmp_path / "password").write_text(PASSWORD + "\n")
    async with listening(_page(shouting)) as port:
        check = PortalBrowser.model_validate(
            {
                "url": f"http://127.0.0.1:{port}/",
                "steps": [
                    {"open": "/", "within": "20s"},
                    {"fill": "Password", "secret": {"file": str(tmp_path / "password")}},
                    {"see": "Welcome", "within": "1s"},
                ],
            }
        )
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == ("open", "not-seen")
    said = left_behind(seen)
    assert "got ••••" in said
    assert PASSWORD not in said and "s3cret%2Fwith" not in said


@pytest.mark.parametrize("named", [False, True])
async def test_a_secret_is_typed_into_no_page_that_a_page_led_to(
    tmp_path: Path, named: bool
) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    form = _page("<form><label>Password <input type=password></label></form><p>Here</p>")
    async with listening(form) as other:
        elsewhere = f"http://127.0.0.1:{other}"
        led = _page(f"<script>location = '{elsewhere}/'</script>")
        async with listening(led) as port:
            steps = [
                {"open": "/"},
                {"see": "Here"},
                {"fill": "Password", "secret": {"file": str(tmp_path / "password")}},
            ]
            url, sites = f"http://127.0.0.1:{port}/", [elsewhere] if named else []
            check = {"url": url, "steps": steps, "sign_in_at": sites}
            seen = await attempt(PortalBrowser.model_validate(check), tmp_path / "seen")
    assert ended(seen) == (None if named else ("open", "redirects")), seen.fault
    if seen.fault:
        assert f"its page is of {elsewhere}, which a page led to" in seen.fault.text


async def test_a_visitor_is_answered(chat: lab_chat.Chat, tmp_path: Path) -> None:
    check = talk(chat, step_within="20s", answer_within="20s")
    seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    assert [stage.name for stage in seen.stages] == ["page", "widget", "socket", "send", "answer"]
    assert set(seen.measures) <= set(check.measures())


@pytest.mark.parametrize(
    ("fault", "stage", "code"),
    [
        pytest.param("chat-widget-missing", "widget", "not-found", marks=pytest.mark.slow),
        ("chat-dead-socket", "socket", "refused"),
        pytest.param("chat-silent", "answer", "timeout", marks=pytest.mark.slow),
    ],
)
async def test_a_chat_that_does_not_work(
    chat: lab_chat.Chat, tmp_path: Path, fault: str, stage: str, code: str
) -> None:
    chat.faults.switch_on(fault)
    try:
        seen = await attempt(talk(chat), tmp_path / "seen")
    finally:
        chat.faults.switch_off()
    assert ended(seen) == (stage, code), seen.fault
    assert "screenshot.png" in {one.name for one in seen.exhibits}


def _page(body: str, *headers: str) -> Talk:
    """Every request is answered with this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            head = [
                "HTTP/1.1 200 OK",
                "Content-Type: text/html",
                f"Content-Length: {len(body.encode())}",
                *headers,
            ]
            writer.write("\r\n".join([*head, "", body]).encode())
            await writer.drain()

    return serve


async def _round_and_round(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()


async def _bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """100 MB of nothing in half a megabyte."""
    await reader.readuntil(b"\r\n\r\n")
    packed = gzip.compress(b" " * 100_000_000, 1)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length:"
        f" {len(packed)}\r\n\r\n"
    )
    writer.write(head.encode() + packed)
    await writer.drain()
    await reader.read()


async def _loris(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A header that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nServer: ")
    await drop_by_drop(b"x")(reader, writer)


_ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>"
_HARM: dict[str, tuple[Talk, tuple[str, str]]] = {
    "hangs": (silent, ("open", "timeout")),
    "loris": (_loris, ("open", "timeout")),
    "redirects": (_round_and_round, ("open", "redirects")),
    "endless": (endlessly(b"<p>more</p>" * 5000, _ENDLESS), ("open", "too-large")),
    "bomb": (_bomb, ("open", "too-large")),
    "script": (_page("<p>Sign in</p><script>for (;;) {}</script>"), ("open", "timeout")),
    "another": (_page("<p>Under maintenance</p>"), ("open", "not-seen")),
}


QUICK = ("redirects", "endless")


@pytest.mark.parametrize(
    "harm", [pytest.param(one, marks=[] if one in QUICK else [pytest.mark.slow]) for one in _HARM]
)
async def test_a_page_that_means_harm_is_a_clear_fault(tmp_path: Path, harm: str) -> None:
    serve, expected = _HARM[harm]
    async with listening(serve) as port:
        check = page(
            f"http://127.0.0.1:{port}/",
            max_bytes=3_000_000,
            within="20s" if expected[1] != "timeout" else "2s",
        )
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) == expected, seen.fault
    assert seen.seconds < 60


@pytest.mark.slow
async def test_certificates_are_looked_at(tmp_path: Path) -> None:
    for name, days in (("good", 30), ("old", 0)):
        (tmp_path / name).mkdir()
        made = certificate.make(tmp_path / name, days)
        async with listening(_page("<p>Sign in</p>"), made.server_context()) as port:
            url = f"https://localhost:{port}/"
            stranger = await attempt(page(url, within="20s"), tmp_path / f"{name}-stranger")
            assert ended(stranger) == ("open", "self-signed"), stranger.fault
            known = await attempt(
                page(url, trusted_certificates=made.certificate, within="20s"),
                tmp_path / f"{name}-k",
            )
            assert ended(known) == (None if days else ("tls", "expired")), known.fault


async def test_an_address_that_is_not_there(tmp_path: Path) -> None:
    async with listening(silent) as port:
        gone = port
    assert ended(await attempt(page(f"http://127.0.0.1:{gone}/"), tmp_path / "gone")) == (
        "open",
        "refused",
    )
    assert ended(await attempt(page("http://nowhere.invalid/"), tmp_path / "nowhere")) == (
        "open",
        "dns",
    )


async def _browsers() -> list[psutil.Process]:
    kept = await shared_browser()
    children = psutil.Process(kept.child.pid).children(recursive=True)
    return [one for one in children if "chromium" in one.name() or "headless" in one.name()]


def _lives(process: psutil.Process) -> bool:
    """What has ended and is only not yet buried does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def _until_gone(processes: list[psutil.Process]) -> None:
    async with asyncio.timeout(60):
        while any(_lives(one) for one in processes):
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _looking_at_nothing(folder: Path) -> AsyncIterator[asyncio.Task[Observation]]:
    """A journey that is under way."""
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await silent(reader, writer)

    async with listening(serve) as port:
        looking = asyncio.create_task(
            attempt(page(f"http://127.0.0.1:{port}/", within="4s"), folder)
        )
        await asyncio.wait_for(asked.wait(), 60)
        yield looking


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)]
)
async def test_a_dead_or_frozen_browser_is_no_fault_of_anybody(
    desk: AgentDesk, tmp_path: Path, how: signal.Signals
) -> None:
    async with _looking_at_nothing(tmp_path / "dead") as looking:
        there = await _browsers()
        assert there
        for process in there:
            process.send_signal(how)
        seen = await asyncio.wait_for(looking, 90)
    assert seen.fault is None and seen.blind is not None and "browser" in seen.blind
    again = await attempt(journey(desk, tmp_path), tmp_path / "again")
    assert ended(again) is None, again.fault
    await _until_gone(there)


@pytest.mark.slow
async def test_a_process_that_is_killed_takes_its_browser_along(tmp_path: Path) -> None:
    async with _looking_at_nothing(tmp_path / "dead") as looking:
        there, kept = await _browsers(), await shared_browser()
        os.kill(kept.child.pid, signal.SIGKILL)
        seen = await asyncio.wait_for(looking, 60)
    assert seen.fault is None and seen.blind is not None
    await _until_gone(there)


async def test_two_look_at_once_and_each_has_its_own_cookies(
    desk: AgentDesk, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    both = await asyncio.gather(
        *(attempt(journey(desk, tmp_path / name), tmp_path / name / "seen") for name in ("a", "b"))
    )
    assert [ended(seen) for seen in both] == [None, None]
    claims = journey(desk, tmp_path).claims()
    assert [(claim.line, claim.channels) for claim in claims] == [("our own browser", 2)]


async def test_without_a_browser_nothing_is_known(desk: AgentDesk, tmp_path: Path) -> None:
    check = journey(desk, tmp_path, browser="/usr/bin/no-such-browser")
    assert "no-such-browser" in str(check.lacks())
    seen = await attempt(check, tmp_path / "seen")
    assert seen.fault is None and seen.blind is not None and "no-such-browser" in seen.blind
