"""The lab's queue: who is rung, when the next one is, and what both sides hear once one has
answered.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab import Lab
from lab.pbx import queue
from lab.pbx.g711 import transcoding
from tests.loopback.raw_phone import RawPhone, media_port


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as running:
        yield running
    assert running.pbx.mishaps == []
    assert running.pbx.legs == {}


async def waiting_caller(phone: RawPhone) -> int:
    """Call and press 1; gives the exchange's media port."""
    port = media_port(await phone.call())
    phone.key_packets(port, 1, timestamp=4000)
    return port


async def log_in(phone: RawPhone, lab: Lab, user: str) -> None:
    assert (await phone.register(user, lab.passwords[user].read_text().strip())).code == 200


def packet(payload_type: int, sequence: int, payload: bytes, source: int = 9) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, sequence, 160 * sequence, source) + payload


async def heard(phone: RawPhone, payload: bytes) -> bytes:
    """The packet with this payload, once it comes."""
    async with asyncio.timeout(5):
        while True:
            frame = await phone.rtp.came.get()
            if frame[12:] == payload:
                return frame


async def test_an_agent_who_does_not_answer_is_cancelled_and_the_next_one_rung(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "RING_SECONDS", 0.5)
    async with (
        RawPhone(lab.pbx.port) as caller,
        RawPhone(lab.pbx.port) as first,
        RawPhone(lab.pbx.port) as second,
    ):
        await log_in(first, lab, "agent-01")
        await log_in(second, lab, "agent-02")
        caller_port = await waiting_caller(caller)
        unanswered = await first.rung()
        await first.request("CANCEL")
        first.answer(unanswered, "487 Request Terminated")
        assert (await first.next()).headers["CSeq"] == "1 ACK"
        invite = await second.rung()
        second.pick_up(invite, codecs="0 101")  # µ-law only: the caller speaks A-law
        assert (await second.next()).headers["CSeq"] == "1 ACK"
        second.pick_up(invite, codecs="0 101")  # as if that ACK were lost
        assert (await second.next()).headers["CSeq"] == "1 ACK"

        agent_port = media_port(invite)
        sound = bytes(range(160))
        second.rtp.transport.sendto(packet(0, 700, sound), ("127.0.0.1", agent_port))
        to_caller = await heard(caller, sound.translate(transcoding("PCMU", "PCMA")))
        assert to_caller[1] & 0x7F == 8
        assert to_caller[8:12] == caller.rtp.all[0][8:12], "the same SSRC as the prompts before"
        caller.rtp.transport.sendto(packet(8, 9, sound), ("127.0.0.1", caller_port))
        await heard(second, sound.translate(transcoding("PCMA", "PCMU")))

        lab.break_("one-way-to-agent")
        caller.rtp.transport.sendto(packet(8, 10, sound), ("127.0.0.1", caller_port))
        second.rtp.transport.sendto(packet(0, 701, sound), ("127.0.0.1", agent_port))
        again = await heard(caller, sound.translate(transcoding("PCMU", "PCMA")))
        assert (
            int.from_bytes(again[2:4], "big")
            == (int.from_bytes(to_caller[2:4], "big") + 1) & 0xFFFF
        )
        assert len(second.rtp.all) == 1, "what the caller said then was not heard"

        caller.say(caller.text("BYE", sequence=2))
        await caller.response()
        await second.request("BYE")


async def test_an_agent_who_refuses_hands_the_caller_on_and_hanging_up_ends_both_legs(
    lab: Lab,
) -> None:
    async with (
        RawPhone(lab.pbx.port) as caller,
        RawPhone(lab.pbx.port) as busy,
        RawPhone(lab.pbx.port) as free,
    ):
        await log_in(busy, lab, "agent-01")
        await log_in(free, lab, "agent-02")
        await waiting_caller(caller)
        invite = await busy.rung()
        busy.answer(invite, "486 Busy Here")
        invite = await free.rung()
        free.pick_up(invite, codecs="8")
        ack = await free.next()
        assert ack.headers["CSeq"] == "1 ACK"
        there = ack.from_address.parameters["tag"]
        here = ack.to_address.parameters["tag"]
        free.say(
            (
                f"BYE sip:lab@127.0.0.1:{lab.pbx.port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{free.sip.port};branch=z9hG4bKbye;rport\r\n"
                f"From: <sip:agent-02@x>;tag={here}\r\nTo: <sip:8000@x>;tag={there}\r\n"
                f"Call-ID: {ack.call_id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n"
            ).encode()
        )
        assert (await free.response()).code == 200
        assert "cause=16" in (await caller.request("BYE")).headers["Reason"]


async def test_a_caller_who_leaves_while_an_agent_rings_stops_the_ringing(lab: Lab) -> None:
    async with RawPhone(lab.pbx.port) as caller, RawPhone(lab.pbx.port) as agent:
        await log_in(agent, lab, "agent-01")
        await waiting_caller(caller)
        invite = await agent.rung()
        caller.say(caller.text("BYE", sequence=2))
        assert (await caller.response()).code == 200
        await agent.request("CANCEL")
        agent.answer(invite, "487 Request Terminated")
        assert (await agent.next()).headers["CSeq"] == "1 ACK"


async def test_without_agents_the_caller_hears_music_until_one_logs_in(lab: Lab) -> None:
    async with RawPhone(lab.pbx.port) as caller, RawPhone(lab.pbx.port) as agent:
        await waiting_caller(caller)
        async with asyncio.timeout(10):
            while not lab.pbx.queue.waiting:
                await caller.rtp.came.get()
            music = [await caller.rtp.came.get() for _ in range(50)]
        assert len({frame[12:] for frame in music}) > 40, "a tune, not silence"
        await log_in(agent, lab, "agent-02")
        agent.pick_up(await agent.rung(within=3), codecs="8 101")
        await agent.next()
        caller.say(caller.text("BYE", sequence=2))
        await caller.response()
        await agent.request("BYE")


async def test_an_agent_who_is_made_unreachable_stops_ringing(lab: Lab) -> None:
    async with RawPhone(lab.pbx.port) as caller, RawPhone(lab.pbx.port) as agent:
        await log_in(agent, lab, "agent-01")
        await waiting_caller(caller)
        invite = await agent.rung()
        lab.break_("agent-not-reachable")
        await agent.request("CANCEL")
        agent.answer(invite, "487 Request Terminated")
        await agent.next()
        caller.say(caller.text("BYE", sequence=2))
        await caller.response()
