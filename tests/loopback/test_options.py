"""sip-options against the lab's exchange, and against peers that misbehave."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import Check, Failed, Observation, Trace
from checks.kinds import kinds
from checks.telephony.call.line import Line
from checks.telephony.options import SipOptions
from lab import Lab


async def look(check: Check, folder: Path) -> Observation:
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except Failed as refused:
        return trace.observation(refused)
    return trace.observation()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path / "lab") as running:
        yield running


Peer = Callable[[Callable[[bytes], list[bytes]]], Awaitable[int]]


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """A UDP peer on a free port that says to each datagram whatever its function returns."""
    opened: list[asyncio.DatagramTransport] = []

    class Speaker(asyncio.DatagramProtocol):
        def __init__(self, answer: Callable[[bytes], list[bytes]]) -> None:
            self.answer = answer

        def datagram_received(self, data: bytes, addr: Any) -> None:
            for said in self.answer(data):
                opened[-1].sendto(said, addr)

    async def start(answer: Callable[[bytes], list[bytes]]) -> int:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: Speaker(answer), ("127.0.0.1", 0)
        )
        opened.append(transport)
        return int(transport.get_extra_info("sockname")[1])

    yield start
    for transport in opened:
        transport.close()


def answered(question: bytes, status: str, *more: str) -> bytes:
    kept = [
        line
        for line in question.decode().split("\r\n")
        if line.startswith(("Via", "From", "To", "Call-ID", "CSeq"))
    ]
    return "\r\n".join([f"SIP/2.0 {status}", *kept, *more, "Content-Length: 0", "", ""]).encode()


async def test_a_trunk_that_works_answers_over_udp_and_tcp(lab: Lab, tmp_path: Path) -> None:
    for transport in ("udp", "tcp"):
        line = Line(registrar=f"127.0.0.1:{lab.pbx.port}", transport=transport)
        seen = await look(SipOptions(line=line), tmp_path)
        assert seen.fault is None
        assert [stage.name for stage in seen.stages] == ["connect", "answer"]
        assert seen.measures["sip_status"] == 200
        assert 0 < seen.measures["answer_seconds"] < 1
        assert seen.measures["repetitions"] == 0


async def test_tls_checks_the_certificate(lab: Lab, tmp_path: Path) -> None:
    where = f"127.0.0.1:{lab.pbx.tls_port}"
    trusting = Line(
        registrar=where, transport="tls", trusted_certificates=lab.certificate.certificate
    )
    assert (await look(SipOptions(line=trusting), tmp_path)).fault is None
    fault = (await look(SipOptions(line=Line(registrar=where, transport="tls")), tmp_path)).fault
    assert fault and (fault.stage, fault.code) == ("connect", "self-signed")
    assert "self-signed" in fault.text


async def test_plain_sip_behind_a_tls_line_is_a_tls_fault(lab: Lab, tmp_path: Path) -> None:
    line = Line(registrar=f"127.0.0.1:{lab.pbx.port}", transport="tls")
    fault = (await look(SipOptions(line=line, within=3.0), tmp_path)).fault
    assert fault and fault.stage == "connect" and fault.code in ("no-tls", "timeout")


async def test_a_trunk_without_circuits_says_so_with_its_cause(lab: Lab, tmp_path: Path) -> None:
    lab.break_("trunk-refuses")
    seen = await look(SipOptions(host=f"127.0.0.1:{lab.pbx.port}"), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("answer", "sip:503/34")
    assert "no circuit" in seen.fault.text
    assert seen.measures["q850_cause"] == 34


async def test_a_dead_trunk_is_asked_again_and_then_given_up(lab: Lab, tmp_path: Path) -> None:
    lab.break_("trunk-down")
    seen = await look(SipOptions(host=f"127.0.0.1:{lab.pbx.port}", within=1.7), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("answer", "timeout")
    assert seen.measures["repetitions"] == 2  # at 0.5 and 1.5 seconds
    assert 1.6 < seen.seconds < 2.5


async def test_one_lost_question_is_not_a_fault(peer: Peer, tmp_path: Path) -> None:
    heard: list[bytes] = []

    def deaf_at_first(question: bytes) -> list[bytes]:
        heard.append(question)
        return [answered(question, "200 OK")] if len(heard) > 1 else []

    port = await peer(deaf_at_first)
    seen = await look(SipOptions(host=f"127.0.0.1:{port}"), tmp_path)
    assert seen.fault is None and seen.measures["repetitions"] == 1
    assert heard[0] == heard[1], "a repetition is the same request, not a new one"


async def test_nobody_listening_is_a_refusal_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for transport in ("udp", "tcp"):
        seen = await look(
            SipOptions(host=f"127.0.0.1:{port}", transport=transport, within=3.0), tmp_path
        )
        assert seen.fault and seen.fault.code == "refused"
        assert seen.seconds < 2


async def test_what_is_not_sip_is_the_peers_fault(peer: Peer, tmp_path: Path) -> None:
    for said in (
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\x00garbage",
        b"SIP/2.0 200\r\nCall-ID\r\n\r\n",
    ):
        port = await peer(lambda _, said=said: [said])  # type: ignore[misc]
        fault = (await look(SipOptions(host=f"127.0.0.1:{port}"), tmp_path)).fault
        assert fault and (fault.stage, fault.code) == ("answer", "bad-peer")


async def test_anothers_answers_and_provisional_ones_do_not_count(
    peer: Peer, tmp_path: Path
) -> None:
    def confused(question: bytes) -> list[bytes]:
        other = answered(question, "503 Service Unavailable").replace(
            b"Call-ID: ", b"Call-ID: not-"
        )
        return [
            b"\r\n\r\n",
            other,
            answered(question, "100 Trying"),
            answered(question, "405 Method Not Allowed"),
        ]

    port = await peer(confused)
    seen = await look(SipOptions(host=f"127.0.0.1:{port}"), tmp_path)
    assert seen.fault is None and seen.measures["sip_status"] == 405


async def test_what_counts_as_proof_is_the_users_to_say(peer: Peer, tmp_path: Path) -> None:
    port = await peer(lambda question: [answered(question, "403 Forbidden")])
    fault = (await look(SipOptions(host=f"127.0.0.1:{port}"), tmp_path)).fault
    assert fault and fault.code == "sip:403" and fault.text == "Forbidden"
    assert (
        await look(SipOptions(host=f"127.0.0.1:{port}", accept=(200, 403)), tmp_path)
    ).fault is None


async def test_a_connection_closed_on_the_question_is_a_fault(tmp_path: Path) -> None:
    async def slam(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(slam, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    fault = (await look(SipOptions(host=f"127.0.0.1:{port}", transport="tcp"), tmp_path)).fault
    server.close()
    await server.wait_closed()
    assert fault and fault.stage == "answer" and fault.code == "closed"


async def test_a_name_that_does_not_resolve_is_a_dns_fault(tmp_path: Path) -> None:
    fault = (await look(SipOptions(host="trunk.invalid", within=20.0), tmp_path)).fault
    assert fault and (fault.stage, fault.code) == ("connect", "dns")


def test_settings_say_what_would_be_right() -> None:
    assert kinds()["sip-options"] is SipOptions
    for wrong, said in (
        ({}, "either a line or a host"),
        ({"host": "a b"}, "no host; write host or host:port"),
        ({"host": "a", "accept": [100]}, "not a final SIP status"),
    ):
        with pytest.raises(ValidationError, match=said):
            SipOptions.model_validate(wrong)
