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
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from checks.contract import CannotTell, Failed
from checks.telephony.call.account import Account, account_of
from checks.telephony.call.announcement import seconds_of
from checks.telephony.call.leg import START_SECONDS, Event, Phone
from checks.telephony.call.line import Line
from checks.telephony.call.person_call import CODECS, SIGNALLING_SECONDS, LineDown

# One who is left alone may be waiting for the others to come back.
_ALONE_SECONDS = 30.0
_DECIDE_SECONDS = 5.0
_ROUNDS = 2
_BUSY = (486, 600)
# What the engine's build holds in one process (PJSUA_MAX_CALLS).
_CALLS = 4


class Room(Phone):
    """The process of a conference. Legs end one by one: none of them ends it."""

    PROGRAM: ClassVar[str] = "checks.telephony.phone.conference"
    ENDINGS: ClassVar[tuple[str, ...]] = ()


@dataclass(slots=True)
class Attendance:
    """One who was called; the times are in seconds since the conference was called."""

    name: str
    said: str = ""
    """why they did not come"""
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
        """Who joined first; "" while nobody has."""
        came = [one for one in self.attendances if one.joined_at is not None]
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
) -> None:
    """Call the people (name, what is dialled) with the words of a folder (message.wav), and hold
    the conference to its end. Raises LineDown where nobody can be called at all.
    """
    began, rooms = time.monotonic(), _Rooms(words, longest_seconds)
    try:
        account = await account_of(line, SIGNALLING_SECONDS)
        homes = await rooms.open(account, len(people), conference.recording)
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
        await _until_over(conference, tasks, longest_seconds)
    except (Failed, CannotTell) as problem:
        raise LineDown(f"line {line.name!r}: {problem}") from problem
    finally:
        conference.begun.set()
        _all_left(conference, time.monotonic() - began)
        await rooms.close()


class _Rooms:
    """The processes of a conference: one, or a hub with several around it."""

    def __init__(self, words: Path, longest_seconds: float) -> None:
        self._words, self._longest_seconds = words, longest_seconds
        self._rooms: list[Room] = []

    async def open(self, account: Account, legs: int, recording: Path) -> list[Room]:
        """The room of each leg. Raises Failed, CannotTell."""
        alone = legs <= _CALLS
        count = 1 if alone else -(-legs // (_CALLS - 1))
        rooms = [await self._opened(account) for _ in range(count)]
        # One registration is enough to be known; the others' calls answer for themselves.
        await _registered(rooms[0], account)
        hub = rooms[0] if alone else await self._opened(account, own=True)
        hub.order("record", file=str(recording))
        for number, room in enumerate(() if alone else rooms):
            await self._linked(account, hub, room, f"room {number}")
        return [rooms[number % count] for number in range(legs)]

    async def close(self) -> None:
        """Hang up everywhere; returns when every process is gone."""
        await asyncio.gather(*(room.close() for room in self._rooms))

    async def _opened(self, account: Account, own: bool = False) -> Room:
        room = await Room.start()
        self._rooms.append(room)
        written = account.account(CODECS)
        if own:
            # The hub calls nobody but our own processes, without the line's account.
            written |= {"transport": "udp", "registrar": None, "user": None, "password": None}
            written |= {"route": None, "srtp": "never"}
        room.order(
            "open",
            folder=str(self._words),
            life_seconds=self._longest_seconds + 120.0,
            account=written,
        )
        try:
            await room.until("ready", within=START_SECONDS)
        except TimeoutError:
            raise CannotTell("engine error: the room's process did not start in time") from None
        return room

    async def _linked(self, account: Account, hub: Room, room: Room, leg: str) -> None:
        """The hub is in a call with a room."""
        secret = secrets.token_hex(16)
        room.order("link", secret=secret)
        try:
            # Before it is called: who calls without the secret is refused.
            await room.until("linkable", within=START_SECONDS)
            port = (await room.until("ready", within=START_SECONDS))["links"]
            hub.order("dial", leg=leg, to=f"sip:{secret}@{account.local_address}:{port}")
            told = await hub.until("leg-answered", "leg-ended", within=START_SECONDS, leg=leg)
        except TimeoutError:
            raise CannotTell("engine error: the rooms of the conference do not meet") from None
        if told.name == "leg-ended":
            raise CannotTell(f"engine error: the rooms do not meet: {_refusal(told)}")
        hub.order("join", leg=leg)


async def _registered(room: Room, account: Account) -> None:
    if not (account.line.user and account.line.register_first):
        return
    room.order("register")
    try:
        told = await room.until("registered", "registration-failed", within=SIGNALLING_SECONDS)
    except TimeoutError:
        raise Failed("timeout", "no response to REGISTER") from None
    if told.name != "registered":
        raise Failed("not-registered", f"{told['code']} {told['phrase']}")


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
            if not pending:
                return
            still = [one for one in conference.attendances if not _is_over(one)]
            alone = len(still) <= 1 and conference.first != ""
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
        self, room: Room, conference: Conference, who: Attendance, words: Path, began: float
    ) -> None:
        self._room, self._conference, self._who = room, conference, who
        self._words, self._began = words, began

    async def live(self, account: Account, to: str, ring_seconds: float) -> None:
        """Call, ask, join, and wait for the end."""
        room, name = self._room, self._who.name
        room.order("dial", leg=name, to=account.callee(to), caller=account.caller())
        try:
            told = await room.until("leg-answered", "leg-ended", within=ring_seconds, leg=name)
        except TimeoutError:
            self._drop(f"no answer within {ring_seconds:g} s")
            return
        if told.name == "leg-ended":
            self._who.said = _refusal(told)
            self._conference.changed()
            return
        asked = await self._asked()
        if asked is None or asked.name != "key":
            hung_up = asked is not None and asked.name == "leg-ended"
            self._drop("hung up" if hung_up else "answered, and no key was pressed")
            return
        await self._joined()

    async def _asked(self) -> Event | None:
        room, name, message = self._room, self._who.name, self._words / "message.wav"
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
        room, name = self._room, self._who.name
        room.order("join", leg=name)
        await room.until("joined", "leg-ended", within=START_SECONDS, leg=name)
        self._who.joined_at = time.monotonic() - self._began
        self._conference.changed()
        self._conference.begun.set()
        # Whoever ends the conference cancels this.
        ended = await room.until("leg-ended", within=86_400.0, leg=name)
        self._who.left_at = ended.at - self._began
        self._conference.changed()

    def _drop(self, said: str) -> None:
        self._who.said = said
        self._conference.changed()
        self._room.order("drop", leg=self._who.name)


def _refusal(told: Event) -> str:
    if told["code"] in _BUSY:
        return "busy"
    return f"{told['code']} {told['phrase']}".strip()
