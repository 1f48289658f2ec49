"""A visitor's chat: page, widget, socket, a message, its answer. Only in the browser's process.

stage     fault codes, beside those of the network (parts.py) and timeout
page      http:NNN
widget    not-found: no widget, or nowhere to write
socket    no-socket: none was opened; refused; closed: it was opened and does not stay
send      not-found: no button
answer    timeout; closed: the socket went meanwhile
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from playwright.async_api import Locator, expect

from checks.contract import Failed
from checks.process.channel import Channel
from checks.web.browser import locators, single_page
from checks.web.browser.certificate_check import prove_certificate
from checks.web.browser.chromium import Chromium
from checks.web.browser.page_opening import open_page
from checks.web.browser.parts import Parts, page_faults
from checks.web.browser.tab import Tab

# A proxy that does not know WebSockets lets the upgrade through and closes at once: open for an
# instant is not open.
_STAYS_SECONDS = 0.5
# The error of the measured answer time; each look is a round trip to the browser.
_LOOK_SECONDS = 0.1
_COUNT = "(body, words) => body.innerText.split(words).length - 1"


async def run(chromium: Chromium, channel: Channel) -> None:
    """Make the visit. Raises CannotTell, Stuck."""
    await single_page.perform(chromium, channel, _chat)


async def _chat(tab: Tab, parts: Parts, order: Mapping[str, Any]) -> None:
    within = float(order["step_within"])
    if order["authorities"]:
        async with parts.part("tls", within):
            await prove_certificate(order["url"], order["authorities"])
    tab.stage = "page"
    async with parts.part("page", within, late="the page does not load"):
        await open_page(tab, order["url"], order["authorities"], within * 1000)
    tab.stage = "widget"
    async with parts.part("widget", within + 2):
        field = await _widget(tab, order, within * 1000)
    if order["socket"]:
        async with parts.part("socket", within + 2):
            await _socket(tab, within)
    await _talk(tab, parts, order, field)


async def _widget(tab: Tab, order: Mapping[str, Any], patience_ms: float) -> Locator:
    """Open the widget, and find where to write. Raises Failed."""
    outside, inside = tab.root(order["button_frame"]), tab.root(order["frame"])
    opened = False
    try:
        with page_faults():
            if order["open"]:
                await locators.control(outside, order["open"]).click(timeout=patience_ms)
                opened = True
            field = locators.field(inside, order["field"])
            await field.wait_for(state="visible", timeout=patience_ms)
            return field
    except TimeoutError:
        name = order["field"] if opened or not order["open"] else order["open"]
        raise Failed("not-found", f"{name!r} is not there") from None


async def _socket(tab: Tab, within: float) -> None:
    """Wait for an open socket that is still open a moment later. Raises Failed."""
    sockets = tab.sockets
    try:
        async with asyncio.timeout(within):
            await tab.until(lambda: sockets.opened)
            await asyncio.sleep(_STAYS_SECONDS)
            await tab.until(lambda: sockets.open > 0)
    except TimeoutError:
        if not sockets.connecting:
            raise Failed("no-socket", "the widget opens no WebSocket") from None
        if not sockets.opened:
            code = "refused" if sockets.closed else "timeout"
            raise Failed(code, f"none of {sockets.connecting} WebSockets was let in") from None
        raise Failed(
            "closed", f"the WebSocket does not stay open (code {sockets.last_close})"
        ) from None


async def _talk(tab: Tab, parts: Parts, order: Mapping[str, Any], field: Locator) -> None:
    message, answer = order["message"], order["answer"]
    within, body = float(order["step_within"]), tab.root(order["frame"]).locator("body")
    tab.stage = "send"
    async with parts.part("send", within + 2):
        # The greeting of the widget may hold the same words: only one more than before is an
        # answer.
        before = int(await body.evaluate(_COUNT, answer))
        await field.fill(message, timeout=within * 1000)
        if order["send"]:
            await _press(tab, order, within * 1000)
        else:
            await field.press("Enter", timeout=within * 1000)
        # A widget that took the message empties its field; one whose socket is gone often keeps it
        # there.
        await expect(field).not_to_have_value(message, timeout=within * 1000)
    tab.stage = "answer"
    waited = float(order["answer_within"])
    async with parts.part(
        "answer", waited, late=f"{answer!r} did not come within {waited:g} s"
    ) as facts:
        while int(await body.evaluate(_COUNT, answer)) <= before:
            if order["socket"] and tab.sockets.open <= 0:
                raise Failed(
                    "closed",
                    f"the WebSocket went (code {tab.sockets.last_close}) before the answer came",
                )
            await asyncio.sleep(_LOOK_SECONDS)
        facts["answered"] = True


async def _press(tab: Tab, order: Mapping[str, Any], patience_ms: float) -> None:
    try:
        with page_faults():
            await locators.control(tab.root(order["frame"]), order["send"]).click(
                timeout=patience_ms
            )
    except TimeoutError:
        raise Failed("not-found", f"{order['send']!r} is not there") from None
