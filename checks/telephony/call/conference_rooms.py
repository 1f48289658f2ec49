"""The processes of a conference: one, or a hub with several around it, and whoever has called us in
one of their own.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from checks.contract import CannotTell
from checks.telephony.call.account import Account
from checks.telephony.call.leg import START_SECONDS, Event, Phone
from checks.telephony.call.person_call import CODECS, SIGNALLING_SECONDS
from checks.telephony.call.registering import registered

_BUSY = (486, 600)
# What the engine's build holds in one process (PJSUA_MAX_CALLS).
_CALLS = 4


class Room(Phone):
    """The process of a conference. Legs end one by one: none of them ends it."""

    PROGRAM: ClassVar[str] = "checks.telephony.phone.conference"
    ENDINGS: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who has called us, in a process of their own: a leg of it, answered already."""

    room: Room
    leg: str
    name: str
    address: str
    """of this host, where that process takes links"""


class Rooms:
    """The processes of a conference: one, or a hub with several around it."""

    def __init__(self, words: Path, longest_seconds: float) -> None:
        self._words, self._longest_seconds = words, longest_seconds
        self._rooms: list[Room] = []

    async def open(
        self, account: Account, legs: int, recording: Path, guest: Guest | None
    ) -> list[Room]:
        """The room of each leg. Raises Failed, CannotTell."""
        alone = legs <= _CALLS and guest is None
        count = 1 if alone else max(1, -(-legs // (_CALLS - 1)))
        rooms = [await self._opened(account) for _ in range(count)]
        # One registration is enough to be known; the others' calls answer for themselves.
        await registered(rooms[0], account.line, SIGNALLING_SECONDS)
        hub = rooms[0] if alone else await self._opened(account, own=True)
        hub.order("record", file=str(recording))
        for number, room in enumerate(() if alone else rooms):
            await self._linked(account.local_address, hub, room, f"room {number}")
        if guest is not None:
            await self._linked(guest.address, hub, guest.room, "guest")
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

    async def _linked(self, address: str, hub: Room, room: Room, leg: str) -> None:
        """The hub is in a call with a room."""
        secret = secrets.token_hex(16)
        room.order("link", secret=secret)
        try:
            # Before it is called: who calls without the secret is refused.
            await room.until("linkable", within=START_SECONDS)
            port = (await room.until("ready", within=START_SECONDS))["links"]
            hub.order("dial", leg=leg, to=f"sip:{secret}@{address}:{port}")
            told = await hub.until("leg-answered", "leg-ended", within=START_SECONDS, leg=leg)
        except TimeoutError:
            raise CannotTell("engine error: the rooms of the conference do not meet") from None
        if told.name == "leg-ended":
            raise CannotTell(f"engine error: the rooms do not meet: {refusal_words(told)}")
        hub.order("join", leg=leg)


def refusal_words(told: Event) -> str:
    """Why a leg did not come about, in a person's words."""
    if told["code"] in _BUSY:
        return "busy"
    return f"{told['code']} {told['phrase']}".strip()
