"""REGISTER, awaited: whoever calls over a line with a user has it known to its registrar first, and
names a refusal as a refused call is named.

Faults: sip:NNN as the registrar said it; timeout, unreachable where nobody answered.
"""

from __future__ import annotations

from checks.contract import Failed
from checks.telephony.call.leg import Event, Phone, refusal
from checks.telephony.call.line import Line


async def registered(phone: Phone, line: Line, within: float) -> None:
    """Have a phone's line known to its registrar, where it registers. Raises Failed, CannotTell."""
    if line.registers:
        phone.order("register")
        await answered(phone, within)


async def answered(phone: Phone, within: float) -> None:
    """Await the answer to a REGISTER, in seconds. Raises Failed, CannotTell."""
    try:
        told = await phone.until("registered", "registration-failed", within=within)
    except TimeoutError:
        raise Failed("timeout", f"no response to REGISTER within {within:g} s") from None
    if told.name == "registration-failed":
        raise refused(told)


def refused(told: Event) -> Failed:
    """What an event `registration-failed` says, as a fault. Raises CannotTell."""
    # A call's refusal is read with its Reason headers; the event of a registration has none.
    return refusal(Event("refused", told.at, {**told.facts, "reasons": []}))
