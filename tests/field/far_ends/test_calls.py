"""Calls to telephones that answer in odd but lawful ways: forks, reliable provisional answers,
descriptions of every shape, media that changes, requests within the call.

Right is what other phones do: they talk. Several calls at once; what failed is told by name.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab.pbx import g711
from tests.field.far_ends.phone import HOST, Call, Change, Tells, ringing, sdp, usual_change
from tests.field.story import Story, in_short, once, said

pytestmark = [pytest.mark.slow, pytest.mark.engine]
AT_ONCE = 3
WELCOME = Path(__file__).parents[3] / "lab/prompts/welcome.wav"
PROMPT = b"".join(g711.recording(WELCOME, "PCMA"))
QUIET = b"\xd5" * 8000
"""a second of A-law silence"""
VOICE = QUIET[:3200] + PROMPT + 8 * QUIET
HEAR = {"script": [{"hear": str(WELCOME), "within": "6s"}]}
HOLD = {"script": [{"hold": "5s"}]}
PRESS = {"script": [*HEAR["script"], {"press": "12"}, {"hold": "1s"}]}
FIELD = "pjsip/pjproject#1233 #1625, AMWA-TV/sdpoker#56"


def tone(hertz: float, seconds: float) -> bytes:
    """A-law of a sine."""
    wave = (
        int(9000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(int(8000 * seconds))
    )
    return b"".join(g711.frames(wave, "PCMA"))


def usual(
    *more: str,
    change: Callable[[str], str] = str,
    kind: str = "application/sdp",
    packets: Change = usual_change,
    head: tuple[int, bytes] = (0x80, b""),
    **fixed: int,
) -> Tells:
    """Rings, answers and plays; `change` makes the description another one."""

    async def story(call: Call) -> None:
        call.answer("100 Trying")
        call.answer("180 Ringing")
        call.answer("200 OK", *more, body=change(sdp(call.media.port)), kind=kind)
        await asyncio.wait_for(call.acked.wait(), 4)
        await call.media.play(call.to, VOICE, change=packets, head=head, **fixed)

    return story


def put(old: str, new: str) -> Tells:
    """A description with this in the place of that."""
    return usual(change=lambda text: text.replace(old, new))


def ends(*lines: str) -> Tells:
    """A description with these lines at its end."""
    return usual(change=lambda text: text + "".join(f"{line}\r\n" for line in lines))


def at(moment: float, **otherwise: int) -> Change:
    return lambda seconds: otherwise if seconds >= moment else {}


def forked(second: str, third: str = "") -> Tells:
    """An early dialog plays a tone, another one answers."""

    async def story(call: Call) -> None:
        early = await call.another()
        call.answer("100 Trying")
        call.answer("183 Session Progress", body=sdp(early.port), tag="forka")
        await early.play(call.to, tone(425, 0.6))
        if third:
            call.answer("183 Session Progress", body=sdp(call.media.port), tag=second)
        call.tag = second
        call.answer("200 OK", body=sdp(call.media.port))
        await asyncio.wait_for(call.acked.wait(), 4)
        await call.media.play(call.to, VOICE)

    return story


def reliable(again: bool) -> Tells:
    """RFC 3262: the description in a 183 that is acknowledged, and again in the 200 or not."""

    async def story(call: Call) -> None:
        body = sdp(call.media.port)
        call.answer("183 Session Progress", "Require: 100rel", "RSeq: 1", body=body)
        await asyncio.wait_for(call.pracked.wait(), 4)
        call.answer("200 OK", body=body if again else "")
        await asyncio.wait_for(call.acked.wait(), 4)
        await call.media.play(call.to, VOICE)

    return story


def asks(*questions: tuple[str, Callable[[Call], str], tuple[str, ...]]) -> Tells:
    """Answers, plays, and asks this within the call after a second."""

    async def story(call: Call) -> None:
        call.answer("200 OK", body=sdp(call.media.port))
        await asyncio.wait_for(call.acked.wait(), 4)
        playing = asyncio.ensure_future(call.media.play(call.to, VOICE + 4 * QUIET))
        await asyncio.sleep(1)  # what a person does in a call takes its time
        for method, body, more in questions:
            await call.request(method, *more, body=body(call))
        await playing

    return story


def described(*more: str, version: int = 2) -> Callable[[Call], str]:
    return lambda call: sdp(call.media.port, *more, version=version)


def nothing(_call: Call) -> str:
    return ""


def t38(_call: Call) -> str:
    head = f"v=0\r\no=- 1 2 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
    return head + "m=image 5000 udptl t38\r\na=T38FaxVersion:0\r\n"


def moved(hertz: float) -> Tells:
    """Another media server takes over and plays a steady tone, which is even after some frames."""

    async def story(call: Call) -> None:
        call.answer("200 OK", body=sdp(call.media.port))
        await asyncio.wait_for(call.acked.wait(), 4)
        await call.media.play(call.to, VOICE[:12000])
        call.media, old = await call.another(), call.media
        call.others.append(old)
        await call.request("INVITE", body=sdp(call.media.port, version=2))
        await call.media.play(call.to, tone(hertz, 8))

    return story


async def milliwatt(call: Call) -> None:
    call.answer("200 OK", body=sdp(call.media.port))
    await asyncio.wait_for(call.acked.wait(), 4)
    await call.media.play(call.to, tone(1000, 12))


IN_CALL = (
    ("OPTIONS", nothing, ()),
    ("INFO", nothing, ()),
    ("UPDATE", nothing, ()),
    ("MESSAGE", nothing, ()),
    ("NOTIFY", nothing, ("Event: keep-alive", "Subscription-State: active")),
)
MIX = (
    "--x\r\nContent-Type: application/sdp\r\n\r\n{}\r\n--x\r\n"
    "Content-Type: application/isup\r\n\r\n"
)
SIGNALLING = (
    Story("good", usual(), "RFC 3261"),
    Story("fork-183-200", forked("forkb", "183"), "pjsip/pjproject#657 #1644 #1764"),
    Story("fork-200-of-a-third", forked("forkc"), "pjsip/pjproject#657 #1644 #1764"),
    Story("reliable-twice", reliable(again=True), "RFC 3262"),
    Story("reliable-200-empty", reliable(again=False), "RFC 3262, 5"),
    Story(
        "multipart",
        usual(
            change=lambda s: MIX.format(s) + "\x01\r\n--x--\r\n",
            kind='multipart/mixed;boundary="x"',
        ),
        "RFC 5621",
    ),
    Story(
        "session-timer", usual("Require: timer", "Session-Expires: 1800;refresher=uac"), "RFC 4028"
    ),
    Story("compact", usual("k: timer", "s: 1", kind="application/sdp"), "RFC 3261, 7.3.3"),
    Story(
        "events-on-96", usual(change=lambda s: s.replace("101", "96")), "RFC 4733", settings=PRESS
    ),
    Story("events-on-127", usual(change=lambda s: s.replace("101", "127")), "4733", settings=PRESS),
)
IN_THE_CALL = (
    Story("t38", asks(("INVITE", t38, ())), "RFC 3261, 14.1", settings=HOLD),
    Story("late-offer", asks(("INVITE", nothing, ())), "RFC 3261, 14.2", settings=HOLD),
    Story(
        "hold-and-resume",
        asks(("INVITE", described("a=inactive"), ()), ("INVITE", described(version=3), ())),
        "RFC 3264, 8.4",
        settings=HOLD,
    ),
    Story("in-dialog", asks(*IN_CALL), "RFC 3261, 12.2.2", settings=HOLD),
    Story("moved-to-a-test-line", moved(500), "a test line that takes over", settings=HOLD),
    Story("milliwatt", milliwatt, "ITU-T O.133: even after one frame", settings=HOLD),
)
MEDIA = (
    Story("ptime-10", usual(change=lambda s: s + "a=ptime:10\r\n", ptime=10), "RFC 4566, 6"),
    Story("ptime-60", usual(change=lambda s: s + "a=ptime:60\r\n", ptime=60), "RFC 4566, 6"),
    Story("ptime-unsaid-40", usual(ptime=40), "RFC 3551, 4.2"),
    Story("ssrc-change", usual(packets=at(1.2, ssrc=99, seq=30000, ts=123456)), "RFC 3550, 8"),
    Story("timestamp-jump", usual(packets=at(1.2, ts=4000000)), "pjsip/pjproject#1764"),
    Story("sequence-jump", usual(packets=at(1.2, seq=5000)), "RFC 3550, A.1"),
    Story("sequence-wrap", usual(seq=65500, ts=0xFFFFF000), "RFC 3550, A.1"),
    Story("extension", usual(head=(0x90, b"\xbe\xde\x00\x01\x10\x01\x00\x00")), "RFC 8285"),
    Story("csrc", usual(head=(0x82, b"\0\0\0\1\0\0\0\2")), "RFC 3550, 5.1"),
)
DESCRIPTIONS = (
    Story("host-name", put(f"c=IN IP4 {HOST}", "c=IN IP4 localhost"), "RFC 4566, 5.7"),
    Story("line-feeds", put("\r\n", "\n"), "RFC 4566, 5: SHOULD accept"),
    Story("no-t", put("t=0 0\r\n", ""), FIELD),
    Story("many-codecs", put("AVP 8 101", "AVP 8 0 18 4 9 101"), "RFC 3264, 6.1"),
    Story("no-rtpmap", put("a=rtpmap:8 PCMA/8000\r\n", ""), "RFC 3551, 6"),
    Story("small-letters", put("PCMA/8000", "pcma/8000/1"), "RFC 4855, 3"),
    Story("video-refused", ends("m=video 0 RTP/AVP 31"), "RFC 3264, 6"),
    Story("avpf", put("RTP/AVP ", "RTP/AVPF "), "RFC 4585; taken"),
    Story("o-20-digits", put("o=- 1 1", "o=- 18446744073709551615 1"), FIELD),
    Story("blanks-at-the-end", put("AVP 8 101\r\n", "AVP 8 101 \r\n"), FIELD),
    Story("bandwidth-odd", put("t=0 0", "b=AS:64.5\r\nt=0 0"), FIELD),
    Story("ssrc-bare", ends("a=ssrc:900323067"), "pjsip/pjproject#5123"),
    Story("candidates", ends("a=ice-ufrag:F7gI", "a=ice-pwd:x9cml/YzichV2+XlhiMu8g"), "RFC 8445"),
    Story("ptime-0", ends("a=ptime:0", "a=maxptime:0"), FIELD),
    Story("s-empty", put("s=-", "s="), FIELD),
    Story("s-missing", put("s=-\r\n", ""), FIELD),
    Story("o-with-blanks", put("o=- 1 1", "o=My PBX 1 1"), FIELD),
    Story("c-with-ttl", put(f"c=IN IP4 {HOST}", f"c=IN IP4 {HOST}/127"), FIELD),
    Story("a-empty", ends("a="), FIELD),
    Story("protocol-in-small-letters", put("RTP/AVP", "rtp/avp"), "RFC 4566, 8.2.3"),
    Story("two-blanks", put("m=audio ", "m=audio  "), "a template with an empty field"),
    Story("byte-order-mark", put("v=0", "\ufeffv=0"), "an editor's, in a template"),
    Story("nul-at-the-end", usual(change=lambda s: s + "\0"), FIELD),
)


async def looked_at(story: Story, folder: Path, lanes: asyncio.Semaphore, **more: str) -> str:
    """One call over a line with `more`; "" where it comes out right."""
    async with lanes:
        for _ in range(3):
            async with ringing(story.far) as phone:
                line = {"registrar": f"{HOST}:{phone.port}", **more}
                asked = {"to": "8000", "answer_within": "8s", **(story.settings or HEAR)}
                seen = await once(folder, "sip-call", line, line="main", **asked)
            # A probe that is starved says so, and is asked again.
            if seen.verdict.state != "UNKNOWN":
                break
    if said(seen, story.right) != story.right:
        return f"{story.name} ({story.source}): {in_short(seen)}"
    return f"{story.name}: {phone.broken}" if phone.broken else ""


async def all_talked_to(
    folder: Path, stories: Iterable[Story], at_once: int = AT_ONCE, **more: str
) -> None:
    """Several calls at once; what comes out otherwise than is right is told by name."""
    lanes = asyncio.Semaphore(at_once)
    told = []
    for story in stories:
        (own := folder / story.name).mkdir()
        told.append(looked_at(story, own, lanes, **more))
    wrong = [one for one in await asyncio.gather(*told) if one]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "stories", [SIGNALLING, IN_THE_CALL, MEDIA, DESCRIPTIONS], ids=["sip", "in-call", "rtp", "sdp"]
)
async def test_an_odd_and_lawful_phone_is_talked_to(
    tmp_path: Path, stories: Iterable[Story]
) -> None:
    await all_talked_to(tmp_path, stories)
