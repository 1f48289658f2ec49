"""The emergency number of a telephone desk: whoever calls it and is let in is joined with the staff
of the level in one conference, which is recorded and stands in the ticket.

Rule: it spends a budget of its own, whatever else is called over the line.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field, field_validator

from checks.contract import CannotTell
from checks.settings import Secret, Settings
from checks.telephony.call import announcement
from checks.telephony.call.announcement import Sentence
from checks.telephony.call.conference import Conference, hold
from checks.telephony.call.conference_rooms import Guest
from checks.telephony.call.emergency_line import Door, callers
from checks.telephony.call.line import Line, LineName
from checks.telephony.call.person_call import LineDown
from monitor.clock import SystemClock
from monitor.desks.conference_minutes import Draft
from monitor.desks.policy_words import ISSUE
from monitor.lines.calls import Calls
from reports.render import render_spoken

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 60.0
_PIN = (4, 12)


class EmergencySettings(Settings):
    """A number that opens a conference."""

    line: LineName
    """the line that is called, of [lines], with a `user` to register: not one that agents or
    checks answer"""
    pin: Secret | None = None
    """what is to be typed by a caller who is not known: 4 to 12 digits; without it only those who
    are known are let in"""
    callers: tuple[Annotated[str, Field(min_length=3, max_length=32)], ...] = ()
    """numbers that are let in without a PIN, beside the phones of [[people]]"""
    issue: Annotated[str, ISSUE] = "unsorted"
    """the policy's issue of the ticket that a call opens, where none of the gravest is open"""
    calls_a_day: int = Field(default=50, ge=1)
    """how many people it calls within 24 hours"""

    @field_validator("line")
    @classmethod
    def _registers(cls, line: Line) -> Line:
        if not line.registers:
            raise ValueError(f"line {line.name!r} has no `user` that registers: nobody can call it")
        return line


@dataclass(frozen=True, slots=True)
class Meeting:
    """A ticket that a call is about, and whom to call: (name, what is dialled)."""

    incident: int
    number: str
    people: Sequence[tuple[str, str]]


class Board(Protocol):
    """What the tickets know of it."""

    async def called(self, caller: str) -> Meeting:
        """Somebody has called."""

    async def begun(self, incident: int, who: str) -> None:
        """The first of the staff is in the conference."""

    async def over(self, incident: int, minutes: str) -> None:
        """It is over."""


@dataclass(frozen=True, slots=True)
class Staff:
    """How the staff is called: over which line, in which voice, how long; and who is known."""

    line: Line
    known: Sequence[str]
    voice: str
    ring: float
    longest: float


@dataclass(frozen=True, slots=True)
class EmergencyNumber:
    """One number; conferences are recorded in `folder`."""

    name: str
    settings: EmergencySettings
    staff: Staff
    calls: Calls
    folder: Path

    async def attend(self, board: Board) -> None:
        """Stay registered, and hold a conference for each caller; runs until it is cancelled."""
        pin = self.settings.pin.reveal() if self.settings.pin else ""
        if pin and not (pin.isascii() and pin.isdigit() and _PIN[0] <= len(pin) <= _PIN[1]):
            log.error("action=emergency_pin_unfit desk=%s it has 4 to 12 digits", self.name)
            pin = ""
        door = Door((*self.settings.callers, *self.staff.known), pin)
        while True:
            try:
                with tempfile.TemporaryDirectory(prefix="reveille-emergency-") as folder:
                    words = Path(folder)
                    await self._speak(words)
                    async with aclosing(callers(self.settings.line, words, door)) as calling:
                        async for guest in calling:
                            await self._meet(guest, words, board)
            except (LineDown, CannotTell) as why:
                log.warning("action=emergency_number_down desk=%s %s", self.name, why)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _speak(self, folder: Path) -> None:
        sentences = {
            "message": Sentence(render_spoken("called"), ("conference", "press", "join")),
            "emergency": Sentence(render_spoken("emergency"), ("reveille", "conference")),
            "pin": Sentence(render_spoken("pin"), ("reveille", "press")),
        }
        await announcement.spoken(sentences, self.staff.voice, folder)

    async def _meet(self, guest: Guest, words: Path, board: Board) -> None:
        meeting = await board.called(guest.name)
        conference = Conference(self._recording(meeting))
        draft = Draft(conference.recording, meeting.incident)
        conference.changed = lambda: draft.write(conference.minutes())
        begun = asyncio.ensure_future(self._begun(conference, meeting, board))
        come = list(meeting.people)[: self.staff.line.channels]
        said = ""
        try:
            numbers = [number for _, number in come]
            async with self.calls.held(
                self.staff.line, numbers, self.staff.longest, False
            ) as refused:
                if refused is not None:
                    said = f"nobody was called: {refused}; "
                    come = []
                ring, longest = self.staff.ring, self.staff.longest
                await hold(conference, self.staff.line, come, words, ring, longest, guest)
        except LineDown as why:
            said = f"nobody could be called: {why}; "
        finally:
            begun.cancel()
        await board.over(
            meeting.incident,
            f"{said}{conference.minutes()}; recorded in {conference.recording}",
        )
        draft.kept()

    async def _begun(self, conference: Conference, meeting: Meeting, board: Board) -> None:
        await conference.begun.wait()
        if conference.first:
            await board.begun(meeting.incident, conference.first)

    def _recording(self, meeting: Meeting) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.folder / f"{meeting.number}-{SystemClock().now():%Y%m%d-%H%M%S}.wav"
