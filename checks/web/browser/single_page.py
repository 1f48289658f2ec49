"""A job of one order, told to its end. Only in the browser's process.

ready · the stages · pictures and the console when one failed · failed · done. It lives as long as
somebody listens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from checks.contract import CannotTell
from checks.process.channel import Channel
from checks.web.browser.chromium import Chromium
from checks.web.browser.mask import Mask
from checks.web.browser.parts import FailedStage, Parts
from checks.web.browser.tab import Tab

Order = dict[str, Any]
Work = Callable[[Tab, Parts, Order], Awaitable[None]]
# The order follows the socket at once; a daemon that was stopped between the two is as good as
# dead.
_ORDER_SECONDS = 10.0


async def perform(chromium: Chromium, channel: Channel, work: Work) -> None:
    """Take the order, do the work in a tab of its own, and tell. Raises CannotTell, Stuck."""
    order = await _order_of(channel)
    await _unless_gone(channel, _perform(chromium, channel, order, work))


async def _perform(chromium: Chromium, channel: Channel, order: Order, work: Work) -> None:
    mask = Mask(order.get("secrets", ()))

    def tell(event: str, at: float | None = None, **facts: Any) -> None:
        channel.tell(
            event,
            at,
            **{
                name: mask.hidden(one) if isinstance(one, str) else one
                for name, one in facts.items()
            },
        )

    parts = Parts(tell)
    async with chromium.context(
        # Chromium takes a private authority only from the host's own store; the chain was proven
        # before, in certificate_check.py. One language, so that the texts of a step fit wherever
        # the monitor runs.
        ignore_https_errors=bool(order.get("authorities")),
        locale="en-US",
    ) as context:
        tab = await Tab.open(context, mask, order)
        tell("ready")
        began = time.monotonic()
        try:
            await tab.watched(work(tab, parts, order))
            tab.measure(tell)
            tell("measure", name="total_seconds", value=time.monotonic() - began)
        except FailedStage as failed:
            # A frozen browser times out on everything: that must not become a fault of the portal.
            await chromium.prove_alive()
            tab.measure(tell)
            await tab.keep_evidence(tell)
            fault = failed.fault
            tell(
                "failed", stage=failed.stage, code=fault.code, text=fault.text, origin=fault.origin
            )
    tell("done")


async def _order_of(channel: Channel) -> Order:
    """The first line of a job. Raises CannotTell."""
    deadline = time.monotonic() + _ORDER_SECONDS
    while not channel.gone and time.monotonic() < deadline:
        for order in channel.commands():
            return order
        await asyncio.sleep(0.01)
    raise CannotTell("no order came")


async def _unless_gone(channel: Channel, work: Awaitable[None]) -> None:
    """Do it as long as somebody is there to be told."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def look() -> None:
        list(channel.commands())
        if channel.gone:
            loop.remove_reader(channel.fileno())
            task.cancel()

    loop.add_reader(channel.fileno(), look)
    try:
        await asyncio.wait({task})
        if not task.cancelled() and (problem := task.exception()):
            raise problem
    finally:
        task.cancel()
        await asyncio.wait({task})
        loop.remove_reader(channel.fileno())
