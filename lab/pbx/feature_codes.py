"""Feature codes: an agent who must log in dials *45, then the personal number (PIN) and #; *46 logs
out.

Only agents with a PIN must: the queue rings them once they are logged in. What is said tells how it
went.
"""

from __future__ import annotations

import asyncio
import contextlib

from lab.pbx import sip_messages
from lab.pbx.g711 import recording
from lab.pbx.incoming import IncomingLeg
from lab.pbx.switchboard import Switchboard

# A star in front, as ITU-T E.131 has it for services: no extension and no room begins so.
LOG_IN, LOG_OUT = "*45", "*46"
END = "#"
# From the announcement's begin, which itself takes four; who is silent for so long has hung up or
# gone astray.
PATIENCE_SECONDS = 10.0


def is_feature(number: str) -> bool:
    """Whether a number is a feature code."""
    return number in (LOG_IN, LOG_OUT)


async def attend(exchange: Switchboard, leg: IncomingLeg) -> None:
    """Take one call to a feature code. Cancelled when it ends."""
    leg.answer()
    if leg.number == LOG_OUT:
        exchange.queue.logged_in.discard(leg.party)
        says = "logged-out"
    else:
        says = await _log_in(exchange, leg)
    await leg.play(recording(exchange.prompts / f"{says}.wav", leg.stream.law))
    leg.hang_up("the feature code is through", sip_messages.reason(16, "Normal call clearing"))


async def _log_in(exchange: Switchboard, leg: IncomingLeg) -> str:
    """Ask for the PIN; returns what to say to it."""
    asking = asyncio.create_task(
        leg.play(recording(exchange.prompts / "enter-pin.wav", leg.stream.law))
    )
    given = ""
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (key := await leg.keys.get()) != END:
                    given += key
    finally:
        # Whoever knows the way types before the announcement is through.
        leg.stream.play(None)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    if given and exchange.queue.pins.get(leg.party) == given:
        exchange.queue.logged_in.add(leg.party)
        return "logged-in"
    return "wrong-pin"
