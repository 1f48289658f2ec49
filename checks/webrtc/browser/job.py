"""A softphone's call in the shared browser, under remote control: the same commands and events as of a softphone in a
process of its own (checks/webrtc/softphone.py). Only in the browser's process.
"""

from __future__ import annotations

import asyncio
from typing import Any

from checks.contract import CannotTell
from checks.telephony.channel import Channel
from checks.web.browser.chromium import Chromium, Stuck
from checks.webrtc.browser.station import BrowserStation
from checks.webrtc.softphone import Softphone
from checks.webrtc.stages import Stages

_CLOSED_SECONDS = 20.0


async def run(chromium: Chromium, channel: Channel) -> None:
    """Hold it. Raises Stuck."""
    await BrowserSoftphone(channel, chromium).run()


class BrowserSoftphone(Softphone):
    """Obeys the commands and tells what happens; the process is not its own."""

    def __init__(self, channel: Channel, chromium: Chromium) -> None:
        super().__init__(channel)
        self._chromium = chromium
        self._opening: asyncio.Task[None] | None = None

    def _live_alone(self) -> None:
        """It does not."""

    def _show_life(self) -> None:
        """The process does."""

    def _begin(self, command: dict[str, Any]) -> None:
        station = BrowserStation(
            self._channel.tell, Stages(self._channel.tell, command["within"]), command, self._chromium
        )
        self._station = station
        self._opening = asyncio.create_task(self._open_page(station))

    async def _open_page(self, station: BrowserStation) -> None:
        try:
            await station.open()
        except (CannotTell, Stuck) as problem:
            self._broke(CannotTell(str(problem)))
            self._leave_within(0.0)
            return
        self._channel.tell("ready")

    async def _leave(self, within: float) -> None:
        if self._opening is not None:
            await asyncio.wait({self._opening}, timeout=_CLOSED_SECONDS)
        await super()._leave(within)
