"""The page in a real browser: at a desk's width and a phone's, in light and dark, by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.async_api import Page, async_playwright

from monitor.testing.scenario import Scene
from tests.scenes import page_world

pytestmark = pytest.mark.slow
PATHS = (
    "/", "/tickets?all=1", "/tickets/RV-1", "/checks/portal-1", "/maintenance", "/checklist",
    "/months", "/reports", "/log-in", "/tickets/RV-1/evidence/index.html", "/reports/412",
)  # fmt: skip
WIDTHS = (1280, 360)


@asynccontextmanager
async def opened(address: str, width: int, dark: bool, **more: bool) -> AsyncIterator[Page]:
    """A page of a browser; no request leaves the host, and nothing is complained of."""
    wrong: list[str] = []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), args=["--no-sandbox"]
        )
        context = await browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            # What is held against the page is ours: the page's own policy would not let it run.
            bypass_csp=more.get("measured", False),
            java_script_enabled=more.get("scripts", True),
        )
        page = await context.new_page()
        here = urlsplit(address).netloc
        page.on(
            "request",
            lambda asked: (
                wrong.append(asked.url)
                if urlsplit(asked.url).netloc != here and not asked.url.startswith("data:")
                else None
            ),
        )
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        yield page
        await browser.close()
    assert wrong == []


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Scene]:
    made = await page_world.site(tmp_path, days=2.0)
    yield made
    made.stop_daemon()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_nothing_leaves_the_host_and_nothing_is_wider_than_the_screen(
    world: Scene, width: int, dark: bool
) -> None:
    async with (
        page_world.served(world.configuration, world.clock) as address,
        opened(address, width, dark) as page,
    ):
        for path in PATHS:
            await page.goto(address + path)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path
            assert len(await page.screenshot()) > 5000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
async def test_axe_finds_nothing_serious(world: Scene, width: int, dark: bool) -> None:
    async with (
        page_world.served(world.configuration, world.clock) as address,
        opened(address, width, dark, measured=True) as page,
    ):
        for path in PATHS[:8]:
            await page.goto(address + path)
            await page.evaluate(AXE_SCRIPT)
            found = AxeResults(await page.evaluate("axe.run()"))
            grave = [
                (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
                for one in found.response["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            assert grave == [], path


async def test_it_is_live_and_loses_nothing_that_is_being_written(world: Scene) -> None:
    async with (
        page_world.served(world.configuration, world.clock) as address,
        opened(address, 1280, dark=False) as page,
    ):
        await page.goto(address)
        assert "P0: PRI is up" in await page.inner_text("h1")
        world.world["main-number"] = None
        await world.run_for(hours=1)
        # The daemon's own beat, which this world has not.
        page_world.beaten(world)
        await page.wait_for_selector("h1:not(:has-text('P0'))")
        await page.goto(f"{address}/log-in?to=/tickets/RV-1")
        await page.fill("#name", "asha")
        await page.fill("#password", "correct horse")
        await page.press("#password", "Enter")
        await page.wait_for_selector("textarea")
        await page.fill("textarea", "half a sent")
        await world.run_for(minutes=10)
        await page.wait_for_timeout(5000)  # longer than a change takes to arrive
        assert await page.input_value("textarea") == "half a sent"


async def test_it_is_read_and_used_by_keyboard_and_without_scripts(world: Scene) -> None:
    async with (
        page_world.served(world.configuration, world.clock) as address,
        opened(address, 1280, dark=False, scripts=False) as page,
    ):
        await page.goto(address)
        await page.keyboard.press("Tab")
        assert await page.inner_text(":focus") == "To what matters"
        reached = []
        for _ in range(12):
            await page.keyboard.press("Tab")
            reached.append(await page.inner_text(":focus"))
        assert {"Now", "Tickets", "PRI is up but IVR is not working", "Log in to take it"} <= set(
            reached
        )
        await page.goto(f"{address}/log-in?to=/tickets/RV-1")
        await page.wait_for_selector("#name:focus")
        await page.keyboard.type("asha")
        await page.keyboard.press("Tab")
        await page.keyboard.type("correct horse")
        await page.keyboard.press("Enter")
        await page.click("text=I have it")
        assert "It is yours now" in await page.inner_text("[role=status]")
