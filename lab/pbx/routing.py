"""Where a number leads: the main number's dial plan, a user by name or extension, a conference
room.

    8000            the main number
    *45, *46        an agent logs in, and out
    6100, 6101 ...  users in their order, or their names
    8600 to 8699    conference rooms
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lab.pbx import feature_codes, ivr, sip_messages, tones
from lab.pbx.g711 import SILENCE, recording
from lab.pbx.incoming import IncomingLeg
from lab.pbx.switchboard import Callee, Party, Switchboard
from lab.pbx.talk import Talk
from lab.pbx.until_first import until_first

# Beside the rooms at 8600 and the main number at 8000, so that no number means two things.
FIRST_EXTENSION = 6100
# As long as an agent of the queue rings.
RING_SECONDS = 15.0


def is_room(number: str) -> bool:
    """8600 to 8699."""
    return len(number) == 4 and number.isdigit() and number.startswith("86")


def is_special(number: str) -> bool:
    """Whether a number is a room's, or a feature code."""
    return is_room(number) or feature_codes.is_feature(number)


def user_of(number: str, users: Sequence[str]) -> str | None:
    """The user whom a number, or a name, reaches."""
    if number in users:
        return number
    index = int(number) - FIRST_EXTENSION if number.isdecimal() and len(number) == 4 else -1
    return users[index] if 0 <= index < len(users) else None


async def attend(exchange: Switchboard, leg: IncomingLeg) -> None:
    """Take a call to where its number leads. Cancelled when the call ends."""
    exchange.record(leg)
    if leg.number == ivr.MAIN_NUMBER:
        await ivr.attend(exchange, leg)
    elif feature_codes.is_feature(leg.number):
        await feature_codes.attend(exchange, leg)
    elif is_room(leg.number):
        leg.answer()
        exchange.join(leg.number, leg)
        await leg.ended.wait()
    else:
        await _connect(exchange, leg)


async def _connect(exchange: Switchboard, leg: IncomingLeg) -> None:
    """Ring a user, and let both talk."""
    leg.ring()
    target = await reach(exchange, leg.number, [leg])
    if target is None:
        leg.refuse(480, sip_messages.reason(18, "No user responding"))
        return
    leg.answer()
    Talk(exchange, leg, target)
    await leg.ended.wait()


async def reach(
    exchange: Switchboard, number: str, callers: Sequence[Party], caller_id: str = ""
) -> Callee | None:
    """Ring a user on behalf of others; their leg once answered, None when it was not, or nobody
    waits any more.
    """
    user = user_of(number, exchange.registrar.users())
    # Of several phones of one user the one that registered last is where he is now.
    binding = next(reversed(exchange.registrar.registered(user)), None) if user else None
    if binding is None:
        return None
    shown = caller_id or (callers[0].party if callers else ivr.MAIN_NUMBER)
    leg = await exchange.leg_to(binding, shown)
    leg.call(callers[0].stream.law if callers else "PCMA")
    try:
        await until_first(
            leg.answered.wait(),
            leg.ended.wait(),
            asyncio.sleep(RING_SECONDS),
            *(caller.ended.wait() for caller in callers[:1]),
        )
    finally:
        if not leg.answered.is_set():
            leg.cancel()
    return leg if leg.answered.is_set() else None


async def originate(exchange: Switchboard, agent: str, customer: str) -> None:
    """Click to call: ring the agent, then the customer, and let them talk."""
    first = await reach(exchange, agent, []) if agent else None
    if agent and first is None:
        return
    if first:
        first.loop(tones.ringback(first.stream.law))
    second = await reach(exchange, customer, [first] if first else [], ivr.MAIN_NUMBER)
    if second is None:
        if first:
            first.hang_up(
                "the customer did not answer", sip_messages.reason(19, "No answer from user")
            )
    elif exchange.faults.broken("dialer-silent"):
        # Both hear an open line: whoever calls them must notice it by ear.
        for leg in (first, second):
            if leg:
                leg.loop((SILENCE[leg.stream.law],) * 50)
    elif first:
        Talk(exchange, first, second)
    else:
        exchange.start(_announce(exchange, second))


async def _announce(exchange: Switchboard, leg: Party) -> None:
    """Play the announcement of a campaign that has no agent, and hang up."""
    await leg.play(recording(exchange.prompts / "opening-hours.wav", leg.stream.law))
    leg.hang_up("the announcement is through", sip_messages.reason(16, "Normal call clearing"))
