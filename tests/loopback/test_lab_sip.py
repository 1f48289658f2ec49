"""The lab's exchange on the wire: what RFC 3261, 3264, 4028 and 4733 ask of it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from lab import Lab
from tests.loopback.raw_phone import RawPhone, media_port


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as running:
        yield running
    assert running.pbx.mishaps == [], "a call broke inside the exchange"
    assert running.pbx.legs == {}


@pytest.fixture
async def phone(lab: Lab) -> AsyncIterator[RawPhone]:
    async with RawPhone(lab.pbx.port) as raw:
        yield raw


async def test_a_call_is_answered_plays_and_ends_by_the_callers_bye(
    lab: Lab, phone: RawPhone
) -> None:
    phone.say(phone.invite())
    codes = [(await phone.next()).code for _ in range(3)]  # type: ignore[union-attr]
    assert codes == [100, 180, 200]
    phone.say(phone.invite())  # a late repetition: the same answer again, not a second call
    again = await phone.response()
    assert len(lab.pbx.legs) == 1
    phone.say(phone.text("ACK"))
    frames = [await asyncio.wait_for(phone.rtp.came.get(), 2) for _ in range(50)]
    assert {len(frame) for frame in frames} == {172}
    assert {frame[1] & 0x7F for frame in frames} == {8}, "A-law, the first codec of the offer"
    assert frames[0][1] & 0x80 and not frames[1][1] & 0x80, "one marker, at the beginning"
    numbers = [struct.unpack("!H", frame[2:4])[0] for frame in frames]
    stamps = [struct.unpack("!I", frame[4:8])[0] for frame in frames]
    assert numbers == list(range(numbers[0], numbers[0] + 50))
    assert stamps == list(range(stamps[0], stamps[0] + 50 * 160, 160))
    assert b"a=sendrecv" in again.body and b"telephone-event" in again.body
    phone.say(phone.text("BYE", sequence=2))
    assert (await phone.response()).code == 200
    assert lab.pbx.legs == {}


async def test_an_answer_is_repeated_until_it_is_acknowledged(lab: Lab, phone: RawPhone) -> None:
    phone.say(phone.invite())
    await phone.response()
    repeated = await phone.response(within=1.5)  # T1
    assert repeated.code == 200
    phone.say(phone.text("ACK"))
    with pytest.raises(TimeoutError):
        await phone.response(within=1.5)
    phone.say(phone.text("BYE", sequence=2))
    await phone.response()


async def test_a_cancelled_call_is_terminated(lab: Lab, phone: RawPhone) -> None:
    lab.break_("rings-for-ever")
    phone.say(phone.invite())
    await phone.response(180)
    tag, phone.to_tag = phone.to_tag, ""
    phone.say(phone.text("CANCEL"))
    endings = {(m.cseq.method, m.code) for m in (await phone.response(), await phone.response())}
    assert endings == {("CANCEL", 200), ("INVITE", 487)}
    phone.to_tag = tag
    phone.say(phone.text("ACK"))
    assert lab.pbx.legs == {}


async def test_a_refusal_is_repeated_until_it_is_acknowledged(lab: Lab, phone: RawPhone) -> None:
    lab.break_("busy")
    phone.say(phone.invite())
    first = await phone.response()
    assert (first.code, first.headers["Reason"]) == (486, 'Q.850;cause=17;text="User busy"')
    assert (await phone.response(within=1.5)).code == 486
    phone.say(phone.text("ACK"))
    with pytest.raises(TimeoutError):
        await phone.response(within=1.5)


async def test_what_it_cannot_do_it_refuses_with_the_right_status(lab: Lab) -> None:
    cases: dict[int, Callable[[RawPhone], bytes]] = {
        404: lambda phone: phone.invite(number="9999"),
        488: lambda phone: phone.invite(codecs="3 97"),
        420: lambda phone: phone.invite("Require: 100rel"),
        422: lambda phone: phone.invite("Supported: timer", "Session-Expires: 60"),
        405: lambda phone: phone.text("SUBSCRIBE"),
        481: lambda phone: phone.text("BYE"),
        400: lambda phone: phone.text("INVITE").replace(b"Contact:", b"X-Contact:"),
    }
    for code, said in cases.items():
        async with RawPhone(lab.pbx.port) as phone:
            phone.say(said(phone))
            assert (await phone.response()).code == code
            if code not in (405, 481):
                phone.say(phone.text("ACK"))


async def test_noise_on_the_sip_port_harms_nobody(lab: Lab, phone: RawPhone) -> None:
    noise = (
        b"",
        b"\r\n\r\n",
        b"\x00" * 400,
        b"INVITE\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n",
        b"\xff" * 60000,
    )
    for data in noise:
        phone.say(data)
    phone.say(phone.invite().replace(b"CSeq: 1 INVITE", b"CSeq: one"))
    assert (await phone.call()).code == 200
    assert lab.pbx.transport.malformed == 4  # what is blank is a keep-alive
    phone.say(phone.text("BYE", sequence=2))
    await phone.response()


async def test_three_end_packets_are_one_key(lab: Lab, phone: RawPhone) -> None:
    answered = await phone.call()
    await asyncio.wait_for(phone.rtp.came.get(), 2)
    phone.key_packets(media_port(answered), 9, timestamp=4000)
    leg = next(iter(lab.pbx.legs.values()))
    phone.key_packets(media_port(answered), 2, timestamp=8000)
    bye = await phone.request("BYE", within=10)  # 2: opening hours, then BYE
    assert "cause=16" in bye.headers["Reason"]
    assert leg.keys.qsize() == 0


async def test_a_key_by_info_counts_too_and_may_come_while_the_welcome_plays(
    lab: Lab, phone: RawPhone
) -> None:
    await phone.call()
    body = "Signal=2\nDuration=160\n"
    phone.say(phone.text("INFO", "Content-Type: application/dtmf-relay", sequence=2, body=body))
    assert (await phone.response()).code == 200
    await phone.request("BYE", within=10)


async def test_a_call_that_is_not_refreshed_is_ended_and_one_that_is_lives_on(
    lab: Lab, phone: RawPhone
) -> None:
    answered = await phone.call("Supported: timer", "Session-Expires: 90")
    assert answered.headers["Session-Expires"] == "90;refresher=uac"
    assert answered.headers["Require"] == "timer"
    phone.say(
        phone.text("UPDATE", "Supported: timer", "Session-Expires: 90;refresher=uac", sequence=2)
    )
    refreshed = await phone.response()
    assert (refreshed.code, refreshed.headers["Session-Expires"]) == (200, "90;refresher=uac")
    leg = next(iter(lab.pbx.legs.values()))
    due = max(timer.when() for timer in leg.session._timers)
    assert 59 < due - asyncio.get_running_loop().time() <= 60, (
        "90 s less a third (RFC 4028 section 10)"
    )
    leg.session._expired()  # that moment has come
    assert "SIP;cause=408" in (await phone.request("BYE")).headers["Reason"]


async def test_hold_stops_the_sound_and_resume_brings_it_back(lab: Lab, phone: RawPhone) -> None:
    await phone.call()
    await asyncio.wait_for(phone.rtp.came.get(), 2)
    held = phone.invite().decode().replace("CSeq: 1", "CSeq: 2").replace("-1;rport", "-2;rport")
    for direction, expected in (("sendonly", b"a=recvonly"), ("sendrecv", b"a=sendrecv")):
        body = held.split("\r\n\r\n", 1)[1] + f"a={direction}\r\n"
        number = 2 if direction == "sendonly" else 3
        phone.say(
            phone.text(
                "INVITE",
                "Content-Type: application/sdp",
                sequence=number,
                body=body.replace("\r", ""),
            )
        )
        answered = await phone.response()
        phone.say(phone.text("ACK", sequence=number))
        assert answered.code == 200 and expected in answered.body
        while not phone.rtp.came.empty():
            phone.rtp.came.get_nowait()
        if direction == "sendonly":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(phone.rtp.came.get(), 0.3)
        else:
            await asyncio.wait_for(phone.rtp.came.get(), 2)
    phone.say(phone.text("BYE", sequence=4))
    await phone.response()


async def test_a_fault_works_at_once_in_a_call_under_way(lab: Lab, phone: RawPhone) -> None:
    await phone.call()

    async def payload() -> bytes:
        while not phone.rtp.came.empty():
            phone.rtp.came.get_nowait()
        for _ in range(2):
            frame = await asyncio.wait_for(phone.rtp.came.get(), 2)
        return frame[12:]

    async with asyncio.timeout(3):
        while await payload() == b"\xd5" * 160:  # the breath before the welcome
            pass
    lab.break_("ivr-silent")
    assert await payload() == b"\xd5" * 160
    lab.mend("ivr-silent")
    lab.break_("no-rtp")
    while not phone.rtp.came.empty():
        phone.rtp.came.get_nowait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(phone.rtp.came.get(), 0.3)
    lab.mend()
    await payload()
    lab.break_("early-hang-up")
    assert "cause=41" in (await phone.request("BYE", within=3)).headers["Reason"]


async def test_a_dead_trunk_says_nothing_at_all_until_it_is_mended(
    lab: Lab, phone: RawPhone
) -> None:
    lab.break_("trunk-down")
    phone.say(phone.invite())
    with pytest.raises(TimeoutError):
        await phone.next(0.7)
    lab.mend()
    assert (await phone.call()).code == 200, "a repetition of the same INVITE"
    phone.say(phone.text("BYE", sequence=2))
    await phone.response()


async def test_sound_goes_where_packets_come_from(lab: Lab, phone: RawPhone) -> None:
    answered = await phone.call()
    async with RawPhone(lab.pbx.port) as elsewhere:  # behind a NAT: not the port that the SDP names
        elsewhere.rtp.transport.sendto(
            struct.pack("!BBHII", 0x80, 8, 1, 160, 5) + b"\xd5" * 160,
            ("127.0.0.1", media_port(answered)),
        )
        await asyncio.wait_for(elsewhere.rtp.came.get(), 2)
    phone.say(phone.text("BYE", sequence=2))
    await phone.response()


async def test_ten_calls_at_once_keep_their_pace(lab: Lab) -> None:
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(RawPhone(lab.pbx.port)) for _ in range(10)]
        await asyncio.gather(*(phone.call() for phone in phones))

        async def listen(phone: RawPhone) -> None:
            while len(phone.rtp.all) < 150:
                await phone.rtp.came.get()

        await asyncio.wait_for(asyncio.gather(*(listen(phone) for phone in phones)), 10)
        for phone in phones:
            numbers = [struct.unpack("!H", frame[2:4])[0] for frame in phone.rtp.all]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            took = phone.rtp.moments[149] - phone.rtp.moments[0]
            assert 2.9 < took < 3.1, "149 frames of 20 ms: the schedule does not drift"
            phone.say(phone.text("BYE", sequence=2))
        assert [(await phone.response()).code for phone in phones] == [200] * 10
