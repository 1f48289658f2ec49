"""Questions to a dnsmasq, and to name servers that answer wrongly, late or never."""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from pydantic import ValidationError

from checks.contract import Failed, Observation, Trace
from checks.network.dns import Dns
from tests.loopback.dnsmasq_server import LONG, dnsmasq
from tests.loopback.serving import Talk, listening, silent

real = pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="dnsmasq-base is not installed")


async def look(
    folder: Path, port: int, name: str = "portal.example.net", **settings: Any
) -> Observation:
    check = Dns(**{"name": name, "server": "127.0.0.1", "port": port, **settings})
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except Failed as refused:
        return trace.observation(refused)
    return trace.observation()


def said(seen: Observation) -> tuple[str, str]:
    assert seen.fault is not None, seen
    return seen.fault.stage, seen.fault.code


@real
async def test_every_type_of_record_is_asked_for_and_compared(tmp_path: Path) -> None:
    questions: list[tuple[str, str, tuple[str, ...]]] = [
        ("portal.example.net", "A", ("192.0.2.11", "192.0.2.10")),
        ("portal.example.net", "AAAA", ("2001:0db8:0:0::10",)),
        ("PORTAL.example.net.", "A", ("192.0.2.10",)),
        ("www.example.net", "A", ("192.0.2.10",)),
        ("www.example.net", "CNAME", ("Portal.example.net",)),
        ("example.net", "MX", ("10 mail.example.net",)),
        ("_sip._udp.example.net", "SRV", ("10 20 5060 sip.example.net.",)),
        ("10.2.0.192.in-addr.arpa", "PTR", ("portal.example.net",)),
        ("example.net", "TXT", ("v=spf1 -all",)),
    ]
    async with dnsmasq() as port:
        for name, record, answers in questions:
            seen = await look(tmp_path, port, name, record=record, answers=answers)
            assert seen.fault is None, seen
            assert seen.measures["answers"] >= len(answers) and seen.measures["ttl_seconds"] == 300
            assert [stage.name for stage in seen.stages] == ["ask", "answer"] and seen.measures[
                "ask_seconds"
            ] > 0

        wrong = await look(tmp_path, port, answers=("192.0.2.99",))
        assert said(wrong) == ("answer", "wrong-answer") and "192.0.2.10" in (
            wrong.fault.text if wrong.fault else ""
        )
        strange = await look(tmp_path, port, answers=("192.0.2.10",), only_these=True)
        assert said(strange) == ("answer", "wrong-answer") and "192.0.2.11" in str(strange.fault)
        assert said(await look(tmp_path, port, "none.example.net")) == ("answer", "dns:nxdomain")
        assert said(await look(tmp_path, port, "www.example.org")) == ("answer", "dns:refused")
        assert said(await look(tmp_path, port, "portal.example.net", record="MX")) == (
            "answer",
            "no-answer",
        )


@real
async def test_an_answer_that_is_cut_short_is_asked_for_again_over_tcp(tmp_path: Path) -> None:
    async with dnsmasq() as port:
        seen = await look(
            tmp_path, port, "long.example.net", record="TXT", answers=tuple(LONG), only_these=True
        )
    assert seen.fault is None, seen
    assert [stage.name for stage in seen.stages] == ["ask", "tcp", "answer"]
    assert seen.measures["answer_bytes"] > 1232 and seen.measures["answers"] == len(LONG)


Answer = Callable[[dns.message.Message], list[bytes]]


