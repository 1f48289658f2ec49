"""A softphone's call in the shared browser, under remote control: the same commands and events as
of a softphone in a process of its own (checks/webrtc/softphone.py). Only in the browser's process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import psutil

from checks.contract import CannotTell
from checks.process.channel import Channel
from checks.transport.stages import Stages
from checks.web.browser.chromium import Chromium, Stuck
from checks.webrtc.browser.station import BrowserStation
from checks.webrtc.softphone import Softphone

# A page that does not close in this time belongs to a browser that hangs.
_CLOSED_SECONDS = 20.0


async def run(chromium: Chromium, channel: Channel) -> None:
    """Hold one call for the daemon at the other end of `channel`. Raises Stuck."""
    await BrowserSoftphone(channel, chromium).run()


class BrowserSoftphone(Softphone):
    """Obeys the commands and tells what happens; the process is not its own."""

    def __init__(self, channel: Channel, chromium: Chromium) -> None:
        super().__init__(channel)
        self._chromium = chromium
        self._opening: asyncio.Task[None] | None = None
        self._proving: asyncio.Task[None] | None = None
        self._stuck: Stuck | None = None

    def _live_alone(self) -> None:
        """A job has no signals and no timers of its own: the browser's process has them."""

    def _carriers(self) -> Iterable[int]:
        """Its loop, and the browser with all its processes."""
        ours = psutil.Process()
        return [ours.pid, *(child.pid for child in ours.children(recursive=True))]

    def _show_life(self) -> None:
        """The browser's process shows its life for all of its jobs."""

    def _begin(self, command: dict[str, Any]) -> None:
        stages = Stages(self._tell_if_alive, command["within"])
        station = BrowserStation(self._channel.tell, stages, command, self._pulse, self._chromium)
        self._station = station
        self._opening = asyncio.create_task(self._open_page(station))

    def _tell_if_alive(self, event: str, at: float | None = None, **facts: Any) -> None:
        """A stage that failed is told once the browser has shown that it lives."""
        # A browser that hangs fails any stage: before a fault is told it must answer once.
        if event == "failed":
            self._proving = asyncio.create_task(
                self._prove(time.monotonic() if at is None else at, facts)
            )
        else:
            self._channel.tell(event, at, **facts)

    async def _prove(self, at: float, facts: dict[str, Any]) -> None:
        try:
            await self._chromium.prove_alive()
        except Stuck as stuck:
            self._stuck = stuck
            self._broke(CannotTell(f"the browser is stuck: {stuck}"))
            self._leave_within(0.0)
            return
        self._channel.tell("failed", at, **facts)

    async def _open_page(self, station: BrowserStation) -> None:
        try:
            await station.open()
        except (CannotTell, Stuck) as problem:
            self._broke(CannotTell(str(problem)))
            self._leave_within(0.0)
            return
        self._channel.tell("ready")

    async def _leave(self, within: float) -> None:
        # A page that is still opening cannot be closed.
        if self._opening is not None:
            await asyncio.wait({self._opening}, timeout=_CLOSED_SECONDS)
        if self._proving is not None:
            await asyncio.wait({self._proving})
        await super()._leave(within)
        # The whole process is ended by whoever holds it.
        if self._stuck is not None:
            raise self._stuck
