"""The page as a process of the daemon's: it comes back, and it goes when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import psutil
import pytest

from monitor.config import Configuration
from monitor.config.page import Page
from monitor.service.page_process import PageProcess
from monitor.testing.scenario import Scene
from tests.scenes import page_world


@asynccontextmanager
async def kept(configuration: Configuration) -> AsyncIterator[PageProcess]:
    tasks: list[asyncio.Task[None]] = []

    def start(work: object) -> asyncio.Task[None]:
        tasks.append(asyncio.get_running_loop().create_task(work))  # type: ignore[arg-type]
        return tasks[-1]

    process = PageProcess(start)
    process.take([configuration])
    process.begin()
    try:
        yield process
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def listening(process: PageProcess, before: str = "") -> str:
    async with asyncio.timeout(30):
        while process.address in ("", before):
            await asyncio.sleep(0.02)
    return process.address


def children() -> list[psutil.Process]:
    return [
        one
        for one in psutil.Process().children(recursive=True)
        if one.status() != psutil.STATUS_ZOMBIE and "monitor.page" in one.cmdline()
    ]


@pytest.mark.slow
async def test_it_is_started_again_after_its_death_and_ends_with_the_daemon(tmp_path: Path) -> None:
    (tmp_path / "reveille.toml").write_text(
        '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n\n'
        '[checks.host]\nkind = "host-resources"\nevery = "5m"\n',
        encoding="utf-8",
    )
    scene = Scene(page_world.NOW, {}, folder=tmp_path)
    configuration = replace(scene.configuration, page=Page(listen="127.0.0.1:0"))
    async with kept(configuration) as process, aiohttp.ClientSession() as session:
        first = await listening(process)
        async with session.get(first) as answer:
            assert "the monitor does not run" in await answer.text()
        (child,) = children()
        child.kill()
        second = await listening(process, first)
        async with session.get(second) as answer:
            assert answer.status == 200
    async with asyncio.timeout(10):
        while children():
            await asyncio.sleep(0.02)
    scene.stop_daemon()
