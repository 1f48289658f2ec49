"""The time of day against time servers: a real chronyd, one that is five seconds ahead, and servers
that lie.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Observation
from checks.host.clock_offset import HostClock
from checks.host.sntp import Told, ask
from tests.loopback.host_look import Watch, fault, severities, tells
from tests.ports import free_port

SINCE_1900 = 2_208_988_800
Reply = Callable[[bytes], bytes]


def stamp(seconds: float) -> bytes:
    whole = int(seconds)
    return struct.pack("!II", (whole + SINCE_1900) % (1 << 32), int((seconds - whole) * (1 << 32)))


def answering(
    offset: float = 0.0, head: int = 0x24, stratum: int = 2, identity: bytes = b"\x7f\0\0\1"
) -> Reply:
    """A server whose clock is `offset` seconds ahead of ours."""

    def reply(question: bytes) -> bytes:
        now = stamp(time.time() + offset)
        return (
            bytes([head, stratum, 6, 0xEC])
            + bytes(8)
            + identity
            + now
            + question[40:48]
            + now
            + now
        )

    return reply


class Server(asyncio.DatagramProtocol):
    """Answers as it is told to."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked = replies, 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        for reply in self.replies:
            self.transport.sendto(reply(data), addr)


Serve = Callable[..., Awaitable[tuple[Server, str]]]


@pytest.fixture
async def serving() -> AsyncIterator[Serve]:
    """Starts servers, and says where each is."""
    transports: list[asyncio.DatagramTransport] = []

    async def serve(*replies: Reply) -> tuple[Server, str]:
        transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Server(*replies), local_addr=("127.0.0.1", 0)
        )
        transports.append(transport)
        return server, "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])

    yield serve
    for transport in transports:
        transport.close()
    await asyncio.sleep(0)


async def look(folder: Path, *servers: str) -> Observation:
    return await Watch(folder, HostClock(servers=servers, answer_within="0.5s")).look()


