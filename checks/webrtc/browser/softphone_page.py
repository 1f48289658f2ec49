"""The softphone's page in the browser, and what it tells. Only in the browser's process.

The page is nowhere on the net: it is handed to the browser under the origin that the edge expects,
so that it is a secure context (a microphone needs one) and the WebSocket carries the right Origin.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from playwright.async_api import BrowserContext, Error, Page, Route

from checks.contract import CannotTell
from checks.telephony.audio.sound import Samples
from checks.telephony.sip.ladder import Direction, Ladder, Message
from checks.web.browser.chromium import Chromium
from checks.web.browser.parts import meaning

_HERE = Path(__file__).parent
_FILES = {"/jssip.js": "jssip.js", "/phone.js": "phone.js"}
# The document holds both scripts and nothing else: no agent's portal is needed.
_DOCUMENT = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Softphone</title></head>'
    '<body><script src="/jssip.js"></script><script src="/phone.js"></script></body></html>'
)
# 64 kB is the most that a message over UDP could have; an edge sends no larger ones.
_LONGEST_MESSAGE = 65536
# A cold browser on a small machine opens its first page in some ten seconds.
_OPEN_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the page told: `at` in monotonic seconds."""

    name: str
    at: float
    facts: dict[str, Any]

    def __getitem__(self, fact: str) -> Any:
        return self.facts[fact]


def ear() -> str:
    """The script that hands on sound; an audio worklet is loaded from no address of ours."""
    # A worklet needs an address of its own; a text that is passed in needs none.
    return (_HERE / "ear.js").read_text(encoding="utf-8")


class SoftphonePage:
    """One page with its events. `heard` takes sound ("heard" or "said", samples)."""

    def __init__(self, page: Page, stack: AsyncExitStack, edge: str) -> None:
        self._page, self._stack, self._edge = page, stack, edge
        self.events: list[Told] = []
        self.ladder = Ladder()
        self.heard: Callable[[str, Samples], None] | None = None
        self.told: Callable[[Told], None] | None = None
        self.gone: str | None = None
        self.leaving = False
        self._news = asyncio.Event()

    @classmethod
    async def open(cls, chromium: Chromium, origin: str, edge: str, trusting: bool) -> Self:
        """Open a page of its own in a context of its own. Raises CannotTell, Stuck."""
        async with AsyncExitStack() as stack:
            context = await stack.enter_async_context(
                # A private authority is trusted by the check itself just before; the browser has
                # no store for it.
                chromium.context(ignore_https_errors=trusting)
            )
            try:
                async with asyncio.timeout(_OPEN_SECONDS):
                    page = await _opened(context, origin)
                    found = cls(page, stack.pop_all(), edge)
                    await found._begin(origin)
            except (Error, TimeoutError) as problem:
                raise CannotTell(
                    f"the softphone's page does not open: {str(problem)[:200]}"
                ) from None
        return found

    async def _begin(self, origin: str) -> None:
        self._page.on("crash", lambda _: self._lost("the softphone's page crashed"))
        self._page.on("close", lambda _: self._lost("the softphone's page is gone"))
        await self._page.expose_binding("reveilleTell", self._tell)
        # Bindings are there before the page's scripts run.
        await self._page.expose_binding("reveilleSound", self._sound)
        await self._page.goto(f"{origin}/", wait_until="load")
        await self._page.wait_for_function("window.phone !== undefined")

    async def do(self, command: str, *given: Any) -> Any:
        """Run a command in the page; returns what it returns. Raises CannotTell."""
        script = f"(given) => window.{command}(...given)"
        try:
            return await self._page.evaluate(script, list(given))
        except Error as problem:
            raise _ours(problem) from None

    def seen(self, *names: str, since: int = 0, **facts: Any) -> Told | None:
        """The first event from the `since`th on, of one of these names with these facts."""
        fits = (one for one in self.events[since:] if one.name in names)
        return next(
            (
                one
                for one in fits
                if all(one.facts.get(key) == value for key, value in facts.items())
            ),
            None,
        )

    async def until(self, *names: str, since: int = 0, **facts: Any) -> Told:
        """The event that `seen` would find, awaited. Raises CannotTell when the page is lost."""
        while (found := self.seen(*names, since=since, **facts)) is None:
            if self.gone:
                raise CannotTell(self.gone)
            # The event is cleared before the wait: what comes between is in `events` already.
            self._news.clear()
            await self._news.wait()
        return found

    async def close(self) -> None:
        """Close the page and its context. Raises Stuck."""
        self.leaving = True
        await self._stack.aclose()

    # --- what comes from the page

    async def _tell(self, _source: Any, name: str, facts: dict[str, Any]) -> None:
        told = Told(name, time.monotonic(), facts)
        if name == "sip":
            direction: Direction = "sent" if facts["sent"] else "received"
            text = str(facts["text"])[:_LONGEST_MESSAGE]
            self.ladder.add(Message(told.at, direction, f"WS {self._edge}", text))
        self.events.append(told)
        self._news.set()
        if self.told:
            self.told(told)

    async def _sound(self, _source: Any, name: str, encoded: str) -> None:
        if self.heard:
            self.heard(
                name, np.frombuffer(base64.b64decode(encoded), dtype="<i2").astype(np.float32)
            )

    def _lost(self, why: str) -> None:
        if self.leaving:
            return
        self.gone = self.gone or why
        self._news.set()
        if self.told:
            self.told(Told("gone", time.monotonic(), {"text": why}))


async def _opened(context: BrowserContext, origin: str) -> Page:
    # Without the permission getUserMedia waits for a person; local-network-access is for an edge
    # in a private network.
    await context.grant_permissions(["microphone", "local-network-access"], origin=origin)
    page = await context.new_page()
    await page.route(f"{origin}/**", _serve)
    return page


async def _serve(route: Route) -> None:
    """Answer the browser with the document or one of its scripts."""
    name = "/" + route.request.url.split("/", 3)[3].partition("?")[0]
    if name in _FILES:
        await route.fulfill(
            path=_HERE / _FILES[name], content_type="text/javascript; charset=utf-8"
        )
    elif name == "/":
        await route.fulfill(body=_DOCUMENT, content_type="text/html; charset=utf-8")
    # A browser asks for a favicon as well.
    else:
        await route.fulfill(status=404, body="")


def _ours(problem: Error) -> CannotTell:
    found = meaning(problem)
    return (
        found
        if isinstance(found, CannotTell)
        else CannotTell(f"the softphone's page failed: {problem.message[:200]}")
    )
