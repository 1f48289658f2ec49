"""The dial plan of the main number, as data; and the few lines that walk it.

    8000 → 180 → 200 → welcome.wav → menu.wav (3 times) ─ 1 → please-hold.wav → queue
                                                        ├ 2 → opening-hours.wav → BYE
                                                        └ nothing → no-entry.wav → BYE
Keys count as soon as the welcome plays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.pbx import sip_messages, troubles
from lab.pbx.g711 import SILENCE, recording
from lab.pbx.incoming import IncomingLeg
from lab.pbx.rtp import FRAME_SECONDS
from lab.pbx.switchboard import Switchboard

MAIN_NUMBER = "8000"
# Long enough that 180 is seen before 200, short enough for the tests.
RING_SECONDS = 0.4
# Beyond the `answer_seconds <= 4` of lab/templates/calls.toml, below its `answer_within = "12s"`.
LATE_RING_SECONDS = 7.0
# Within the welcome, which lasts for about three seconds.
EARLY_HANG_UP_SECONDS = 1.0

# Where the plan ends: names that no step of it has.
QUEUE, HANG_UP = "queue", "hang-up"


@dataclass(frozen=True, slots=True)
class Step:
    """Say something, perhaps again, and listen for keys meanwhile."""

    says: str
    # The step that follows when no key came.
    then: str
    # Key -> the step that it leads to.
    keys: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    # After each time, still listening.
    pause_seconds: float = 0.0


MENU = {"1": "hold", "2": "hours"}
PLAN: dict[str, Step] = {
    "welcome": Step("welcome.wav", then="menu", keys=MENU),
    "menu": Step("menu.wav", then="no-entry", keys=MENU, times=3, pause_seconds=1.0),
    "no-entry": Step("no-entry.wav", then=HANG_UP),
    "hold": Step("please-hold.wav", then=QUEUE),
    "hours": Step("opening-hours.wav", then=HANG_UP),
}


async def attend(exchange: Switchboard, leg: IncomingLeg) -> None:
    """Take one call through the plan. Cancelled when the call ends."""
    leg.ring()
    await asyncio.sleep(
        LATE_RING_SECONDS if exchange.faults.broken("answers-late") else RING_SECONDS
    )
    await exchange.faults.until("rings-for-ever", broken=False)
    leg.answer()
    guard = asyncio.create_task(_hang_up_early(exchange, leg))
    try:
        if other := troubles.instead(exchange.faults, leg.stream.law, exchange.prompts):
            await leg.play(other)
            return
        name = "welcome"
        while name in PLAN:
            name = await _walk(exchange, leg, name)
        if name == QUEUE:
            await exchange.queue.serve(leg)
    finally:
        guard.cancel()


async def _hang_up_early(exchange: Switchboard, leg: IncomingLeg) -> None:
    await exchange.faults.until("early-hang-up", broken=True)
    await asyncio.sleep(EARLY_HANG_UP_SECONDS)
    leg.hang_up("early hang-up", sip_messages.reason(41, "Temporary failure"))


async def _walk(exchange: Switchboard, leg: IncomingLeg, name: str) -> str:
    """One step; returns the next one's name."""
    step = PLAN[name]
    saying = asyncio.create_task(_say(exchange, leg, step))
    listening = asyncio.create_task(_listen(exchange, leg, step.keys))
    try:
        await asyncio.wait({saying, listening}, return_when=asyncio.FIRST_COMPLETED)
        return listening.result() if listening.done() else step.then
    finally:
        leg.stream.play(None)
        for task in (saying, listening):
            task.cancel()
        await asyncio.gather(saying, listening, return_exceptions=True)


async def _say(exchange: Switchboard, leg: IncomingLeg, step: Step) -> None:
    for _ in range(step.times):
        swapped = step.says == "welcome.wav" and exchange.faults.broken("wrong-prompt")
        says = "wrong-announcement.wav" if swapped else step.says
        await leg.play(recording(exchange.prompts / says, leg.stream.law))
        await leg.play((SILENCE[leg.stream.law],) * round(step.pause_seconds / FRAME_SECONDS))


async def _listen(exchange: Switchboard, leg: IncomingLeg, keys: Mapping[str, str]) -> str:
    """Wait for a key that means something here."""
    while True:
        key = await leg.keys.get()
        if key in keys and not exchange.faults.broken("dtmf-ignored"):
            return keys[key]
