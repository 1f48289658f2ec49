"""An agent who must log in before the queue rings: a feature code is dialled, then the personal
number (PIN); after the test another code logs out, however the test went.

    us, as the agent                          far end
    INVITE sip:*45@... --------------------->         stage log-in (and log-out)
    <------------------------- 200 OK, a prompt
    the PIN, and # (DTMF) ------------------>
    <------------------- "you are logged in" (where `hear` says so), BYE

stage log-in, log-out: sip:NNN, timeout, unreachable, not-taken (the awaited prompt did not come),
no-telephone-event

The PIN is a secret: it is masked in ladders and events, and such a call leaves no recording.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call.leg import Event, Phone
from checks.telephony.call.legs import Legs
from checks.telephony.call.line_login import PROMPT_SECONDS, SETTLE_SECONDS, LogIn

# The phone answers within milliseconds; on a machine that is busy its process may wait for a CPU.
_DECIDE_SECONDS = 10.0
MEASURES: Mapping[str, str] = {
    "log_in_seconds": "dialling the log-in code until the agent was logged in",
    "log_out_seconds": "dialling the log-out code until that call was over",
}


@asynccontextmanager
async def logged_in(trace: Trace, parties: Legs, dtmf: str) -> AsyncIterator[None]:
    """Around the test: the agent is logged in where its line asks for it, and out again. Raises
    Failed, CannotTell.
    """
    account = parties.accounts.get("agent")
    settings = account.line.log_in if account else None
    if settings is None:
        yield
        return
    pressed = _pressed(settings)
    with trace.stage("log-in"):
        await _dial(trace, parties, "log-in", settings, settings.to, pressed, dtmf)
    try:
        yield
    # Whoever breaks off the test must not stay logged in: the queue would ring a phone that is
    # gone.
    except BaseException as problem:
        # A cancelled attempt has no time left to dial.
        if isinstance(problem, Failed | CannotTell) and settings.out:
            try:
                await _dial(trace, parties, "log-out", settings, settings.out, "", dtmf)
            except (Failed, CannotTell) as further:
                trace.note(f"the agent could not be logged out again: {further}")
        raise
    if settings.out:
        with trace.stage("log-out"):
            await _dial(trace, parties, "log-out", settings, settings.out, "", dtmf)


def _pressed(settings: LogIn) -> str:
    """The digits to press. Raises CannotTell when the secret is missing, or is no number."""
    # Without a personal number the code alone logs in.
    if settings.pin is None:
        return ""
    try:
        pin = settings.pin.reveal().strip()
    except LookupError as problem:
        raise CannotTell(f"the agent's personal number: {problem}") from None
    # Many platforms block an account after a few wrong numbers: what is not of digits is not
    # dialled.
    if not pin or not set(pin) <= set("0123456789*#ABCD"):
        raise CannotTell(f"the agent's personal number ({settings.pin.where()}) is not of digits")
    return pin + settings.end


async def _dial(
    trace: Trace, parties: Legs, name: str, settings: LogIn, number: str, pressed: str, dtmf: str
) -> None:
    """Place one call to a feature code. Raises Failed, CannotTell."""
    try:
        phone = await parties.add(name, like="agent", secretive=True)
        phone.order("call", to=parties.accounts[name].callee(number), headers={})
        await _answered(phone, number, settings.within)
        # Whether the number was taken is heard, where `hear` names the announcement; else the far
        # end has the time to hang up.
        if pressed:
            await _press(phone, pressed, dtmf)
        if pressed and settings.hear:
            await _hear(trace, phone, settings.hear, settings.within)
        else:
            await _over(phone)
    finally:
        await parties.drop(name)
        trace.exhibit(f"{name}-ladder.txt", "text/plain")


async def _answered(phone: Phone, number: str, within: float) -> None:
    try:
        await phone.until("answered", within=within)
        # Digits before there is media would be lost: RFC 4733 events travel in RTP.
        await phone.until("media", within=within)
    except TimeoutError:
        raise Failed("timeout", f"{number} did not answer within {within:g} s") from None


async def _press(phone: Phone, digits: str, dtmf: str) -> None:
    phone.order("press", digits=digits, method=dtmf)
    done = await _told(phone, "pressed", "press-failed", within=_DECIDE_SECONDS)
    if done.name == "press-failed":
        raise Failed("no-telephone-event", f"DTMF cannot be sent in this call: {done['text']}")


async def _hear(trace: Trace, phone: Phone, prompt: Path, within: float) -> None:
    """The recording must be heard; a far end that hangs up before it did not take the number."""
    phone.order(
        "listen", step=1, reference=str(prompt), references=[str(prompt)], within=within, others=[]
    )
    try:
        found = await _told(
            phone, "heard", "not-heard", within=within + PROMPT_SECONDS + _DECIDE_SECONDS
        )
    # A hang-up before the awaited announcement is how many PBXs refuse a number.
    except Failed as ended:
        raise Failed("not-taken", f"{prompt.name} was awaited; {ended.text}") from ended
    if found.name == "not-heard":
        raise Failed("not-taken", f"{prompt.name} was awaited: {found['code']}, {found['text']}")
    trace.note(f"heard {found['reference']}: {found['coverage']:.0%} covered")


async def _over(phone: Phone) -> None:
    """Give the far end the time to take it in, and to hang up."""
    try:
        await phone.until("far-bye", within=SETTLE_SECONDS)
    except TimeoutError:
        return


async def _told(phone: Phone, *names: str, within: float) -> Event:
    try:
        return await phone.until(*names, within=within)
    except TimeoutError:
        raise CannotTell("engine error: the phone's process did not answer in time") from None
