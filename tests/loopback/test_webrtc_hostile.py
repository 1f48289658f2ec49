"""webrtc-call before servers that mean harm, and a daemon that dies: an end in time, the right
words, no orphan.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from checks.contract import Observation
from checks.webrtc.call import WebrtcCall
from checks.webrtc.engine import Softphone
from tests.loopback.sipp.peer import eventually
from tests.loopback.webrtc.attempts import attempt
from tests.loopback.webrtc.relays import Serve, listening

LARGEST_MEGABYTES = 200
UNHURRIED = {"probe_stall": "30s", "probe_late": "30s"}


def call(port: int, **more: Any) -> WebrtcCall:
    settings = {
        "url": f"ws://127.0.0.1:{port}/",
        "user": "monitor",
        "to": "8000",
        "step_within": "1s",
        **UNHURRIED,
        **more,
    }
    return WebrtcCall.model_validate(settings)


def ended(seen: Observation) -> tuple[str, str]:
    assert seen.blind is None, seen.blind
    assert seen.fault is not None
    return seen.fault.stage, seen.fault.code


@asynccontextmanager
async def sockets(
    speak: Callable[[ServerConnection], Awaitable[None]], **more: Any
) -> AsyncIterator[int]:
    """A WebSocket server that speaks like this; gives its port."""

    async def kept(connection: ServerConnection) -> None:
        try:
            await speak(connection)
        except ConnectionClosed:
            return

    options = {"subprotocols": ["sip"], "compression": None, "close_timeout": 0.1, **more}
    async with serve(kept, "127.0.0.1", 0, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def gigantic(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.send("INVITE " + "x" * 50_000_000)


async def never_ending(connection: ServerConnection) -> None:
    """One message in more frames than anybody would want."""
    await connection.recv()
    await connection.send("x" * 1000 for _ in range(1_000_000))


async def garbage(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.send(b"\x00\xff\xfe not SIP \r\n\r\n")


async def half(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.send("SIP/2.0 200 OK\r\nVia: x\r\n\r\n")


async def chatty(connection: ServerConnection) -> None:
    """Keep-alives and other people's answers, for ever."""
    while True:
        await connection.send("\r\n")
        await connection.send("SIP/2.0 200 OK\r\nCall-ID: other\r\nCSeq: 1 REGISTER\r\n\r\n")


async def odd_challenge(connection: ServerConnection) -> None:
    asked = str(await connection.recv())
    kept = [
        line
        for line in asked.split("\r\n")
        if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
    ]
    await connection.send(
        "\r\n".join(["SIP/2.0 401 No", *kept, "WWW-Authenticate: Basic realm=x", "", ""])
    )


async def silent(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def leaving(connection: ServerConnection) -> None:
    await connection.recv()


@pytest.mark.parametrize(
    ("speak", "code"),
    [
        (gigantic, "bad-peer"),
        (never_ending, "bad-peer"),
        (garbage, "bad-peer"),
        (half, "bad-peer"),
        (chatty, "bad-peer"),
        (silent, "timeout"),
        (leaving, "dropped"),
    ],
)
async def test_a_socket_that_means_harm(
    speak: Callable[[ServerConnection], Awaitable[None]], code: str, tmp_path: Path
) -> None:
    async with sockets(speak) as port:
        seen = await attempt(
            call(port, step_within="5s" if code == "bad-peer" else "1s"), tmp_path / "seen"
        )
    assert ended(seen) == ("register", code), seen.fault
    assert seen.seconds < 15


async def test_a_challenge_that_nobody_can_answer(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    async with sockets(odd_challenge) as port:
        seen = await attempt(
            call(port, password={"file": str(tmp_path / "password")}), tmp_path / "seen"
        )
    assert ended(seen) == ("register", "bad-peer")


async def test_memory_is_bounded(tmp_path: Path) -> None:
    """While 50 MB are thrown at it."""
    async with sockets(gigantic) as port:
        checking = asyncio.create_task(attempt(call(port, step_within="5s"), tmp_path / "seen"))
        most = 0
        while not checking.done():
            most = max(
                [most, *(_memory(child) for child in psutil.Process().children(recursive=True))]
            )
            await asyncio.sleep(0.02)
        await checking
    assert 0 < most < LARGEST_MEGABYTES * 1_000_000


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


async def mute(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def not_http(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.net ESMTP\r\n" * 100)
    await writer.drain()


async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


async def endless_header(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    for _ in range(100_000):
        writer.write(b"X-More: " + b"y" * 1000 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    ("server", "code"),
    [
        (mute, "timeout"),
        (not_http, "bad-peer"),
        (refusing, "http:503"),
        (endless_header, "bad-peer"),
    ],
)
async def test_an_upgrade_that_goes_wrong(server: Serve, code: str, tmp_path: Path) -> None:
    async with listening(server) as port:
        seen = await attempt(call(port), tmp_path / "seen")
    assert ended(seen) == ("websocket", code), seen.fault
    assert seen.seconds < 15


async def test_a_server_that_does_not_speak_sip(tmp_path: Path) -> None:
    async with sockets(silent, subprotocols=None) as port:
        assert ended(await attempt(call(port), tmp_path / "seen")) == (
            "websocket",
            "no-subprotocol",
        )


async def test_tls_that_never_answers_and_nobody_at_all(tmp_path: Path) -> None:
    async with listening(mute) as port:
        check = call(port, url=f"wss://127.0.0.1:{port}/")
        assert ended(await attempt(check, tmp_path / "tls")) == ("tls", "timeout")
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        assert ended(await attempt(call(taken.getsockname()[1]), tmp_path / "tcp")) == (
            "tcp",
            "refused",
        )
    nowhere = call(1, url="ws://edge.invalid/")
    assert ended(await attempt(nowhere, tmp_path / "dns")) == ("dns", "dns")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_softphone_that_is_killed_is_our_own_fault(number: signal.Signals) -> None:
    phone = await Softphone.start()
    os.kill(phone.pid, number)
    await phone.close()
    assert not psutil.pid_exists(phone.pid)


async def test_a_softphone_whose_daemon_is_gone_leaves(tmp_path: Path) -> None:
    """The socket ends, and nobody says hang-up: it takes its registration back and goes."""
    phone = await Softphone.start()
    phone._writer.close()
    await eventually(lambda: not psutil.pid_exists(phone.pid) or _is_dead(phone.pid))
    await phone.close()


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
