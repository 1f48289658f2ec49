"""The plain WebSocket check against servers of `websockets`: it is answered, and each stage has its
faults.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from checks.contract import Observation
from checks.web.websocket import WebSocket
from lab import certificate
from tests.loopback.serving import listening, silent
from tests.loopback.webrtc.attempts import attempt

TOKEN = "t0p-secret-token"
Talk = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk, **more: Any) -> AsyncIterator[int]:
    async with serve(talk, "127.0.0.1", 0, close_timeout=0.5, **more) as serving:
        yield next(iter(serving.sockets)).getsockname()[1]


def check(port: int, **more: Any) -> WebSocket:
    settings = {
        "url": f"ws://127.0.0.1:{port}/chat?room=1",
        "send": "ping",
        "answer": "pong",
        "within": "30s",
    }
    return WebSocket.model_validate({**settings, **more})


def ended(seen: Observation) -> tuple[str, str] | None:
    assert seen.blind is None, seen.blind
    return (seen.fault.stage, seen.fault.code) if seen.fault else None


async def pongs(connection: ServerConnection) -> None:
    await connection.send("welcome")
    async for message in connection:
        await connection.send("pong" if message == "ping" else "what?")


async def listens(connection: ServerConnection) -> None:
    async for _ in connection:
        continue


async def chatters(connection: ServerConnection) -> None:
    for _ in range(1200):
        await connection.send("noise")


async def leaves(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.close(1011, "no")


async def floods(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.send("x" * 2_000_000)
    await connection.wait_closed()


async def test_it_is_opened_and_answers(tmp_path: Path) -> None:
    async with server(pongs, subprotocols=[Subprotocol("chat")]) as port:
        asked = check(port, subprotocols=["chat", "other"])
        seen = await attempt(asked, tmp_path / "seen")
        upgrade = await attempt(check(port, send=None, answer=None), tmp_path / "upgrade")
    assert ended(seen) is None, seen.fault
    assert [stage.name for stage in seen.stages] == ["dns", "tcp", "websocket", "send", "answer"]
    assert set(seen.measures) == set(asked.measures())
    assert [stage.name for stage in upgrade.stages] == ["dns", "tcp", "websocket"]


async def test_over_tls_the_certificate_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir()
    made = certificate.make(tmp_path / "tls", 30)
    async with server(pongs, ssl=made.server_context()) as port:
        known = check(port, url=f"wss://localhost:{port}/", trusted_certificates=made.certificate)
        seen = await attempt(known, tmp_path / "known")
        stranger = await attempt(check(port, url=f"wss://localhost:{port}/"), tmp_path / "stranger")
    assert ended(seen) is None, seen.fault
    assert 29 < seen.measures["certificate_days"] < 31
    assert ended(stranger) == ("tls", "self-signed")


@pytest.mark.parametrize(
    ("talk", "more", "expected"),
    [
        (listens, {"within": "500ms"}, ("answer", "timeout")),
        (chatters, {}, ("answer", "bad-peer")),
        (leaves, {}, ("answer", "closed")),
        (floods, {}, ("answer", "bad-peer")),
        (pongs, {"subprotocols": ["sip"]}, ("websocket", "no-subprotocol")),
        (pongs, {"send": "pang", "within": "500ms"}, ("answer", "timeout")),
    ],
)
async def test_each_way_of_not_answering(
    tmp_path: Path, talk: Talk, more: dict[str, Any], expected: tuple[str, str]
) -> None:
    async with server(talk) as port:
        seen = await attempt(check(port, **more), tmp_path / "seen")
    assert ended(seen) == expected, seen.fault


async def test_what_is_no_websocket(tmp_path: Path) -> None:
    async with listening(silent) as port:
        assert ended(await attempt(check(port, within="500ms"), tmp_path / "mute")) == (
            "websocket",
            "timeout",
        )
    assert ended(await attempt(check(port), tmp_path / "gone")) == ("tcp", "refused")
    nowhere = check(port, url="ws://nowhere.invalid/")
    assert ended(await attempt(nowhere, tmp_path / "nowhere")) == ("dns", "dns")


async def test_a_token_is_shown_to_the_server_alone(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")

    def gate(connection: ServerConnection, request: Request) -> Response | None:
        given = request.headers.get("Authorization")
        return None if given == f"Bearer {TOKEN}" else connection.respond(401, f"not {given}\n")

    async with server(pongs, process_request=gate) as port:
        let_in = await attempt(
            check(port, token={"file": str(tmp_path / "token")}), tmp_path / "in"
        )
        refused = await attempt(check(port), tmp_path / "out")
        (tmp_path / "token").write_text("another\n")
        wrong = await attempt(
            check(port, token={"file": str(tmp_path / "token")}), tmp_path / "wrong"
        )
    assert ended(let_in) is None, let_in.fault
    assert ended(refused) == ended(wrong) == ("websocket", "http:401")
    assert "another" not in str(wrong)
    missing = await attempt(
        check(port, token={"file": str(tmp_path / "none")}), tmp_path / "missing"
    )
    assert missing.fault is None and missing.blind is not None
