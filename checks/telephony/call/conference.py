"""A conference that we call together: each is told why, and whoever presses 1 hears all others.

    us                                  each telephone
    INVITE -------------------------->         all at once
    == why, and "press 1 to join" ===>
    <============== 1 =================        else the leg is dropped: an answering machine too
    <== the others, mixed, recorded ==>
    BYE ------------------------------         when one alone is left, or its time is over

One process holds up to four legs, several around a hub hold more
(checks/telephony/phone/conference.py). What is said is recorded; the minutes say who was called,
who came and who left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from checks.contract import CannotTell, Failed
from checks.telephony.call.account import Account, account_of
from checks.telephony.call.announcement import seconds_of
from checks.telephony.call.conference_rooms import Guest, Room, Rooms, refusal_words
from checks.telephony.call.leg import START_SECONDS, Event
from checks.telephony.call.line import Line
from checks.telephony.call.person_call import SIGNALLING_SECONDS, LineDown

# One who is left alone may be waiting for the others to come back.
_ALONE_SECONDS = 30.0
_DECIDE_SECONDS = 5.0
_ROUNDS = 2
ROOM = "the exchange's own room"
"""the name among those who are called that is a room, not a person: it is joined without a key"""


@dataclass(slots=True)
class Attendance:
    """One who was called; the times are in seconds since the conference was called."""

    name: str
    said: str = ""
    """why they did not come"""
    guest: bool = False
    """they called us"""

    @property
    def called(self) -> bool:
        """Whether it is a person whom we called."""
        return not self.guest and not self.is_room

    @property
    def is_room(self) -> bool:
        """Whether it is no person, but a room of the exchange with whoever is in it."""
        return self.name == ROOM

    joined_at: float | None = None
    left_at: float | None = None


@dataclass(slots=True)
class Conference:
    """What came of it so far. `begun` is set when the first has joined, or nobody will."""

    recording: Path
    attendances: list[Attendance] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    changed: Callable[[], None] = lambda: None
    """called whenever somebody has come, left or will not come"""

    @property
    def first(self) -> str:
        """Who of those that were called joined first; "" while nobody has."""
        came = [one for one in self.attendances if one.joined_at is not None and one.called]
        return min(came, key=lambda one: one.joined_at or 0.0).name if came else ""

    def minutes(self) -> str:
        """Who came and went, and who did not."""
        return "; ".join(_minute(one) for one in self.attendances)


def _minute(one: Attendance) -> str:
    if one.joined_at is None:
        return f"{one.name}: {one.said or 'not reached'}"
    left = "" if one.left_at is None else f", left after {_clock(one.left_at)}"
    return f"{one.name}: joined after {_clock(one.joined_at)}{left}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


async def hold(
    conference: Conference,
    line: Line,
    people: Sequence[tuple[str, str]],
    words: Path,
    ring_seconds: float,
    longest_seconds: float,
    guest: Guest | None = None,
) -> None:
    """Call the people (name, what is dialled) with the words of a folder (message.wav), and hold
    the conference to its end; `guest` is in it from the beginning, a ROOM as soon as it answers.
    Raises LineDown where nobody can be called at all.
    """
    began, rooms = time.monotonic(), Rooms(words, longest_seconds)
    try:
        account = await account_of(line, SIGNALLING_SECONDS)
        homes = await rooms.open(account, len(people), conference.recording, guest)
        began = time.monotonic()
        conference.attendances[:] = [Attendance(name) for name, _ in people]
        legs = [
            _Leg(room, conference, one, words, began)
            for room, one in zip(homes, conference.attendances, strict=True)
        ]
        tasks = [
            asyncio.ensure_future(leg.live(account, to, ring_seconds))
            for leg, (_, to) in zip(legs, people, strict=True)
        ]
        if guest is not None:
            here = Attendance(guest.name, guest=True)
            conference.attendances.insert(0, here)
            leg = _Leg(guest.room, conference, here, words, began, guest.leg)
            tasks.append(asyncio.ensure_future(leg.stay()))
        await _until_over(conference, tasks, longest_seconds)
    except (Failed, CannotTell) as problem:
        raise LineDown(f"line {line.name!r}: {problem}") from problem
    finally:
        conference.begun.set()
        _all_left(conference, time.monotonic() - began)
        await rooms.close()


async def _until_over(
    conference: Conference, tasks: Sequence[asyncio.Future[None]], longest_seconds: float
) -> None:
    """Until all legs are over, one has been alone for a while, or the time is up. Raises what
    broke in a leg.
    """
    ends, alone_since = time.monotonic() + longest_seconds, None
    try:
        while time.monotonic() < ends:
            done, pending = await asyncio.wait(tasks, timeout=1.0)
            for task in done:
                task.result()
            people = [one for one in conference.attendances if not one.is_room]
            if not pending or all(_is_over(one) for one in people):
                return
            still = [one for one in conference.attendances if not _is_over(one)]
            begun = conference.first != "" or any(one.guest for one in conference.attendances)
            alone = begun and len(still) <= 1
            alone_since = (alone_since or time.monotonic()) if alone else None
            if alone_since is not None and time.monotonic() - alone_since > _ALONE_SECONDS:
                return
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_over(one: Attendance) -> bool:
    return bool(one.said) or one.left_at is not None


def _all_left(conference: Conference, now: float) -> None:
    for one in conference.attendances:
        if one.joined_at is not None and one.left_at is None:
            one.left_at = now


class _Leg:
    """One who is called, from the INVITE to the end."""

    def __init__(
        self,
        room: Room,
        conference: Conference,
        who: Attendance,
        words: Path,
        began: float,
        leg: str = "",
    ) -> None:
        self._room, self._conference, self._who = room, conference, who
        self._words, self._began, self._leg = words, began, leg or who.name

    async def stay(self) -> None:
        """They have called us: they join, and stay until they leave."""
        await self._joined()

    async def live(self, account: Account, to: str, ring_seconds: float) -> None:
        """Call, ask, join, and wait for the end."""
        room, name = self._room, self._leg
        room.order("dial", leg=name, to=account.callee(to), caller=account.caller())
        try:
            told = await room.until("leg-answered", "leg-ended", within=ring_seconds, leg=name)
        except TimeoutError:
            self._drop(f"no answer within {ring_seconds:g} s")
            return
        if told.name == "leg-ended":
            self._who.said = refusal_words(told)
            self._conference.changed()
            return
        # Who is in a room of the exchange has dialled it.
        if self._who.is_room:
            await self._joined()
            return
        asked = await self._asked()
        if asked is None or asked.name != "key":
            hung_up = asked is not None and asked.name == "leg-ended"
            self._drop("hung up" if hung_up else "answered, and no key was pressed")
            return
        await self._joined()

    async def _asked(self) -> Event | None:
        room, name, message = self._room, self._leg, self._words / "message.wav"
        within = seconds_of(message) + _DECIDE_SECONDS
        for turn in range(_ROUNDS):
            since = len(room.events)
            room.order("play", leg=name, file=str(message))
            room.order("ask", leg=name, keys="1", within=within, turn=turn)
            with suppress(TimeoutError):
                told = await room.until(
                    "key", "no-key", "leg-ended", within=within + 10, since=since, leg=name
                )
                if told.name != "no-key":
                    return told
        return None

    async def _joined(self) -> None:
        room, name = self._room, self._leg
        room.order("join", leg=name)
        await room.until("joined", "leg-ended", within=START_SECONDS, leg=name)
        self._who.joined_at = time.monotonic() - self._began
        self._conference.changed()
        if self._who.called:
            self._conference.begun.set()
        # Whoever ends the conference cancels this.
        ended = await room.until("leg-ended", within=86_400.0, leg=name)
        self._who.left_at = ended.at - self._began
        self._conference.changed()

    def _drop(self, said: str) -> None:
        self._who.said = said
        self._conference.changed()
        self._room.order("drop", leg=self._leg)
