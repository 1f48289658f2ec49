"""A journey through a portal, a step at a time. Only in the browser's process.

step                      fault codes, beside those of the network (parts.py) and timeout
open                      http:NNN
fill, click               not-found; fill of a secret: redirects
see                       not-seen
not-see                   seen
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import urljoin

from playwright.async_api import expect

from checks.contract import Failed
from checks.process.channel import Channel
from checks.web.browser import locators, single_page
from checks.web.browser.certificate_check import prove_certificate
from checks.web.browser.chromium import Chromium
from checks.web.browser.page_opening import open_page
from checks.web.browser.parts import Parts, page_faults
from checks.web.browser.tab import Tab

Step = Mapping[str, Any]
# Playwright's own time limit has to be the one that ends a step; ours comes a little later, and is
# for a driver that does not answer at all.
_MARGIN_SECONDS = 5.0


async def run(chromium: Chromium, channel: Channel) -> None:
    """Make the journey. Raises CannotTell, Stuck."""
    await single_page.perform(chromium, channel, _travel)


async def _travel(tab: Tab, parts: Parts, order: Mapping[str, Any]) -> None:
    numbered = list(enumerate(order["steps"], 1))
    if order["authorities"]:
        async with parts.part("tls", order["step_within"]):
            await prove_certificate(order["url"], order["authorities"])
    # groupby joins only neighbours: a stage name that comes again later in the journey is timed as
    # a part of its own.
    for stage, steps in groupby(numbered, key=lambda one: one[1]["stage"]):
        listed, tab.stage = list(steps), str(stage)
        within = sum(step["within"] for _, step in listed) + _MARGIN_SECONDS
        async with parts.part(str(stage), within):
            for number, step in listed:
                await _take(tab, order, number, step)


async def _take(tab: Tab, order: Mapping[str, Any], number: int, step: Step) -> None:
    verb, what, within = step["verb"], step["what"], float(step["within"])
    late = {
        "open": "timeout",
        "fill": "not-found",
        "click": "not-found",
        "see": "not-seen",
        "not-see": "seen",
    }
    said = {
        "not-found": "is not there",
        "not-seen": "is not seen",
        "seen": "is still seen",
        "timeout": "does not load",
    }
    code = late.get(verb, "timeout")
    try:
        async with asyncio.timeout(within + _MARGIN_SECONDS / 2):
            with page_faults():
                await _do(tab, order, step, within * 1000)
    except TimeoutError:
        shown = _loading(tab) if code != "timeout" else ""
        text = (
            f"step {number}: {what!r} {said.get(code, 'cannot be done')} within {within:g} s{shown}"
        )
        raise Failed(code, text) from None
    except Failed as refused:
        raise Failed(refused.code, f"step {number}: {what!r}: {refused.text}") from None


async def _do(tab: Tab, order: Mapping[str, Any], step: Step, patience_ms: float) -> None:
    what, root = step["what"], tab.root(step["frame"])
    match step["verb"]:
        case "open":
            await open_page(tab, urljoin(order["url"], what), order["authorities"], patience_ms)
        case "fill":
            await _fill(tab, root, step, order["sites"], patience_ms)
        case "click":
            await locators.control(root, what).click(timeout=patience_ms)
        case "press":
            await tab.page.keyboard.press(what)
        case "see":
            await locators.text(root, what).wait_for(state="visible", timeout=patience_ms)
        case "not-see":
            await _not_see(root, what, patience_ms)
        case "wait":
            await asyncio.sleep(float(what))
        case verb:
            raise ValueError(f"no such step: {verb}")


async def _fill(
    tab: Tab, root: locators.Root, step: Step, sites: Collection[str], patience_ms: float
) -> None:
    field = locators.field(root, step["what"])
    if step["secret"]:
        # Of the field's own page, which may be that of a frame.
        origin = await field.evaluate("field => field.ownerDocument.location.origin", None,
                                      timeout=patience_ms)  # fmt: skip
        if origin not in sites:
            raise Failed(
                "redirects",
                f"its page is of {str(origin)[:200]}, which a page led to and no step: no secret is"
                " typed there; where that is meant, name the site in `sign_in_at`",
            )
        tab.secret_fields.append(field)
    await field.fill(step["with"], timeout=patience_ms)


async def _not_see(root: locators.Root, what: str, patience_ms: float) -> None:
    """Wait until a text is gone, or make sure that it never comes for a moment."""
    try:
        await expect(locators.text(root, what)).to_be_hidden(timeout=patience_ms)
    except AssertionError:
        raise TimeoutError from None


def _loading(tab: Tab) -> str:
    """Where the journey got to, in words for a fault."""
    return f"; the page is {tab.mask.hidden(tab.page.url)[:200]}"
