"""Faults that only a far end made by hand can have: refusals with every cause, silence, broken
protocol, odd media.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator, Mapping
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any

from checks.contract import Check
from checks.telephony.registration import SipRegistration
from lab import prompts
from lab.pbx.g711 import SILENCE
from tests.faults.matrix import AGENTS, IVR, PRI, Look, Looked, Row
from tests.loopback.sipp.peer import attempt
from tests.ports import free_port
from tests.torture.aims import WELCOME, line, sip_call
from tests.torture.far_end import HOST, Asked, FarEnd, Story

HEAR = {"hear": str(prompts.FOLDER / "welcome.wav"), "within": "5s"}
QUIET = SILENCE["PCMA"]


def call(
    story: Story | None, *script: Mapping[str, Any], register: Story | None = None, **settings: Any
) -> Look:
    """A call to a far end that does so."""
    expect = settings.pop("expect", ())
    account = settings.pop("account", {})

    async def look(folder: Path) -> Looked:
        async with FarEnd(story, **({"register": register} if register else {})) as far:
            where = line(far.port, **account)
            check = sip_call(
                far.port, *(script or ({"stay": "1s"},)), **{**settings, "line": where}
            )
            return Looked(check, await attempt(check, folder / "seen"), expect)

    return look


def agent_at(story: Story) -> Look:
    """A call whose agent is registered at the far end too."""

    async def look(folder: Path) -> Looked:
        async with FarEnd(story) as far:
            account = line(far.port, user="agent-01", name="agent-01")
            check = sip_call(far.port, {"agent": account, "within": "3s"})
            return Looked(check, await attempt(check, folder / "seen"))

    return look


def registered(story: Story) -> Look:
    """A registration at a far end that does so."""

    async def look(folder: Path) -> Looked:
        async with FarEnd(register=story) as far:
            check: Check = SipRegistration.model_validate(
                {"line": line(far.port, user="monitor"), "within": "2s"}
            )
            return Looked(check, await attempt(check, folder / "seen"))

    return look


def says(status: str, *more: str) -> Story:
    """One response."""

    async def story(far: FarEnd, asked: Asked) -> None:
        far.say(far.answer(asked, status, *more))

    return story


def refused(status: int, cause: int | None, issue: str) -> Row:
    """A final response that says no, with a Q.850 cause or without."""
    reason = (f"Reason: Q.850;cause={cause}",) if cause is not None else ()
    code = f"sip:{status}" + (f"/{cause}" if cause is not None else "")
    name = f"refused {status}" + (f", cause {cause}" if cause is not None else "")
    return Row(name, "raw", "answer", code, issue, call(says(f"{status} No", *reason)))


def answer(body: str | None, *, tail: bytes = b"") -> Story:
    """200 with this description (None is the right one), and what follows the ACK is sound."""

    async def story(far: FarEnd, invite: Asked) -> None:
        said = far.answer(
            invite, "200 OK", body=far.sdp() if body is None else body.format(port=far.media.port)
        )
        far.say(said + tail)
        await far.acknowledged.wait()
        far.play(invite, cycle(WELCOME))

    return story


def plays(*frames: Iterator[bytes] | tuple[bytes, ...]) -> Story:
    """Answers and plays these."""

    async def story(far: FarEnd, invite: Asked) -> None:
        await far.pick_up(invite, chain(*frames))

    return story


async def nothing(far: FarEnd, asked: Asked) -> None:
    """Not a word."""


async def trying(far: FarEnd, invite: Asked) -> None:
    """100 and no more."""
    far.say(far.answer(invite, "100 Trying"))


async def provisionals(far: FarEnd, invite: Asked) -> None:
    """180 for ever, fifty a second."""
    while True:
        far.say(far.answer(invite, "180 Ringing"))
        await asyncio.sleep(0.02)


async def forked(far: FarEnd, invite: Asked) -> None:
    """Five answers of five far ends."""
    for tag in "abcde":
        far.say(far.answer(invite, "200 OK", body=far.sdp(), tag=tag))
    await far.acknowledged.wait()
    far.play(invite, cycle(WELCOME))


async def nonsense(far: FarEnd, invite: Asked) -> None:
    """No SIP at all."""
    far.say(b"HTTP/1.1 400 Bad Request\r\nServer: not a telephone\r\n\r\n")


async def another_call_id(far: FarEnd, invite: Asked) -> None:
    """An answer that belongs to nobody."""
    far.say(far.answer(invite, "200 OK", body=far.sdp()).replace(b"branch=", b"branch=not-"))


async def no_rtp_but_noise(far: FarEnd, invite: Asked) -> None:
    """Packets of no RTP."""
    await far.pick_up(invite)
    while True:
        far.say(b"this is sound, believe me", invite.media)
        await asyncio.sleep(0.02)


def packet(number: int) -> bytes:
    """An RTP packet of the welcome (RFC 3550 section 5.1)."""
    frame = WELCOME[number % len(WELCOME)]
    return struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, 160 * number & 0xFFFFFFFF, 7) + frame


async def rtp_flood(far: FarEnd, invite: Asked) -> None:
    """Forty packets where one is due."""
    await far.pick_up(invite)
    for number in range(200_000):
        far.say_rtp(packet(number), invite.media)
        if number % 40 == 39:
            await asyncio.sleep(0.02)


async def bye_unanswered(far: FarEnd, invite: Asked) -> None:
    """Sound, and no answer to BYE."""
    far.stories["BYE"] = nothing
    await far.pick_up(invite, cycle(WELCOME))


async def dropped(far: FarEnd, invite: Asked) -> None:
    """BYE with a cause in the middle of the call."""
    await far.pick_up(invite, cycle(WELCOME))
    await asyncio.sleep(1.0)  # the fault itself: it comes in the middle of the call
    far.say(far.request("BYE", invite, "Reason: Q.850;cause=41"))


async def register_twice(far: FarEnd, asked: Asked) -> None:
    """401 whatever is sent."""
    far.say(far.answer(asked, "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="y"'))


async def lossy(far: FarEnd, invite: Asked) -> None:
    """One packet of ten gets lost."""
    await far.pick_up(invite)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(1000):
        if number % 10 != 9:
            far.say_rtp(packet(number), invite.media)
        await asyncio.sleep(began + 0.02 * number - loop.time())


NO_EVENTS = (
    "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 8\n"
)
WRONG_CODEC = NO_EVENTS.replace("AVP 8", "AVP 96") + "a=rtpmap:96 opus/48000/2\n"
ANY = {"stay": "2s"}
REFUSALS: tuple[Row, ...] = (
    *(
        refused(status, cause, IVR)
        for status, cause in ((404, 1), (404, 3), (410, 22), (484, 28), (408, 18), (480, 19))
    ),
    *(
        refused(status, cause, IVR)
        for status, cause in ((480, 20), (403, 21), (503, 17), (486, None), (603, None))
    ),
    *(
        refused(status, cause, PRI)
        for status, cause in ((502, 27), (503, 38), (503, 41), (503, 42), (503, 44))
    ),
    *(
        refused(status, cause, PRI)
        for status, cause in ((503, 47), (504, 102), (500, None), (503, None), (403, None))
    ),
    refused(407, None, PRI),
    refused(488, None, IVR),
    Row(
        "moved, 302",
        "raw",
        "answer",
        "sip:302",
        IVR,
        call(says("302 Moved", f"Contact: <sip:x@{HOST}:9>")),
    ),
)
PROTOCOL: tuple[Row, ...] = (
    Row("no word", "raw", "signalling", "timeout", PRI, call(nothing)),
    Row("100 and no more", "raw", "answer", "timeout", IVR, call(trying)),
    Row("provisionals without end", "raw", "answer", "bad-peer", IVR, call(provisionals)),
    Row("forked answers", "raw", "answer", "bad-peer", IVR, call(forked)),
    Row("no SIP", "raw", "signalling", "bad-peer", PRI, call(nonsense)),
    Row("answer of nobody", "raw", "signalling", "bad-peer", PRI, call(another_call_id)),
    Row("status too big", "raw", "signalling", "bad-peer", PRI, call(says("4294967301 Big"))),
    Row("answer without SDP", "raw", "media", "bad-peer", IVR, call(answer(""))),
    Row("answer with nonsense for SDP", "raw", "media", "bad-peer", IVR,
        call(answer("v=0\nnothing of the kind\n"))),
    Row("answer too large", "raw", "media", "bad-peer", IVR,
        call(says("200 OK", "X-Large: " + "x" * 60_000))),
    Row("answer with another codec", "raw", "media", "no-codec", IVR, call(answer(WRONG_CODEC))),
    Row("audio refused", "raw", "media", "no-codec", IVR,
        call(answer(NO_EVENTS.replace("{port}", "0")))),
    Row("RTP that is none", "raw", "media", "bad-peer", IVR, call(no_rtp_but_noise)),
    Row("RTP flood", "raw", "media", "bad-peer", IVR, call(rtp_flood, ANY)),
    Row("BYE unanswered", "raw", "hang-up", "timeout", PRI, call(bye_unanswered)),
    Row("dropped in the call", "raw", "hold", "early-hang-up", AGENTS,
        call(dropped, {"stay": "4s"})),
    Row("registrar silent", "raw", "register", "timeout", PRI,
        call(None, register=nothing, account={"user": "u"})),
    Row("registrar: 403", "raw", "register", "sip:403", PRI, registered(says("403 Forbidden"))),
    Row("registrar does not bind", "raw", "register", "not-bound", PRI, registered(says("200 OK"))),
    Row("nobody listens, TCP", "raw", "signalling", "refused", PRI,
        call(None, account={"transport": "tcp", "registrar": f"{HOST}:{free_port()}"})),
    Row("name does not resolve", "raw", "signalling", "dns", PRI,
        call(None, account={"registrar": "no-such-host.invalid"})),
)  # fmt: skip
MEDIA: tuple[Row, ...] = (
    Row("RTP stops in the call", "raw", "hold", "no-rtp", AGENTS,
        call(plays(WELCOME[:100]), {"stay": "9s"})),
    Row("prompt cut short", "raw", "prompt", "not-heard|silent", IVR,
        call(plays(WELCOME[:75], repeat(QUIET)), HEAR)),
    Row("prompt comes too late", "raw", "prompt", "silent|not-heard", IVR,
        call(plays((QUIET,) * 350, WELCOME, repeat(QUIET)), HEAR)),
    Row("DTMF cannot be sent", "raw", "press", "no-telephone-event", IVR,
        call(answer(NO_EVENTS), HEAR, {"press": "1"})),
    Row("dead air", "raw", "media", "dead-air", IVR,
        call(plays(repeat(QUIET)), {"stay": "4s"}, dead_air="2s")),
    Row("silence without a script", "raw", "media", "silent", IVR,
        call(plays(repeat(QUIET)), script=(), listen="2s")),
    Row("one packet in ten lost", "raw", "rx_loss_percent", "expected:rx_loss_percent", PRI,
        call(lossy, {"stay": "4s"}, expect=("rx_loss_percent <= 3",))),
    Row("agent never rung", "raw", "agent", "not-rung", AGENTS,
        agent_at(plays(cycle(WELCOME)))),
)  # fmt: skip
ROWS: tuple[Row, ...] = (*REFUSALS, *PROTOCOL, *MEDIA)
