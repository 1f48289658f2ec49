"""Chromium by Playwright, launched when it is first needed and again when it was lost. Only in the
browser's process.

Rules: no browser is ever downloaded; what a context leaves behind is closed with it, and a browser
that cannot do even that is stuck: then this process ends, and with it everything that it started. A
browser grows old: after so many contexts the next free moment gets a new one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, Error, Playwright, async_playwright

from checks.contract import CannotTell

# A cold start from a disk that a backup keeps busy takes some ten seconds; what is not there after
# 45 s never comes.
_LAUNCH_SECONDS = 45.0
# Closing a context ends its pages with their beforeunload and service workers; a healthy one is
# gone in well under a second.
_CLOSE_SECONDS = 8.0
_ANSWER_SECONDS = 5.0
# Chromium's own process grows by what each context leaves in its caches; at one journey every five
# minutes this is a new browser about every second day.
_OLD_CONTEXTS = 500
# Nothing that a first start, an update or a synchronisation would send may stand in the figures;
# QUIC is off so that a page is loaded over the TCP that the other checks look at; the fake devices
# give a softphone a microphone on a host that has none.
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)


class Stuck(Exception):
    """The browser does not even close a context: nothing helps but to end it all."""


class Chromium:
    """One browser program, launched when it is first needed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._launching = asyncio.Lock()
        self._made, self._open, self._frozen = 0, 0, False

    @asynccontextmanager
    async def context(self, **options: Any) -> AsyncIterator[BrowserContext]:
        """A context of one's own. Raises CannotTell, Stuck."""
        browser = await self._ready()
        self._made, self._open = self._made + 1, self._open + 1
        try:
            try:
                async with asyncio.timeout(_LAUNCH_SECONDS):
                    context = await browser.new_context(accept_downloads=False, **options)
            except (Error, TimeoutError) as problem:
                raise CannotTell(f"the browser gives no context: {_first_line(problem)}") from None
            try:
                yield context
            finally:
                await self._close(browser, context)
        finally:
            self._open -= 1

    async def prove_alive(self) -> None:
        """Ask the browser for its version: a frozen one has seen nothing. Raises Stuck."""
        if self._browser is None:
            raise Stuck("it is gone")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                session = await self._browser.new_browser_cdp_session()
                await session.send("Browser.getVersion")
                await session.detach()
        except (Error, TimeoutError):
            self._frozen = True
            raise Stuck("it does not answer") from None

    async def close(self) -> None:
        """Close the browser and its driver. Raises Stuck."""
        browser, playwright = self._browser, self._playwright
        self._browser = self._playwright = None
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                # A browser that crashed has no connection any more, and close() would wait for its
                # answer.
                if browser is not None and browser.is_connected():
                    await browser.close()
                if playwright is not None:
                    await playwright.stop()
        except (Error, TimeoutError) as problem:
            raise Stuck(_first_line(problem)) from None

    async def _close(self, browser: Browser, context: BrowserContext) -> None:
        if self._frozen:
            raise Stuck("it does not answer")
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await context.close()
        except Error:
            if browser.is_connected():
                raise Stuck("a context cannot be closed") from None
        except TimeoutError:
            raise Stuck("a context does not close") from None

    async def _ready(self) -> Browser:
        async with self._launching:
            if self._browser is not None and self._made >= _OLD_CONTEXTS and not self._open:
                await self.close()
            if self._browser is None or not self._browser.is_connected():
                self._browser, self._made = await self._launch(), 0
            return self._browser

    async def _launch(self) -> Browser:
        """Start it, with its sandbox where that works. Raises CannotTell."""
        complaint = ""
        # Chromium refuses its sandbox as root, and it cannot start one in a unit or a container
        # that allows no user namespaces (RestrictNamespaces=, seccomp of Docker).
        for sandboxed in (True, False) if os.geteuid() else (False,):
            try:
                async with asyncio.timeout(_LAUNCH_SECONDS):
                    if self._playwright is None:
                        self._playwright = await async_playwright().start()
                    return await self._playwright.chromium.launch(
                        executable_path=self._path,
                        headless=True,
                        chromium_sandbox=sandboxed,
                        args=list(_FLAGS),
                    )
            except (Error, TimeoutError, OSError) as problem:
                complaint = _first_line(problem)
        raise CannotTell(f"the browser {self._path} does not start: {complaint}")


def _first_line(problem: BaseException) -> str:
    text = str(problem).strip() or type(problem).__name__
    return text.splitlines()[0][:300]
