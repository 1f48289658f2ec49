"""Telephones that take several codecs and send another than the first (RFC 3264, 6.1 and 7): phones
play whichever comes, and so are they heard here, by a re-INVITE for that codec alone.

Right is what callers hear. Where the far end does not go with it nobody can tell what it says.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lab.pbx import g711
from tests.field.far_ends.phone import HOST, Call, Tells, ringing, sdp
from tests.field.far_ends.sip_server import Request
from tests.field.far_ends.test_calls import PROMPT, QUIET, WELCOME, all_talked_to
from tests.field.story import Right, Story, failed, once

pytestmark = [pytest.mark.slow, pytest.mark.engine]
MULAW = b"".join(g711.recording(WELCOME, "PCMU"))
MUTE = b"\xff" * 8000
"""a second of mu-law silence"""
Answers = Callable[[Call, Request], Awaitable[None]]
LONG = {"script": [{"hear": str(WELCOME), "within": "9s"}]}
BLIND = Right("UNKNOWN")


def both(port: int, first: str = "8 0", version: int = 1) -> str:
    """A description of A-law and mu-law, in this order."""
    return sdp(port, "a=rtpmap:0 PCMU/8000", version=version).replace("AVP 8 ", f"AVP {first} ")


async def agrees(call: Call, offer: Request) -> None:
    """With what is offered, and nothing else."""
    numbers = re.search(r"m=audio \d+ RTP/AVP ([\d ]+)", offer.text)
    assert numbers
    assert set(numbers[1].split()) in ({"0", "101"}, {"8", "101"}), "one codec, and the digits"
    body = both(call.media.port, numbers[1].split()[0], version=2)
    call.answer("200 OK", body=body, asked=offer)


def says(*statuses: str) -> Answers:
    """These one after the other, then it agrees."""

    async def answers(call: Call, offer: Request) -> None:
        # The INVITE itself is the first; each of ours after it has the next number.
        asked = int(offer.one("CSeq").split()[0]) - int(call.invite.one("CSeq").split()[0])
        if asked <= len(statuses):
            call.answer(statuses[asked - 1], asked=offer)
        else:
            await agrees(call, offer)

    return answers


async def both_again(call: Call, offer: Request) -> None:
    call.answer("200 OK", body=both(call.media.port, "8 0", version=2), asked=offer)


async def the_other(call: Call, offer: Request) -> None:
    """An answer out of the blue: a codec that was not offered."""
    call.answer("200 OK", body=sdp(call.media.port, version=2), asked=offer)


async def silence(call: Call, offer: Request) -> None:
    """No answer at all."""


async def farewell(call: Call, _offer: Request) -> None:
    await call.request("BYE")
    call.media.over = True


def sending(*sounds: tuple[int, bytes], first: str = "8 0", answers: Answers = agrees) -> Tells:
    """It takes both, and sends these one after the other: payload type, sound."""

    async def story(call: Call) -> None:
        call.answer("200 OK", body=both(call.media.port, first))
        await asyncio.wait_for(call.acked.wait(), 4)
        listening = asyncio.ensure_future(_answering(call, answers))
        number = 0
        try:
            for pt, sound in sounds:
                await call.media.play(call.to, sound, pt=pt, seq=number, ts=160 * number)
                number += len(sound) // 160
        finally:
            listening.cancel()

    return story


async def _answering(call: Call, answers: Answers) -> None:
    while True:
        offer = await call.offers.get()
        if "tag=" in offer.one("To"):
            await answers(call, offer)


PAUSE = MUTE[:4000]
SECOND = (0, PAUSE + MULAW + 5 * MUTE)
GOOD = {**LONG, "expect": ["mos >= 3"]}
HEARD = (
    Story("mulaw-of-two", sending(SECOND), "RFC 3264, 6.1"),
    Story("alaw-of-two", sending((8, PAUSE + PROMPT + 5 * QUIET), first="0 8"), "RFC 3264, 6.1"),
    Story("speaks-at-once", sending((0, MULAW + 5 * MUTE)), "RFC 3264, 7", settings=GOOD),
    Story("switches", sending((8, 4 * QUIET), SECOND), "a gateway hands over", settings=GOOD),
    Story(
        "alaw-of-wide",
        sending((8, PAUSE + PROMPT + 5 * QUIET), first="9 8"),
        "RFC 3551, 4.5.2: G.722 and G.711 both have 8000 in their rtpmap",
        settings={**LONG, "codecs": ["G722", "PCMA"]},
    ),
    Story("both-again", sending(SECOND, answers=both_again), "an answer may add to the offer"),
    Story(
        "asks-to-wait",
        sending((0, 6 * MUTE + MULAW + 5 * MUTE), answers=says("491 Request Pending")),
        "RFC 3261, 14.1: seconds of sound that only we did not hear are no loss",
        settings={"script": [{"hear": str(WELCOME), "within": "12s"}], "expect": ["mos >= 3"]},
    ),
)
NOT_HEARD = (
    Story("refuses", sending(SECOND, answers=says("488 Not Acceptable Here")), "14.2", BLIND),
    Story("the-other", sending(SECOND, answers=the_other), "RFC 3264, 6.1: not lawful", BLIND),
    Story("says-nothing", sending(SECOND, answers=silence), "RFC 3261, 14.1: 32 s", BLIND),
    Story("hangs-up", sending(SECOND, answers=farewell), "an SBC that knows no change", BLIND),
    Story(
        "refused-and-kept",
        sending((0, 9 * MUTE), answers=says("488 Not Acceptable Here")),
        "RFC 3261, 14.1: the call stands as it was",
        settings={"script": [{"hold": "5s"}], "expect": ["mos >= 3"]},
    ),
    Story("mute-in-both", sending((0, 9 * MUTE)), "no sound", failed("prompt", "silent")),
)


@pytest.mark.parametrize("stories", [HEARD, NOT_HEARD], ids=["heard", "not-heard"])
async def test_the_second_codec_of_an_answer(tmp_path: Path, stories: tuple[Story, ...]) -> None:
    await all_talked_to(tmp_path, stories)


async def test_it_is_said_that_the_far_end_was_asked(tmp_path: Path) -> None:
    async with ringing(sending(SECOND)) as phone:
        line = {"registrar": f"{HOST}:{phone.port}"}
        seen = await once(tmp_path, "sip-call", line, line="main", to="8000", **LONG)
    assert any("the far end sent PCMU/8000" in note for note in seen.observation.notes)