@contextmanager
def chronyd(folder: Path, ahead: str = "") -> Iterator[str]:
    """A real NTP server that steers no clock; `ahead` as faketime writes it ("+5s")."""
    folder.mkdir()
    port = free_port()
    settings = [
        "local stratum 3",
        "bindaddress 127.0.0.1",
        f"port {port}",
        "allow 127.0.0.1",
        "cmdport 0",
    ]
    own = [f"pidfile {folder}/pid", f"bindcmdaddress {folder}/chronyd.sock"]
    program = shutil.which("chronyd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/bin")
    assert program, "Debian package chrony"
    command = [program, "-x", "-d", "-f", "/dev/null", "-u", "root", *settings, *own]
    shifted = [shutil.which("faketime") or "faketime", "-f", ahead] if ahead else []
    with (folder / "log").open("wb") as log:
        environment = {**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        process = subprocess.Popen(
            [*shifted, *command], stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(
            process.pid, signal.SIGTERM
        )  # faketime has the server for a child, and hands no signal on
        process.wait(30)


async def awaited(server: str) -> Told:
    """The first answer of a server that has just been started."""
    host, port = server.split(":")
    deadline = time.monotonic() + 60
    while True:
        try:
            return await ask(host, int(port), 0.5)
        except Exception:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chronyd drops rights that only root has")


@needs_root
async def test_a_clock_like_a_real_server_s_is_right(tmp_path: Path) -> None:
    with chronyd(tmp_path / "chrony") as server:
        await awaited(server)
        seen = await look(tmp_path, server)
    assert seen.fault is None
    assert seen.blind is None
    assert seen.measures["offset_seconds"] < 0.1
    assert seen.measures["servers"] == 1


@needs_root
async def test_a_clock_five_seconds_behind_a_real_server_is_a_minor_ticket(tmp_path: Path) -> None:
    with chronyd(tmp_path / "chrony", "+5s") as server:
        await awaited(server)
        seen = await look(tmp_path, server)
    stage, code, text = fault(seen)
    assert (stage, code) == ("compare", "clock-off")
    assert re.search(r"(4\.9\d*|5\.0\d*) s behind", text)
    assert 4.9 < seen.measures["behind_seconds"] < 5.1
    expected = {"xop": "minor", "ozonetel": "P3"}
    assert severities("host-clock", seen).items() <= expected.items()


async def test_three_servers_outvote_a_wrong_one(tmp_path: Path, serving: Serve) -> None:
    _, right = await serving(answering())
    _, also = await serving(answering(0.001))
    _, wrong = await serving(answering(-3600))
    seen = await look(tmp_path, right, wrong, also)
    assert seen.fault is None
    assert seen.measures["offset_seconds"] < 0.1
    assert tells(seen, "a time server is wrong", wrong)


async def test_two_servers_that_contradict_each_other_leave_nothing_known(
    tmp_path: Path, serving: Serve
) -> None:
    _, right = await serving(answering())
    _, wrong = await serving(answering(60))
    seen = await look(tmp_path, right, wrong)
    assert seen.blind is not None
    assert "contradict" in seen.blind


async def test_a_clock_that_is_a_little_off_is_a_warning(tmp_path: Path, serving: Serve) -> None:
    _, ahead = await serving(answering(0.4))
    seen = await look(tmp_path, ahead)
    assert seen.fault is None
    assert tells(seen, "0.4", "behind")


def saying_no_time(*fields: int) -> Reply:
    """Packets with zeros in the place of these stamps: 32 is when it came, 40 when it was sent."""

    def reply(question: bytes) -> bytes:
        told = bytearray(answering()(question))
        for begin in fields:
            told[begin : begin + 8] = bytes(8)
        return bytes(told)

    return reply


async def test_who_is_not_synchronised_tells_no_time(tmp_path: Path, serving: Serve) -> None:
    for reply in (
        # RFC 5905 section 8: read as a time, zero would put this host's clock off by decades.
        saying_no_time(32, 40),
        saying_no_time(40),
        saying_no_time(32),
        answering(head=0xE4),
        answering(stratum=16),
        answering(stratum=0, identity=b"RATE"),
    ):
        folder = tmp_path / os.urandom(4).hex()
        folder.mkdir()
        _, server = await serving(reply)
        assert fault(await look(folder, server))[:2] == ("ask", "no-answer")


async def test_a_kiss_of_death_is_not_asked_again(tmp_path: Path, serving: Serve) -> None:
    server, place = await serving(answering(stratum=0, identity=b"DENY"))
    seen = await look(tmp_path, place)
    assert server.asked == 1
    assert tells(seen, "kiss-of-death", "DENY")


async def test_an_answer_that_does_not_repeat_our_random_bits_is_nobody_s(
    tmp_path: Path, serving: Serve
) -> None:
    forged = answering(3600)
    _, place = await serving(lambda question: forged(bytes(48)), lambda question: b"x", answering())
    seen = await look(tmp_path, place)
    assert seen.fault is None
    assert seen.measures["offset_seconds"] < 0.1


async def test_nobody_there_is_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        seen = await look(tmp_path, f"127.0.0.1:{silent.getsockname()[1]}", "nowhere.invalid")
    assert fault(seen)[:2] == ("ask", "no-answer")


async def test_the_era_that_begins_in_2036_is_read_right(serving: Serve) -> None:
    later = 2_500_000_000.0 - time.time()
    _, place = await serving(answering(later))
    host, port = place.split(":")
    told = await ask(host, int(port), 5)
    assert abs(told.offset - later) < 5


async def test_summer_time_to_come_is_announced(tmp_path: Path, serving: Serve) -> None:
    _, server = await serving(answering())
    check = HostClock(servers=(server,), answer_within="0.5s", timezone="Europe/Berlin")
    march = 1_774_500_000.0  # 2026-03-26, three days before
    seen = await Watch(tmp_path, check).look(at=march)
    assert tells(seen, "Europe/Berlin", "CEST", "2026-03-29")
