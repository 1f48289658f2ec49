"""The watcher elsewhere hears from a monitor that works, and from no other."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web

from monitor.config.page import DeadMan
from monitor.service.dead_man import DeadMansSwitch
from monitor.testing.doubles import ManualClock

START = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)


class Watcher:
    """A real web server that counts who calls."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.status = 200
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.heard.append(request.path)
        return web.Response(text="OK", status=self.status)


@asynccontextmanager
async def watching(port: int = 0) -> AsyncIterator[Watcher]:
    watcher = Watcher()
    app = web.Application()
    app.router.add_get("/{tail:.*}", watcher.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    watcher.port = runner.addresses[0][1]
    yield watcher
    await runner.cleanup()


def switch(port: int, clock: ManualClock, hindered: list[str]) -> DeadMansSwitch:
    settings = DeadMan(url=f"http://127.0.0.1:{port}/ping/secret-1234", every=300.0)

    async def asked() -> str:
        return hindered[0]

    return DeadMansSwitch(settings, clock, asked)


async def test_it_is_pinged_every_so_often_and_not_while_the_monitor_is_hindered() -> None:
    clock, hindered = ManualClock(START), [""]
    async with watching() as watcher:
        made = switch(watcher.port, clock, hindered)
        for _ in range(11):
            if made.due():
                await made.ping()
            clock.advance(60)
        assert watcher.heard == ["/ping/secret-1234"] * 3
        hindered[0] = "the disk is full"
        await made.ping()
        assert len(watcher.heard) == made.pings == 3


async def test_a_clock_that_is_set_back_does_not_silence_it() -> None:
    clock = ManualClock(START)
    made = switch(1, clock, [""])
    assert made.due()
    assert not made.due()
    clock.advance(-86400)
    assert made.due()


async def test_what_does_not_arrive_is_said_once_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock(START)
    caplog.set_level(logging.INFO)
    async with watching() as watcher:
        made, port = switch(watcher.port, clock, [""]), watcher.port
        watcher.status = 503
        for _ in range(3):
            await made.ping()
    for _ in range(3):
        await made.ping()
        clock.advance(60)
    clock.advance(3600)
    await made.ping()
    async with watching(port):
        await made.ping()
    said = [record.getMessage() for record in caplog.records if "dead_man" in record.getMessage()]
    assert said == [
        "action=dead_man_not_reached the watcher cannot be reached: http:503",
        "action=dead_man_not_reached the watcher cannot be reached: refused",
        "action=dead_man_not_reached the watcher cannot be reached: refused",
        "action=dead_man_reached again, after: the watcher cannot be reached: refused",
    ]
    assert "secret-1234" not in "".join(said)
