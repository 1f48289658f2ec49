"""Keys that people press, in the forms in which telephones and gateways send them: events of RTP
(RFC 4733), INFO with a body, or both; with packets lost, odd durations, other payload types.

Right is that whoever presses 1 has taken the ticket, once.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from monitor.desks.desk import Acknowledged
from tests.field.far_ends.phone import EVENT, Call, Tells, ringing, sdp
from tests.field.far_ends.test_calls import QUIET
from tests.loopback.test_telephone_desk import page, person, settings

pytestmark = [pytest.mark.slow, pytest.mark.engine]
AT_ONCE = 4
END = 0x80
Packet = tuple[int, int]
"""the second byte of an event (end, volume), and its duration in samples"""
USUAL: Sequence[Packet] = (*((10, 160 * n) for n in range(1, 6)), *[(END | 10, 960)] * 3)


def events(*packets: Packet, described: int = EVENT, marker: bool = True, digit: int = 1) -> Tells:
    """Answers, is quiet for a while, and presses the key so; the sound goes on afterwards. It is
    sent under the number that we offered, whichever the far end asks for (RFC 3264, 6.1).
    """

    async def story(call: Call) -> None:
        call.answer("200 OK", body=sdp(call.media.port, event=described))
        await asyncio.wait_for(call.acked.wait(), 4)
        await call.media.play(call.to, QUIET[:4000])
        for order, (how, duration) in enumerate(packets):
            first = 0x80 if marker and not order else 0
            head = struct.pack("!BBHII", 0x80, first | EVENT, 25 + order, 4000, 7)
            body = struct.pack("!BBH", digit, how, duration & 0xFFFF)
            call.media._transport.sendto(head + body, call.to)
            await asyncio.sleep(0.02)  # a packet each 20 ms, as a telephone has it
        await call.media.play(call.to, 12 * QUIET, seq=25 + len(packets), ts=5000)

    return story


def info(kind: str, body: str, also: Sequence[Packet] = ()) -> Tells:
    """Presses it by INFO, and by these events too."""

    async def story(call: Call) -> None:
        call.answer("200 OK", body=sdp(call.media.port))
        await asyncio.wait_for(call.acked.wait(), 4)
        playing = asyncio.ensure_future(call.media.play(call.to, 20 * QUIET))
        await asyncio.sleep(0.5)  # whoever picks up takes a moment
        call.tell("INFO", body, kind)
        for order, (how, duration) in enumerate(also):
            head = struct.pack("!BBHII", 0x80, EVENT, 900 + order, 90_000, 7)
            call.media._transport.sendto(head + struct.pack("!BBH", 1, how, duration), call.to)
        await playing

    return story


RELAY = "application/dtmf-relay"
ODD: dict[str, Tells] = {
    "usual": events(*USUAL),
    "its ends alone": events(*USUAL[-3:]),
    "one end": events(*USUAL[:5], (END | 10, 960)),
    "no end": events(*USUAL[:5]),
    "no marker": events(*USUAL, marker=False),
    "one packet": events((10, 160)),
    "no volume": events(*((how & END, duration) for how, duration in USUAL)),
    "described as 96": events(*USUAL, described=96),
    "held for nine seconds": events(
        *((10, 3200 * n) for n in range(1, 21)), *[(END | 10, 64000)] * 3
    ),
    "no duration": events((10, 0), (10, 0), (END | 10, 0)),
    "INFO": info(RELAY, "Signal=1\r\nDuration=160\r\n"),
    "INFO with blanks": info(RELAY, "Signal= 1\r\nDuration= 160"),
    "INFO without duration": info(RELAY, "Signal=1\r\n"),
    "INFO in one letter": info("application/dtmf", "1"),
    "INFO and events": info(RELAY, "Signal=1\r\nDuration=160\r\n", USUAL),
}


async def taken(folder: Path, story: Tells, lanes: asyncio.Semaphore) -> str:
    async with lanes, ringing(story) as phone:
        who = person("Ravi", phone.port)
        try:
            told = await settings(folder, who).desk("telephone").deliver(page(who))
        except Exception as problem:  # noqa: BLE001 - what came instead is the test's to tell
            return f"{type(problem).__name__}: {problem}"
    return "" if isinstance(told, Acknowledged) else f"{told}"


async def test_a_key_is_heard_however_it_is_sent(tmp_path: Path) -> None:
    lanes = asyncio.Semaphore(AT_ONCE)
    for name in ODD:
        (tmp_path / name).mkdir()
    looks = [taken(tmp_path / name, story, lanes) for name, story in ODD.items()]
    found = dict(zip(ODD, await asyncio.gather(*looks), strict=True))
    assert {name: said for name, said in found.items() if said} == {}
