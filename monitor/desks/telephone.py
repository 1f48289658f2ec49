"""The telephone desk: calls the people of a level one after the other, until one of them takes it.

    a page to a level -> what is wrong is spoken -> the first person is called
        1 pressed    that person has it: the answer of the desk, and the ticket's acknowledgement
        2 pressed    the next person is called
        else         the next person is called: no answer, busy, an answering machine, hung up
    nobody took it: Never, and the next level's turn has come

Rules: only numbers of [[people]] are dialled, whatever a letter says. A line that cannot be called
over is not the person's silence: the next line is tried, and then the page waits. A call is entered
in the line's book and in the desk's own; the first page of a level of the gravest severity is
placed past both caps, and says so.
"""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell
from checks.settings import Duration, StateFolder
from checks.telephony.call import announcement, person_call
from checks.telephony.call.announcement import Sentence
from checks.telephony.call.conference import ROOM, Conference, hold
from checks.telephony.call.line import Line, LineName
from monitor.clock import SystemClock
from monitor.desks.conference_minutes import Draft, LeftMinutes, conferences, left_in
from monitor.desks.desk import Acknowledged, Desk, DeskSettings, Letter, Never, Takes, TryLater
from monitor.desks.emergency_number import EmergencyNumber, EmergencySettings, Staff
from monitor.desks.person_number import People, dialled
from monitor.desks.policy_words import SEVERITY
from monitor.lines.calls import CHANNEL_SECONDS, Calls
from reports.render import render_spoken
from reports.ticket import Ticket

log = logging.getLogger(__name__)

# The longest message of announcement_child.py, at 150 words a minute.
_MESSAGE_SECONDS = 40.0
_NOBODY = "nobody of it is in [[people]] with a phone any more"
# What opens and ends a message of recorded words.
_RECORDED = {"page": ("reveille", "press"), "conference": ("conference", "join")}


class TelephoneSettings(DeskSettings):
    """Tickets told by telephone: the people of a level are called, and press 1 to take it."""

    KIND: ClassVar[str] = "telephone"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"pages"})
    SAMPLE: ClassVar[str] = """
# Who has a `phone` in [[people]] is called when the turn of their level comes, one after the other.
# Better over a line that does not go through the exchange that is watched.
[desks.telephone]
kind = "telephone"
lines = ["trunk-a"]
severities = ["P0"]
"""

    lines: Annotated[tuple[LineName, ...], Field(min_length=1)]
    """the lines to call over, of [lines]: the first that works"""
    severities: Annotated[tuple[str, ...], SEVERITY] = ()
    """the severities of the policy that people are telephoned for; without it all"""
    ring: Annotated[Duration, Field(ge=5, le=120)] = 30.0
    """how long it rings before the next person is called"""
    calls_a_day: int = Field(default=100, ge=1)
    """how many such calls within 24 hours, beside what the lines allow; the first page of a level
    of the gravest severity is placed all the same, and says so
    """
    voice: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,20}$")] = "en"
    """the voice of espeak-ng that speaks, as in "en-gb"; a host without espeak-ng says recorded
    words and the ticket's number
    """
    conference: Annotated[tuple[str, ...], SEVERITY] = ()
    """the severities for which all people of a level are called at once into one conference, which
    is recorded; its minutes stand in the ticket
    """
    conference_longest: Annotated[Duration, Field(ge=60, le=6 * 3600)] = 3600.0
    """how long a conference may last; it ends sooner when one alone is left"""
    conference_room: str = ""
    """a number at which the exchange has a room of its own: it is called into each conference, so
    that whoever dials it takes part
    """
    emergency: EmergencySettings | None = None
    """a number that opens a conference of whoever calls it and all people of the level"""
    people: People = ()
    state: StateFolder = ""

    @model_validator(mode="after")
    def _can_be_dialled(self) -> Self:
        for person in self.people:
            if not person.phone:
                continue
            number = dialled(person.phone, self.names)
            for line in self.lines:
                if line.may_dial and not any(fnmatchcase(number, one) for one in line.may_dial):
                    raise ValueError(
                        f"line {line.name!r} may not dial {number!r} of role {person.role!r}; write"
                        " it into the line's may_dial, or take another line"
                    )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its lines."""
        return tuple(line.name for line in self.lines)

    def desk(self, name: str) -> Desk:
        """The desk that calls over these lines."""
        return TelephoneDesk(name, self)

    def pages(self, severity: str) -> bool:
        """Whether people are telephoned for a severity."""
        return not self.severities or severity in self.severities

    def confers(self, severity: str) -> bool:
        """Whether a level is called into one conference."""
        return severity in self.conference

    def emergency_number(self, name: str) -> EmergencyNumber | None:
        """The number that opens a conference, if there is one."""
        if self.emergency is None:
            return None
        calls = Calls(f"{name} (emergency)", self.folder, self.emergency.calls_a_day)
        known = [one.phone for one in self.people if one.phone]
        staff = Staff(self.lines[0], known, self.voice, self.ring, self.conference_longest)
        return EmergencyNumber(name, self.emergency, staff, calls, conferences(self.state))

    @property
    def folder(self) -> Path | None:
        """The state folder, where there is one."""
        return Path(self.state) if self.state else None

    def longest_seconds(self) -> float:
        """The longest that one call takes, in seconds."""
        return person_call.longest_seconds(self.ring, _MESSAGE_SECONDS)


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody to call, as the page says."""

    name: str
    number: str


