"""One call to a person: says what is wrong, and hears which key is pressed.

    us                                  the person's telephone
    REGISTER ------------------------>          (a line with a user)
    INVITE -------------------------->
    <--------------------- 180, 200 OK
    == what is wrong, twice ==========>
    <============ 1 or 2 ==============         an event (RFC 4733), INFO, or a tone
    == "it is yours" ================>
    BYE ----------------------------->

Rules: whoever presses nothing has not been told, since an answering machine answers too. What is
wrong with our own line says nothing of the person (`LineDown`).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call import line_security
from checks.telephony.call.announcement import seconds_of
from checks.telephony.call.leg import Event, Phone
from checks.telephony.call.legs import Legs
from checks.telephony.call.line import Line
from checks.telephony.call.registering import registered

Outcome = Literal["taken", "passed on", "not reached"]
KEYS: Mapping[str, Outcome] = {"1": "taken", "2": "passed on"}
CODECS = ("PCMA", "PCMU")
# For each exchange of SIP (RFC 3261 section 17.1.1.2: an INVITE is repeated until 3.5 s).
SIGNALLING_SECONDS = 6.0
# Sound is connected within a packet or two of the answer; a trunk may take a second.
_MEDIA_SECONDS = 4.0
# To find the key after the words.
_DECIDE_SECONDS = 5.0
ROUNDS = 2
# Over starting the process and its end: the engine takes a second to load, on a busy machine ten.
_AROUND_SECONDS = 45.0
_BUSY = ("sip:486", "sip:600")


class LineDown(Exception):
    """Nobody can be called over this line at the moment; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it, and in a person's words why: "no answer within 30 s"."""

    outcome: Outcome
    said: str


def longest_seconds(ring_seconds: float, message_seconds: float) -> float:
    """The longest that one call can take, from its first packet to the last."""
    words = ROUNDS * (message_seconds + _DECIDE_SECONDS)
    return 3 * SIGNALLING_SECONDS + ring_seconds + _MEDIA_SECONDS + words + _AROUND_SECONDS


async def call_person(line: Line, to: str, words: Path, ring_seconds: float) -> Answer:
    """Call, say message.wav of the folder `words`, wait for a key, and say taken.wav or passed.wav.
    Raises LineDown.
    """
    # What is recorded of a person is nobody's evidence: it is thrown away with the folder.
    with tempfile.TemporaryDirectory(prefix="call-", dir=words) as folder:
        return await _called(line, to, words, ring_seconds, Trace(time.monotonic, Path(folder)))


async def _called(line: Line, to: str, words: Path, ring_seconds: float, trace: Trace) -> Answer:
    life = longest_seconds(ring_seconds, seconds_of(words / "message.wav"))
    parties = Legs(trace, CODECS, SIGNALLING_SECONDS, life)
    try:
        with line_security.named({"call": line}):
            await line_security.hold_certificates(trace, (line,), SIGNALLING_SECONDS)
            await parties.start({"call": line}, {"call": "signalling"}, called=())
            phone = parties.legs["call"]
            await registered(phone, line, SIGNALLING_SECONDS)
            account = parties.accounts["call"]
            phone.order("call", to=account.callee(to), headers={}, caller=account.caller())
            return await _talk(phone, words, ring_seconds)
    except (Failed, CannotTell) as problem:
        raise LineDown(f"line {line.name!r}: {problem}") from problem
    finally:
        await parties.close()


async def _talk(phone: Phone, folder: Path, ring_seconds: float) -> Answer:
    """From the INVITE to the key. Raises Failed where the line is to blame, CannotTell."""
    try:
        await phone.until("answered", within=ring_seconds)
    except TimeoutError:
        rang = phone.seen("provisional") is not None
        if phone.seen("trying", "provisional") is None:
            raise Failed("timeout", f"no response within {ring_seconds:g} s") from None
        said = "no answer" if rang else "it never rang"
        return Answer("not reached", f"{said} within {ring_seconds:g} s")
    except Failed as fault:
        # What our own stack says, without a packet of the far end, is the line's.
        if fault.origin == "local":
            raise
        return Answer("not reached", "busy" if fault.code in _BUSY else str(fault))
    try:
        return await _ask(phone, folder)
    except Failed as fault:
        if fault.code != "early-hang-up":
            raise
        return Answer("not reached", "answered, and hung up without pressing a key")


async def _ask(phone: Phone, folder: Path) -> Answer:
    try:
        await phone.until("media", within=_MEDIA_SECONDS)
    except TimeoutError:
        return Answer("not reached", "answered, and no sound came to be")
    message = folder / "message.wav"
    for turn in range(ROUNDS):
        phone.order("play", file=str(message), again=False)
        within = seconds_of(message) + _DECIDE_SECONDS
        phone.order("await-key", keys="".join(KEYS), within=within, turn=turn)
        told = await _in_time(phone, "key", "no-key", "no-media", within=within + 10, turn=turn)
        phone.order("hush")
        if told.name == "key":
            return await _thank(phone, folder, told)
    said = "answered, and no key was pressed: an answering machine, or nobody at it"
    return Answer("not reached", said)


async def _thank(phone: Phone, folder: Path, told: Event) -> Answer:
    outcome = KEYS[told["digit"]]
    words = folder / ("taken.wav" if outcome == "taken" else "passed.wav")
    phone.order("play", file=str(words), again=False)
    # Whoever has pressed the key need not listen to the end.
    with suppress(TimeoutError, Failed, CannotTell):
        await phone.until("never", within=seconds_of(words))
    return Answer(outcome, f"pressed {told['digit']}, {told['how']}")


async def _in_time(phone: Phone, *names: str, within: float, turn: int) -> Event:
    try:
        return await phone.until(*names, within=within, turn=turn)
    except TimeoutError:
        raise CannotTell("engine error: the phone's process did not answer in time") from None
