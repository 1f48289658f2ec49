"""Telephones again: what comes on the RTP port beside the sound, sound that pauses, provisional
answers, farewells and second thoughts (RFC 3261, RFC 3264, RFC 3550, RFC 5761).

Right is what other phones do: they talk, and hang up in peace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.field.far_ends.phone import ALAW, Call, Tells, sdp
from tests.field.far_ends.test_calls import (
    HOLD,
    PROMPT,
    QUIET,
    VOICE,
    all_talked_to,
    tone,
    usual,
)
from tests.field.story import Story

pytestmark = [pytest.mark.slow, pytest.mark.engine]
STUN = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
RTCP = b"\x80\xc8\0\6" + bytes(24)
ZRTP = b"\x10\0\0\0ZRTP" + bytes(20)
DTLS = b"\x16\xfe\xfd" + bytes(40)


def beside(*strays: bytes, each: float = 0.1) -> Tells:
    """The sound, and these datagrams on the same port every so often."""

    async def story(call: Call) -> None:
        call.answer("200 OK", body=sdp(call.media.port))
        await asyncio.wait_for(call.acked.wait(), 4)
        playing = asyncio.ensure_future(call.media.play(call.to, VOICE))
        while not playing.done():
            for stray in strays:
                call.media.send_raw(stray, call.to)
            await asyncio.sleep(each)  # a keep-alive has its rhythm
        await playing

    return story


async def twice(call: Call) -> None:
    """Each packet twice, as a switch with a mirrored port sends it."""
    call.media.copies = 2
    await usual()(call)


def swapped(seconds: float) -> dict[str, Any]:
    """The third and the fourth of each four packets change places on the way."""
    number = round(seconds * 50)
    by = {2: 1, 3: -1}.get(number % 4, 0)
    return {"seq": by, "ts": 160 * by, "payload": _frame(number + by)}


def padded(seconds: float) -> dict[str, Any]:
    """Four bytes at the end, the last of which says how many they are."""
    return {"payload": _frame(round(seconds * 50)) + b"\0\0\0\4"}


def _frame(number: int) -> bytes:
    return VOICE[160 * number :][:160]


def paused(begin: float, end: float) -> Tells:
    """Nothing is sent between these seconds: silence suppression without comfort noise."""

    async def story(call: Call) -> None:
        call.media.silent = (begin, end)
        await usual()(call)

    return story


async def two_sources(call: Call) -> None:
    """A media server that was left goes on for a moment, with another source."""
    late = await call.another()
    call.answer("183 Session Progress", body=sdp(late.port))
    going_on = asyncio.ensure_future(late.play(call.to, tone(425, 1.2), ssrc=99))
    await asyncio.sleep(0.5)  # the tone is heard before the answer
    call.answer("200 OK", body=sdp(call.media.port))
    await asyncio.wait_for(call.acked.wait(), 4)
    await call.media.play(call.to, QUIET[:6400] + PROMPT + 8 * QUIET)
    await going_on


def provisional(*says: str, more: tuple[str, ...] = ()) -> Tells:
    """These first, then the usual."""

    async def story(call: Call) -> None:
        for one in says:
            call.answer(one, *more)
        await usual()(call)

    return story


def many_forks(count: int) -> Tells:
    async def story(call: Call) -> None:
        for number in range(count):
            call.answer("180 Ringing", tag=f"fork{number}")
        await usual()(call)

    return story


def again_and_again(count: int) -> Tells:
    """The 200 comes again, as if the ACK had been lost (RFC 3261, 13.3.1.4)."""

    async def story(call: Call) -> None:
        for _ in range(count):
            call.answer("200 OK", body=sdp(call.media.port))
        await asyncio.wait_for(call.acked.wait(), 4)
        await call.media.play(call.to, VOICE)

    return story


def after_a_second(*asks: tuple[str, str, tuple[str, ...]]) -> Tells:
    """Asks this within the call, and goes on playing."""

    async def story(call: Call) -> None:
        call.answer("200 OK", body=sdp(call.media.port))
        await asyncio.wait_for(call.acked.wait(), 4)
        playing = asyncio.ensure_future(call.media.play(call.to, VOICE + 4 * QUIET))
        await asyncio.sleep(1)  # what a PBX does in a call takes its time
        for method, body, more in asks:
            await call.request(method, *more, body=body.replace("PORT", str(call.media.port)))
        await playing

    return story


def farewell(status: str) -> Tells:
    """Our BYE is answered so."""

    async def story(call: Call) -> None:
        call.of_farewell = status
        await usual()(call)

    return story


AGAIN = sdp(0, version=2).replace("m=audio 0", "m=audio PORT")
PCMU = AGAIN.replace("AVP 8", "AVP 0").replace("8 PCMA", "0 PCMU")
BESIDE = (
    Story("stun-beside", beside(STUN), "RFC 5389, 8; RFC 7983: sorted by the first byte"),
    Story("rtcp-beside", beside(RTCP), "RFC 5761, 4: multiplexed without being asked"),
    Story("zrtp-beside", beside(ZRTP), "RFC 6189, 5: an endpoint that offers it in the sound"),
    Story("dtls-beside", beside(DTLS), "RFC 5764, 5.1.2"),
    Story("keep-alives-beside", beside(b"\0", b"\r\n\r\n", b""), "RFC 6263, 4"),
    Story("short-beside", beside(b"\x80\x08\0\1"), "cut off on the way"),
    Story("twice", twice, "a mirrored port"),
    Story("swapped", usual(packets=swapped), "RFC 3550, A.1: out of order"),
    Story("two-sources", two_sources, "RFC 3550, 8.2"),
    Story("padded", usual(head=(0xA0, b""), packets=padded), "RFC 3550, 5.1"),
    Story("silence-suppressed", paused(4.2, 6.0), "RFC 3551, 4.1; G.711 without its Appendix II"),
    Story("marked-always", usual(pt=ALAW | 128), "RFC 3550, 5.1: profiles say what it means"),
    Story("version-1-beside", beside(b"\x40\x08" + bytes(170)), "RFC 3550, A.1"),
)
PROVISIONAL = (
    Story("180-thrice", provisional("180 Ringing", "180 Ringing", "180 Ringing"), "13.3.1.1"),
    Story("183-empty", provisional("183 Session Progress", "180 Ringing"), "RFC 3261, 21.1.5"),
    Story("110-unknown", provisional("110 Push sent", "155 Update"), "RFC 3261, 8.1.3.2"),
    Story("twenty-forks", many_forks(20), "RFC 3261, 16.7"),
    Story("200-thrice", again_and_again(3), "RFC 3261, 13.3.1.4"),
    Story("many-headers", usual(*(f"X-Trace-{n}: {'y' * 60}" for n in range(40))), "3 kB of SBC"),
    Story("alert-info", usual("Alert-Info: <http://127.0.0.1:9/r.wav>"), "RFC 3261, 20.4"),
    Story(
        "p-early-media",
        provisional("183 Session Progress", more=("P-Early-Media: inactive",)),
        "RFC 5009",
    ),
    Story("timer-unasked", usual("Session-Expires: 90;refresher=uas"), "RFC 4028, 7.2"),
    Story("unknown-require", usual("Require: x-vendor"), "RFC 3261, 8.2.2.3: of requests alone"),
)
SECOND_THOUGHTS = (
    Story("codec-changes", after_a_second(("INVITE", PCMU, ())), "RFC 3264, 8.3.2", settings=HOLD),
    Story("update-described", after_a_second(("UPDATE", AGAIN, ())), "RFC 3311", settings=HOLD),
    Story(
        "update-bare",
        after_a_second(("UPDATE", "", ("Session-Expires: 90;refresher=uas",))),
        "RFC 4028, 7.4",
        settings=HOLD,
    ),
    Story(
        "invite-thrice",
        after_a_second(*((("INVITE", AGAIN, ()),) * 3)),
        "RFC 3261, 14.2",
        settings=HOLD,
    ),
    Story(
        "publish", after_a_second(("PUBLISH", "", ("Event: presence",))), "RFC 3903", settings=HOLD
    ),
    Story("made-up-method", after_a_second(("FROB", "", ())), "RFC 3261, 8.2.1", settings=HOLD),
    Story(
        "info-unknown",
        after_a_second(("INFO", "", ("Info-Package: x",))),
        "RFC 6086",
        settings=HOLD,
    ),
    Story(
        "required-unknown",
        after_a_second(("INVITE", AGAIN, ("Require: x-vendor",))),
        "RFC 3261, 8.2.2.3",
        settings=HOLD,
    ),
    Story("farewell-481", farewell("481 Call/Transaction Does Not Exist"), "RFC 3261, 15.1.2"),
    Story("farewell-500", farewell("500 Server Internal Error"), "RFC 3261, 15.1.1"),
    Story("farewell-403", farewell("403 Forbidden"), "RFC 3261, 15.1.1"),
    Story("farewell-202", farewell("202 Accepted"), "RFC 3261, 21.2"),
)


@pytest.mark.parametrize(
    "stories", [BESIDE, PROVISIONAL, SECOND_THOUGHTS], ids=["beside", "provisional", "thoughts"]
)
async def test_an_odd_and_lawful_phone_is_talked_to(
    tmp_path: Path, stories: Iterable[Story]
) -> None:
    await all_talked_to(tmp_path, stories)
