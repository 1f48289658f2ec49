"""What torture is aimed at: the OPTIONS check, the registration, the call engine, the agent leg;
and what came of it.

Each aim makes one attempt against a far end of its own, and gives its outcome in a word: "passed",
a fault's code, or "blind: ..." where the probe itself could not tell, which is never right.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from checks.contract import Check, Observation
from checks.telephony.call.line import Line
from checks.telephony.options import SipOptions
from checks.telephony.registration import SipRegistration
from checks.telephony.sip_call import SipCall
from lab import prompts
from lab.pbx.g711 import recording
from tests.loopback.sipp.peer import attempt
from tests.torture.case import Case, Verdict
from tests.torture.far_end import HOST, Asked, FarEnd, Story, granted

Say = Callable[[FarEnd, Asked], bytes]
WELCOME = recording(prompts.FOLDER / "welcome.wav", "PCMA")
_SPARE_SECONDS = 25.0
"""beyond its own timers, for a machine that is busy"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt: a word, how long it took, whether there was the exhibit of what
    came.
    """

    word: str
    seconds: float
    limit_seconds: float
    exhibited: bool

    @property
    def in_time(self) -> bool:
        """Within the check's own time limit."""
        return self.seconds <= self.limit_seconds

    def fits(self, verdict: Verdict) -> bool:
        """Whether it is what must come of such a response."""
        if self.word.startswith("blind"):
            return False
        if verdict == "taken":
            return self.word == "passed"
        return (self.word == "bad-peer" and self.exhibited) or (verdict == "either")


def outcome(seen: Observation, check: Check) -> Outcome:
    """Of an observation."""
    word = seen.fault.code if seen.fault else "passed"
    names = {exhibit.name for exhibit in seen.exhibits}
    exhibited = bool(names & {"bad-peer.txt", "agent-bad-peer.txt"}) or (
        word == "bad-peer" and "ladder.txt" in names
    )
    if seen.blind:
        word = f"blind: {seen.blind}"
    return Outcome(word, seen.seconds, check.longest_seconds() + _SPARE_SECONDS, exhibited)


def line(port: int, **more: Any) -> Line:
    """A line to a far end."""
    return Line.model_validate({"name": "far", "registrar": f"{HOST}:{port}", **more})


def sip_call(port: int, *script: Mapping[str, Any], **settings: Any) -> SipCall:
    """A short call to a far end."""
    quick = {
        "signalling_within": "3s",
        "answer_within": "4s",
        "media_within": "4s",
        "listen": "0s",
        "dead_air": "0s",
    }
    return SipCall.model_validate(
        {"line": line(port), "to": "8000", "script": script, **quick, **settings}
    )


# --- our own transactions


def first(say: Say, then: bool = True) -> Story:
    """A story that says something odd, and then (a moment later) what it should."""

    async def told(far: FarEnd, asked: Asked) -> None:
        far.say(say(far, asked))
        if then:
            await granted(far, asked)

    return told


async def options(story: Story, folder: Path, within: str = "2s") -> Outcome:
    """OPTIONS answered by this story."""
    async with FarEnd(options=story) as far:
        check = SipOptions.model_validate({"host": f"{HOST}:{far.port}", "within": within})
        return outcome(await attempt(check, folder), check)


async def registration(story: Story, folder: Path, within: str = "2s") -> Outcome:
    """REGISTER answered by this story."""
    async with FarEnd(register=story) as far:
        account = line(far.port, user="monitor")
        check = SipRegistration.model_validate({"line": account, "within": within, "keep": True})
        return outcome(await attempt(check, folder), check)


# --- calls


async def call(story: Story, folder: Path, *script: Mapping[str, Any], **settings: Any) -> Outcome:
    """A call answered by this story."""
    async with FarEnd(story) as far:
        check = sip_call(far.port, *(script or ({"stay": "300ms"},)), **settings)
        return outcome(await attempt(check, folder), check)


def answering(say: Say) -> Story:
    """100, then what is odd; and sound, if it is acknowledged."""

    async def told(far: FarEnd, invite: Asked) -> None:
        far.say(far.answer(invite, "100 Trying"))
        far.say(say(far, invite))
        await far.acknowledged.wait()
        far.play(invite, cycle(WELCOME))

    return told


def pelted(
    datagrams: Callable[[FarEnd, Asked], Iterator[tuple[bytes, tuple[str, int]]]], a_second: int
) -> Story:
    """A call that goes as it should, while datagrams rain on it: so many a second."""

    async def told(far: FarEnd, invite: Asked) -> None:
        await far.pick_up(invite, cycle(WELCOME))
        began, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
        for number, (data, where) in enumerate(datagrams(far, invite), 1):
            far.say(data, where)
            if (ahead := began + number / a_second - loop.time()) > 0:
                await asyncio.sleep(ahead)

    return told


# --- the agent leg


async def agent(
    hurl: Callable[[FarEnd, Asked], Awaitable[None]], folder: Path, **settings: Any
) -> Outcome:
    """An agent who is registered at a far end that routes no call, but hurls this at the agent's
    phone (`hurl` is given the agent's REGISTER).
    """
    registered: asyncio.Future[Asked] = asyncio.get_running_loop().create_future()

    async def register(far: FarEnd, asked: Asked) -> None:
        await granted(far, asked)
        if not registered.done():
            registered.set_result(asked)

    async def answered(far: FarEnd, invite: Asked) -> None:
        await far.pick_up(invite, cycle(WELCOME))
        await hurl(far, await registered)

    async with FarEnd(answered, register=register) as far:
        account = line(far.port, user="agent-01", name="agent-01")
        check = sip_call(far.port, {"agent": account, "within": "3s"}, **settings)
        return outcome(await attempt(check, folder), check)


def said_by(case: Case, body: bool) -> Say:
    """The response of a torture case."""
    return lambda far, asked: case.response(far, asked, far.sdp() if body else "")


async def most_at_once(limit: int, work: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Side by side, but no more than so many."""
    gate = asyncio.Semaphore(limit)

    async def one(job: Callable[[], Awaitable[Any]]) -> Any:
        async with gate:
            return await job()

    return await asyncio.gather(*(one(job) for job in work))


def stopwatch() -> Callable[[], float]:
    """Seconds since now."""
    began = time.monotonic()
    return lambda: time.monotonic() - began
