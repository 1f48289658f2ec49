"""The emergency number: a line of ours that stays registered, and takes the calls of whoever may
open a conference.

    the registrar                       us
    <------------------------ REGISTER      again and again (RFC 3261 section 10.2)
    INVITE ------------------------>        from anywhere else: 403
    <----------------- 180, 200 OK          a caller that is not known, without a PIN: 403
    == "enter your PIN" <============       1 2 3 4 #, as events (RFC 4733) or INFO
    == "the staff is called" <=======       the conference begins (conference.py)

Rules: a From can be written by anybody whom the exchange lets through, so that callers are known
only as well as the exchange knows them. Wrong PINs are counted: after a few of them nobody who is
not known is asked for one for an hour. One caller at a time; the next is told that it is busy.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from checks.contract import CannotTell, Failed
from checks.telephony.call.account import account_of
from checks.telephony.call.announcement import seconds_of
from checks.telephony.call.conference_rooms import Guest, Room
from checks.telephony.call.leg import START_SECONDS, Event
from checks.telephony.call.line import Line
from checks.telephony.call.person_call import CODECS, SIGNALLING_SECONDS, LineDown
from checks.telephony.call.registering import refused, registered
from checks.telephony.sip.caller_id import number_of, same_number

log = logging.getLogger(__name__)

# The engine's process is begun anew between two calls: what it may leak is gone with it.
LIFE_SECONDS = 6 * 3600.0
_ANSWER_SECONDS = 10.0
# Beside the words: to type four digits, thinking.
_TYPE_SECONDS = 12.0
_TRIES = 3
# Ten thousand PINs of four digits last for 2000 hours at five an hour.
_WRONG, _LOCKED_SECONDS = 5, 3600.0
_FORBIDDEN = 403


@dataclass(slots=True)
class Door:
    """Who is let in: numbers that are known, and the PIN for all others ("": nobody else)."""

    known: Sequence[str]
    pin: str = field(repr=False)
    _wrong: list[float] = field(default_factory=list)

    def knows(self, number: str) -> bool:
        """Whether a number is one of those that are known."""
        return bool(number) and any(same_number(number, one) for one in self.known)

    def asks(self, now: float) -> bool:
        """Whether somebody who is not known is asked for the PIN, at `now` (monotonic seconds)."""
        self._wrong = [at for at in self._wrong if now - at < _LOCKED_SECONDS]
        return bool(self.pin) and len(self._wrong) < _WRONG

    def opens(self, digits: str, now: float) -> bool:
        """Whether that is the PIN; a wrong one is counted."""
        right = hmac.compare_digest(digits.encode(), self.pin.encode())
        if not right:
            self._wrong.append(now)
        return right


async def callers(line: Line, words: Path, door: Door) -> AsyncGenerator[Guest, None]:
    """Everybody who calls and is let in, one after the other: answered, and told that the staff is
    called; hung up when the next is asked for. `words` holds emergency.wav and pin.wav. Ends after
    hours without a call. Raises LineDown.
    """
    room: Room | None = None
    try:
        account = await account_of(line, SIGNALLING_SECONDS)
        room = await Room.start()
        written = account.account(CODECS)
        life = 2 * LIFE_SECONDS
        room.order("open", folder=str(words), life_seconds=life, account=written)
        await room.until("ready", within=START_SECONDS)
        await registered(room, line, SIGNALLING_SECONDS)
        room.order("admit")
        log.info("action=emergency_number_ready line=%s", line.name)
        seen, ends = 0, time.monotonic() + LIFE_SECONDS
        while (left := ends - time.monotonic()) > 0:
            event, seen = await _next(room, seen, left)
            if event is None:
                return
            caller = number_of(event["caller"])
            if await _let_in(room, event["leg"], caller, words, door):
                yield Guest(room, event["leg"], caller or "unknown", account.local_address)
                room.order("drop", leg=event["leg"])
    except TimeoutError:
        raise LineDown(f"line {line.name!r}: the engine did not start in time") from None
    except (Failed, CannotTell) as problem:
        raise LineDown(f"line {line.name!r}: {problem}") from problem
    finally:
        if room is not None:
            await room.close()


async def _next(room: Room, seen: int, within: float) -> tuple[Event | None, int]:
    """The next call, and how much has been seen with it; None where none came. Raises Failed where
    the registration was lost.
    """
    try:
        event = await room.until("incoming", "registration-failed", within=within, since=seen)
    except TimeoutError:
        return None, seen
    if event.name == "registration-failed":
        raise refused(event)
    return event, room.events.index(event) + 1


async def _let_in(room: Room, leg: str, caller: str, words: Path, door: Door) -> bool:
    """Whether a caller is in: answered, and told what comes."""
    known = door.knows(caller)
    if not known and not door.asks(time.monotonic()):
        room.order("refuse", leg=leg, status=_FORBIDDEN)
        log.warning("action=emergency_call_refused why=%s", "locked" if door.pin else "unknown")
        return False
    room.order("answer", leg=leg)
    told = await room.until("leg-answered", "leg-ended", within=_ANSWER_SECONDS, leg=leg)
    if told.name == "leg-ended":
        return False
    if not known and not await _has_pin(room, leg, words, door):
        room.order("drop", leg=leg)
        log.warning("action=emergency_call_refused why=pin")
        return False
    room.order("play", leg=leg, file=str(words / "emergency.wav"))
    return True


async def _has_pin(room: Room, leg: str, words: Path, door: Door) -> bool:
    message = words / "pin.wav"
    within = seconds_of(message) + _TYPE_SECONDS
    for turn in range(_TRIES):
        if not door.asks(time.monotonic()):
            return False
        room.order("play", leg=leg, file=str(message))
        room.order("collect", leg=leg, count=len(door.pin), within=within, turn=turn)
        told = await room.until("digits", "leg-ended", within=within + _ANSWER_SECONDS, leg=leg,
                                since=_since(room, leg))  # fmt: skip
        if told.name == "leg-ended":
            return False
        if door.opens(told["digits"], time.monotonic()):
            return True
    return False


def _since(room: Room, leg: str) -> int:
    """Behind the last answer of this leg."""
    places = [
        place
        for place, event in enumerate(room.events)
        if event.name in ("digits", "leg-answered") and event["leg"] == leg
    ]
    return places[-1] + 1 if places else 0