class NameServer(asyncio.DatagramProtocol):
    """Answers each datagram as a test wants it."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked = answer, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        for datagram in self.answer(dns.message.from_wire(data)):
            self.transport.sendto(datagram, addr)


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[tuple[int, NameServer]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(answer), local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1], server
    finally:
        transport.close()
        await asyncio.sleep(0)


def made(query: dns.message.Message, *addresses: str, rcode: int = 0, flags: int = 0) -> bytes:
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.Rcode(rcode))
    response.flags |= flags
    if addresses:
        response.answer.append(
            dns.rrset.from_text_list(query.question[0].name, 60, "IN", "A", list(addresses))
        )
    return response.to_wire(max_size=65535)


async def test_servfail_silence_and_nobody_there_are_told_apart(tmp_path: Path) -> None:
    async with answering(lambda query: [made(query, rcode=2)]) as (port, _):
        assert said(await look(tmp_path, port)) == ("answer", "dns:servfail")
    async with answering(lambda query: []) as (port, server):
        seen = await look(tmp_path, port, within=1.6)
    assert said(seen) == ("ask", "timeout") and server.asked == 2
    assert said(await look(tmp_path, port)) == ("ask", "refused")


async def test_a_lost_datagram_is_repeated_and_counted(tmp_path: Path) -> None:
    dropped: list[int] = []

    def second_time(query: dns.message.Message) -> list[bytes]:
        dropped.append(query.id)
        return [made(query, "192.0.2.10")] if len(dropped) > 1 else []

    async with answering(second_time) as (port, _):
        seen = await look(tmp_path, port, within=20.0)
    assert seen.fault is None and seen.measures["repetitions"] == 1


async def test_only_the_answer_to_our_own_question_counts(tmp_path: Path) -> None:
    def forged(query: dns.message.Message) -> list[bytes]:
        other = dns.message.make_query("evil.example.net", "A", id=query.id)
        guess = dns.message.make_query("portal.example.net", "A", id=query.id ^ 1)
        cut = made(query, "192.0.2.66")[:-3]
        noise = [b"", b"\0", os.urandom(1200), struct.pack("!H", query.id) + os.urandom(60), cut]
        return [
            *noise,
            made(other, "192.0.2.66"),
            made(guess, "192.0.2.66"),
            made(query, "192.0.2.10"),
        ]

    async with answering(forged) as (port, _):
        seen = await look(tmp_path, port, answers=("192.0.2.10",), only_these=True)
    assert seen.fault is None, seen


async def by_tcp(folder: Path, talk: Talk, **settings: Any) -> Observation:
    """What is seen when UDP says "ask over TCP", and TCP does what `talk` does."""
    loop = asyncio.get_running_loop()
    while True:
        async with listening(talk) as port:
            try:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: NameServer(lambda query: [made(query, flags=dns.flags.TC)]),
                    local_addr=("127.0.0.1", port),
                )
            except OSError:
                continue  # somebody has that port for UDP: another one
            try:
                return await look(folder, port, **settings)
            finally:
                transport.close()
                await asyncio.sleep(0)


async def test_what_goes_wrong_over_tcp_is_a_fault_of_that_stage(tmp_path: Path) -> None:
    async def short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        writer.write(b"\xff\xff" + b"x" * 100)
        await writer.drain()

    async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        writer.write(b"\xff\xff" + os.urandom(65535))
        await writer.drain()
        await silent(reader, writer)

    for talk, code in ((short, "closed"), (noise, "bad-peer"), (silent, "timeout")):
        seen = await by_tcp(tmp_path, talk, within=1.0 if code == "timeout" else 30.0)
        assert said(seen) == ("tcp", code), seen


async def test_a_hostile_answer_of_64_kib_is_read_without_holding_up_the_loop(
    tmp_path: Path,
) -> None:
    async def many(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = struct.unpack("!H", await reader.readexactly(2))[0]
        query = dns.message.from_wire(await reader.readexactly(length))
        wire = await asyncio.to_thread(
            made, query, *(f"10.0.{n // 256}.{n % 256}" for n in range(3900))
        )
        writer.write(struct.pack("!H", len(wire)) + wire)
        await silent(reader, writer)

    gaps: list[float] = []

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(0.001)
            gaps.append(loop.time() - began)

    ticking = asyncio.create_task(tick())
    seen = await by_tcp(tmp_path, many, within=30.0)
    ticking.cancel()
    assert seen.fault is None and seen.measures["answers"] == 3900
    assert sorted(gaps)[int(len(gaps) * 0.9)] < 0.1
    assert len(seen.notes[0]) < 300


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"server": "dns.example.net"}, "asked by its address"),
        ({"record": "ANY"}, "Input"),
        ({"name": ""}, "at least"),
    ],
)
def test_settings_say_what_would_be_right(settings: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Dns(**{"name": "example.net", **settings})


async def test_a_name_that_cannot_be_asked_for_is_our_own_fault(tmp_path: Path) -> None:
    seen = await look(tmp_path, 53, name=f"{'x' * 70}.example.net")
    assert said(seen) == ("ask", "dns") and seen.fault and seen.fault.origin == "local"
