"""Orders to a phone whose answer is awaited: what our own engine does not do is no fault of the far
end.
"""

from __future__ import annotations

from checks.contract import CannotTell, Failed
from checks.telephony.call.feature_steps import DECIDE_SECONDS
from checks.telephony.call.leg import Event, Phone


async def in_time(
    phone: Phone, *names: str, within: float = DECIDE_SECONDS, since: int = 0, **facts: object
) -> Event:
    """A phone that does not answer an order is an engine error, not a fault of the far end."""
    try:
        return await phone.until(*names, within=within, since=since, **facts)
    except TimeoutError:
        raise CannotTell("engine error: the phone's process did not answer in time") from None


async def stand(phone: Phone, seconds: float) -> None:
    """Let a call stand; raises what ends it."""
    try:
        # until raises what ends the call; no event is called "never".
        await phone.until("never", within=seconds)
    except TimeoutError:
        return


async def press(phone: Phone, digits: str, method: str) -> None:
    """Send DTMF. Raises Failed when the call has no way for it."""
    # An answer of an earlier order of the same name must not be taken for this one's.
    since = len(phone.events)
    phone.order("press", digits=digits, method=method)
    told = await in_time(phone, "pressed", "press-failed", "no-media", since=since)
    if told.name != "pressed":
        raise Failed(
            "no-telephone-event",
            f"DTMF cannot be sent in this call: {told.facts.get('text', 'no media')}",
        )


async def change(phone: Phone, what: str, done: str, within: float) -> Event:
    """Have a re-INVITE sent and accepted. Raises Failed."""
    since = len(phone.events)
    phone.order("control", what=what)
    try:
        # RFC 3261 section 14: a re-INVITE that is refused leaves the call as it was.
        told = await phone.until(
            done, "change-refused", "control-failed", "no-call", within=within, since=since
        )
    except TimeoutError:
        raise Failed(
            "timeout", f"the re-INVITE to {what} was not answered within {within:g} s"
        ) from None
    if told.name == "change-refused":
        raise Failed(f"sip:{told['code']}", f"{told['phrase']} (re-INVITE to {what})")
    if told.name != done:
        raise CannotTell(f"engine error: {what}: {told.facts.get('text', told.name)}")
    return told
