"""The daemon's end of the control socket: nobody who asks can hold up the daemon, or its end."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from monitor.service.control_protocol import MOST_BYTES, Request, line, read
from monitor.service.control_socket import AT_ONCE, ControlSocket, Session
from monitor.service.peer import Peer

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Verb = Callable[[Session], int]
THREADS = ThreadPoolExecutor(AT_ONCE)
ASK = Request(("status",)).encoded()


async def door(folder: Path, verb: Verb) -> ControlSocket:
    """A socket that has this done in a thread, as verbs are."""

    async def act(_request: Request, _peer: Peer, session: Session) -> int:
        return await asyncio.get_running_loop().run_in_executor(THREADS, verb, session)

    made = ControlSocket(folder, act, lambda: "reveille", folder / "reveille.toml")
    await made.open()
    return made


@asynccontextmanager
async def knocked(made: ControlSocket, written: bytes = ASK) -> AsyncIterator[Line]:
    """Somebody who asks, and has been greeted if he has."""
    reader, writer = await asyncio.open_unix_connection(str(made.path), limit=MOST_BYTES)
    try:
        if written:
            writer.write(written)
            await reader.readline()
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def told(reader: asyncio.StreamReader) -> tuple[str, Any]:
    return read(await asyncio.wait_for(reader.readline(), 10))


async def test_a_question_is_answered_and_the_exit_code_comes_last(tmp_path: Path) -> None:
    def verb(session: Session) -> int:
        session.say("show", "ä" * 40_000)
        return 1 if session.question() == "y" else 0

    made = await door(tmp_path, verb)
    async with knocked(made) as (reader, writer):
        shown = ""
        while (said := await told(reader))[0] == "show":
            shown += said[1]
        assert shown == "ä" * 40_000
        assert said == ("question", "")
        writer.write(line("answer", "y"))
        assert await told(reader) == ("end", 1)
    await made.close()
    assert not made.path.exists()


async def test_a_stop_ends_whoever_waits_for_an_answer_at_once(tmp_path: Path) -> None:
    ended = threading.Event()

    def verb(session: Session) -> int:
        try:
            session.question()
        except BrokenPipeError:
            ended.set()
        return 0

    made = await door(tmp_path, verb)
    async with knocked(made) as (reader, _):
        assert await told(reader) == ("question", "")
        began = time.monotonic()
        await made.close()
        assert await asyncio.to_thread(ended.wait, 5)
        assert time.monotonic() - began < 5


async def test_whoever_reads_nothing_holds_up_only_himself(tmp_path: Path) -> None:
    begun, ended = threading.Event(), threading.Event()

    def verb(session: Session) -> int:
        begun.set()
        try:
            while True:
                session.say("show", "x" * 16_000)
        except BrokenPipeError:
            ended.set()
        return 0

    made = await door(tmp_path, verb)
    async with knocked(made):
        # Who hangs up before his verb has begun has none that could be held up.
        assert await asyncio.to_thread(begun.wait, 60)
    try:
        assert await asyncio.to_thread(ended.wait, 60)
    finally:
        await made.close()


async def test_progress_that_nobody_takes_is_left_out_and_the_loop_goes_on(tmp_path: Path) -> None:
    looping = asyncio.get_running_loop()

    def verb(session: Session) -> int:
        done = threading.Event()

        def progress() -> None:
            for _ in range(2000):
                session.say("pass", "x" * 16_000)
            done.set()

        looping.call_soon_threadsafe(progress)
        assert done.wait(20), "the loop must not wait for whoever reads nothing"
        return 0

    made = await door(tmp_path, verb)
    taken = 0
    async with knocked(made) as (reader, _):
        while (said := await told(reader))[0] == "pass":
            taken += 1
    assert said == ("end", 0)
    assert 0 < taken < 200, "at most what the buffer holds"
    await made.close()


async def test_too_many_at_a_time_are_told_so_and_fill_no_journal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def verb(_session: Session) -> int:
        release.wait(20)
        return 0

    made = await door(tmp_path, verb)
    async with AsyncExitStack() as all_of_them:
        lines = [await all_of_them.enter_async_context(knocked(made)) for _ in range(AT_ONCE + 3)]
        said = [asyncio.ensure_future(told(reader)) for reader, _ in lines]
        while sum(one.done() for one in said) < 3:
            await asyncio.wait(said, return_when=asyncio.FIRST_COMPLETED)
            said.sort(key=lambda one: not one.done())
        assert {one.result()[0] for one in said if one.done()} == {"refused"}
        release.set()
        assert [(await one)[0] for one in said].count("refused") == 3
        assert caplog.text.count("action=control_refused") == 1
    await made.close()


def test_a_stale_socket_of_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.socket"))

    async def story() -> None:
        made = await door(tmp_path, lambda _session: 0)
        async with knocked(made, b"") as (reader, _):
            assert json.loads(await reader.readline())["reveille"]["version"] == 1
        await made.close()

    asyncio.run(story())