class TelephoneDesk:
    """Calls for each page."""

    # Two levels' pages may go out side by side: who waits for the channel of a line does so there.
    concurrency = 4

    def __init__(self, name: str, settings: TelephoneSettings) -> None:
        self._name, self._settings = name, settings
        self._calls = Calls(f"{name} (paging)", settings.folder, settings.calls_a_day)
        phones = sum(bool(person.phone) for person in settings.people)
        one = settings.longest_seconds() + CHANNEL_SECONDS
        self.timeout_seconds = 60.0 + max(1, phones) * len(settings.lines) * one

    async def deliver(self, letter: Letter) -> str:
        """Call one after the other; returns who took it. Raises TryLater, Never."""
        page = letter.body["extra"]["page"]
        first = bool(page["first"]) and letter.body["ticket"]["rank"] == 0
        if self._settings.confers(letter.body["ticket"]["severity"]):
            return await self._convened(letter, self._allowed(page["people"]), first)
        said: list[str] = []
        with tempfile.TemporaryDirectory(prefix="reveille-page-") as folder:
            await self._speak(letter, Path(folder))
            for one in self._allowed(page["people"]):
                answer = await self._call(one, Path(folder), first, said)
                said.append(f"{one.name}: {answer.said}")
                if answer.outcome == "taken":
                    return Acknowledged("; ".join(said), by=one.name)
        raise Never("; ".join(said) or _NOBODY)

    async def _convened(self, letter: Letter, people: Sequence[Called], first: bool) -> str:
        """Call all of them into a conference; returns once somebody is in it, and the conference
        goes on. Raises TryLater, Never.
        """
        if not people:
            raise Never(_NOBODY)
        down: list[str] = []
        for line in self._settings.lines:
            conference = Conference(self._recording(letter))
            draft = Draft(conference.recording, letter.incident)
            draft.follow(conference)
            held = asyncio.ensure_future(self._hold(letter, conference, line, people, first))
            begun = asyncio.ensure_future(conference.begun.wait())
            try:
                await asyncio.wait({held, begun}, return_when=asyncio.FIRST_COMPLETED)
                if conference.first:
                    text = f"a conference is called: {conference.first} is in it"
                    return Acknowledged(text, conference.first, held, draft.kept)
                raise Never(await held)
            except person_call.LineDown as problem:
                down.append(str(problem))
            except asyncio.CancelledError:
                held.cancel()
                raise
            finally:
                begun.cancel()
        raise TryLater("; ".join(down), whole_desk=True)

    async def _hold(
        self,
        letter: Letter,
        conference: Conference,
        line: Line,
        people: Sequence[Called],
        first: bool,
    ) -> str:
        """Hold it to its end; returns the minutes. Raises LineDown, Never at a cap."""
        # A line has so many channels, and no more can be called over it.
        room = [Called(ROOM, one)] if (one := self._settings.conference_room) else []
        most, longest = line.channels - len(room), self._settings.conference_longest
        come = [*people[:most], *room]
        said: list[str] = []
        with tempfile.TemporaryDirectory(prefix="reveille-conference-") as folder:
            await self._speak(letter, Path(folder), "conference")
            async with self._held(line, come, first, said, longest):
                legs = [(one.name, one.number) for one in come]
                ring = self._settings.ring
                await hold(conference, line, legs, Path(folder), ring, longest)
        said += [conference.minutes()]
        said += [f"{one.name}: no channel was left" for one in people[most:]]
        kept = f"; recorded in {conference.recording}" if conference.first else ""
        return "; ".join(said) + kept

    def left_minutes(self) -> Iterable[LeftMinutes]:
        """The minutes of conferences that the end of the daemon before has cut off."""
        return left_in(self._folder)

    @property
    def _folder(self) -> Path:
        return conferences(self._settings.state)

    def _recording(self, letter: Letter) -> Path:
        """Where a conference is recorded: for the daemon's own user alone."""
        folder = self._folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = re.sub(r"[^A-Za-z0-9-]", "", letter.body["ticket"]["number"])
        return folder / f"{number}-{SystemClock().now():%Y%m%d-%H%M%S}.wav"

    def _allowed(self, people: list[Mapping[str, str]]) -> list[Called]:
        """Whom to call: of those that the page names, who is in [[people]] as things stand."""
        known = {person.phone for person in self._settings.people}
        return [
            Called(one["name"], dialled(one["phone"], self._settings.names))
            for one in people
            if one["phone"] in known
        ]

    async def _speak(self, letter: Letter, folder: Path, what: str = "page") -> None:
        ticket = Ticket.from_dict(letter.body["ticket"])
        digits = tuple(re.sub(r"\D", "", ticket.number))
        opening, closing = _RECORDED[what]
        words = render_spoken(what, ticket=ticket)
        sentences = {
            "message": Sentence(words, (opening, "ticket", *digits, closing)),
            "taken": Sentence(render_spoken("taken", ticket=ticket), ("taken",)),
            "passed": Sentence(render_spoken("passed", ticket=ticket), ("passed-on",)),
        }
        try:
            await announcement.spoken(sentences, self._settings.voice, folder)
        except CannotTell as problem:
            raise TryLater(str(problem), whole_desk=True) from None

    async def _call(
        self, one: Called, words: Path, first: bool, said: list[str]
    ) -> person_call.Answer:
        """Over the first line that works. Raises TryLater where none does, Never at a cap."""
        down: list[str] = []
        for line in self._settings.lines:
            try:
                longest = self._settings.longest_seconds()
                async with self._held(line, [one], first, said, longest):
                    ring = self._settings.ring
                    return await person_call.call_person(line, one.number, words, ring)
            except person_call.LineDown as problem:
                down.append(str(problem))
        raise TryLater("; ".join([*said, *down]), whole_desk=True)

    @asynccontextmanager
    async def _held(
        self,
        line: Line,
        who: Sequence[Called],
        first: bool,
        said: list[str],
        longest: float,
    ) -> AsyncIterator[None]:
        """Channels of the line, and the calls in both books. Raises LineDown, Never at a cap."""
        numbers = [one.number for one in who]
        async with self._calls.held(line, numbers, longest, past_the_cap=first) as refused:
            if refused is not None and not first:
                raise Never("; ".join([*said, refused]))
            if refused is not None:
                log.warning("action=paged_past_the_cap desk=%s %s", self._name, refused)
                said.append(f"called past the cap, since it is the gravest ({refused})")
            yield
