"""More telephones that answer in odd but lawful ways, of the same kinds as test_calls.py: further
descriptions, routes, forks and media that changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.field.far_ends.phone import HOST, Call, Change, Tells, ringing, sdp
from tests.field.far_ends.test_calls import (
    FIELD,
    HEAR,
    HOLD,
    PRESS,
    VOICE,
    all_talked_to,
    asks,
    described,
    ends,
    put,
    usual,
)
from tests.field.story import Story, failed, in_short, once

pytestmark = [pytest.mark.slow, pytest.mark.engine]
ADDRESS = f"c=IN IP4 {HOST}\r\n"
KEY = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"


async def another_codec_early(call: Call) -> None:
    """The early dialog takes PCMU, the one that answers PCMA."""
    early = await call.another()
    mulaw = sdp(early.port).replace("AVP 8", "AVP 0").replace("8 PCMA", "0 PCMU")
    call.answer("183 Session Progress", body=mulaw, tag="forka")
    call.tag = "forkb"
    call.answer("200 OK", body=sdp(call.media.port))
    await asyncio.wait_for(call.acked.wait(), 4)
    await call.media.play(call.to, VOICE)


async def described_early_alone(call: Call) -> None:
    """Unreliable, and not again in the 200: Cisco gateways did so."""
    call.answer("183 Session Progress", body=sdp(call.media.port))
    call.answer("200 OK")
    await asyncio.wait_for(call.acked.wait(), 4)
    await call.media.play(call.to, VOICE)


async def forwarded(call: Call) -> None:
    call.answer("181 Call Is Being Forwarded")
    call.answer("182 Queued", "Retry-After: 3")
    call.answer("199 Early Dialog Terminated", tag="gone")
    await usual()(call)


def routed(*routes: str) -> Tells:
    """Through proxies that stay in the way, which are ourselves."""

    async def story(call: Call) -> None:
        places = ", ".join(f"<sip:{HOST}:{call.phone.port}{one}>" for one in routes)
        await usual(f"Record-Route: {places}")(call)

    return story


def reached_at(parameters: str) -> Tells:
    """A Contact with these parameters."""

    async def story(call: Call) -> None:
        await usual(f"Contact: <sip:far@{HOST}:{call.phone.port}{parameters}>")(call)

    return story


def in_time(begin: float, end: float, **otherwise: Any) -> Change:
    return lambda seconds: otherwise if begin <= seconds < end else {}


def held_by_nobody(call: Call) -> str:
    return sdp(call.media.port, version=2).replace(ADDRESS, "c=IN IP4 0.0.0.0\r\n")


def changed(change: Callable[[str], str]) -> Tells:
    return usual(change=change)


COMFORT = {"pt": 13, "payload": b"\x40"}
SIGNALLING = (
    Story("fork-other-codec", another_codec_early, "pjsip/pjproject#1764"),
    Story("183-described-200-empty", described_early_alone, "RFC 3261, 13.2.1: an old gateway"),
    Story("forwarded-queued-terminated", forwarded, "RFC 3261, 21.1; RFC 6228"),
    Story("record-route-in-a-line", routed(";lr;x=2", ";lr;x=1"), "miconda/sipexer#11"),
    Story("record-route-strict", routed(""), "RFC 2543: no lr"),
    Story("contact-with-parameters", reached_at(";transport=UDP;ob;gr=1"), "RFC 5627"),
)
CHANGES = (
    Story("ptime-30", usual(change=lambda s: s + "a=ptime:30\r\n", ptime=30), "RFC 4566, 6"),
    Story("ptime-changes", usual(packets=in_time(1.0, 2.5, ptime=40)), "RFC 3551, 4.2"),
    Story("comfort-noise", usual(packets=in_time(4.5, 99, **COMFORT)), "RFC 3389"),
    Story("hold-0000", asks(("INVITE", held_by_nobody, ())), "RFC 2543, B.5", settings=HOLD),
    Story(
        "refer-and-subscribe",
        asks(
            ("SUBSCRIBE", lambda _c: "", ("Event: dialog", "Expires: 60")),
            ("REFER", lambda _c: "", (f"Refer-To: <sip:nobody@{HOST}:9>",)),
        ),
        "RFC 3265, RFC 3515: what is not followed is refused, and the call lives",
        settings=HOLD,
    ),
    Story("described-again", asks(("INVITE", described(), ())), "RFC 4028", settings=HOLD),
)
DESCRIPTIONS = (
    Story("s-blank", put("s=-", "s= "), FIELD),
    Story("o-19-digits", put("o=- 1 1", "o=- 9223372036854775807 1"), FIELD),
    Story("o-dotted", put("o=- 1 1 IN", "o=- 1.5 1 IN"), FIELD),
    Story("o-odd", put("o=- 1 1", "o=Cisco-SIPUA 99999999999999999999 0"), FIELD),
    Story("c-of-the-media", changed(lambda s: s.replace(ADDRESS, "") + ADDRESS), FIELD),
    Story("a-with-blank-at-the-end", put("PCMA/8000\r\n", "PCMA/8000 \r\n"), FIELD),
    Story("blank-line-first", changed(lambda s: "\r\n" + s), FIELD),
    Story("fmtp-odd", ends("a=fmtp:101 0-15,66,70 ; x=y", "a=fmtp:8 ", "a=x-tag:", "a=:"), FIELD),
    Story("times-odd", put("t=0 0", "t=3034423619 3042462419\r\nr=7d 1h 0 25h\r\nz=0 0"), FIELD),
    Story("key-in-clear", put("t=0 0", "t=0 0\r\nk=prompt"), "RFC 4566, 5.12"),
    Story("no-last-line-end", changed(lambda s: s.rstrip("\r\n")), FIELD),
    Story("blank-lines-last", ends("", ""), FIELD),
    Story("two-sounds", ends("m=audio 0 RTP/AVP 0"), FIELD),
    Story("video-without-format", ends("m=video 0 RTP/AVP"), FIELD),
    Story("rtcp-odd", ends("a=rtcp:", "a=rtcp-fb:* nack", "a=rtcp-mux"), FIELD),
    Story("key-unasked", ends(f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}"), "RFC 4568, 5.1"),
    Story("ssrc", ends("a=ssrc:900323067 cname:x@y"), "pjsip/pjproject#5123"),
    Story("ptime-as-text", ends("a=ptime:20.0"), FIELD),
    Story("sendonly", ends("a=sendonly"), "RFC 3264, 6.1: an announcement"),
    Story("no-sound", put("m=audio", "m=image"), "RFC 3264, 6", failed("", "bad-peer")),
)


@pytest.mark.parametrize(
    "stories", [SIGNALLING, CHANGES, DESCRIPTIONS], ids=["sip", "changes", "sdp"]
)
async def test_an_odd_and_lawful_phone_is_talked_to(
    tmp_path: Path, stories: Iterable[Story]
) -> None:
    await all_talked_to(tmp_path, stories)


@pytest.mark.parametrize("number", [97, 0, 72], ids=["unknown", "not-answered", "of-rtcp"])
async def test_sound_of_a_number_that_nobody_agreed_on_is_told_as_such(
    tmp_path: Path, number: int
) -> None:
    """RFC 3264, 6.1: it is not played, and the reason is what the one on watch needs."""
    async with ringing(usual(pt=number)) as phone:
        line = {"registrar": f"{HOST}:{phone.port}"}
        seen = await once(tmp_path, "sip-call", line, line="main", to="8000", **HEAR)
    fault = seen.verdict.fault
    assert fault and (fault.stage, fault.code) == ("prompt", "silent"), in_short(seen)
    assert f"payload type {number}, and 8 was agreed" in fault.text


async def test_keys_are_offered_and_pressed_by_the_usual_number(tmp_path: Path) -> None:
    """asterisk.md of the field, F5: with direct media each phone goes on with its own number."""
    async with ringing(usual()) as phone:
        line = {"registrar": f"{HOST}:{phone.port}"}
        seen = await once(tmp_path, "sip-call", line, line="main", to="8000", **PRESS)
    assert str(seen.verdict.state) == "OK", in_short(seen)
    (call,) = phone.calls.values()
    assert "a=rtpmap:101 telephone-event/8000" in call.invite.text
    assert call.media.digits == [(101, 1), (101, 2)]
