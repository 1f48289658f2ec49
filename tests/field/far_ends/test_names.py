"""Name servers: old ones that refuse EDNS, answers of other owners, chains, truncation (RFC 1035,
RFC 6891, RFC 2308).

Messages are written by hand; every question is for portal.test, and 192.0.2.10 is right.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from monitor.incidents.correlation import AttemptResult
from tests.field.story import Right, Story, comes_out, failed, once, told
from tests.loopback.serving import listening

A, NS, CNAME, DNAME, OPT = 1, 2, 5, 39, 41
GOOD, TRUNCATED = 0x8180, 0x8380
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0x8181, 0x8182, 0x8183, 0x8184, 0x8185
BADVERS = b"\0" + struct.pack("!HHIH", OPT, 1232, 0x01000000, 0)
RIGHT, WRONG = bytes([192, 0, 2, 10]), bytes([198, 51, 100, 66])
SHORT_PAUSE_SECONDS = 0.05
Answers = Callable[[bytes], bytes | list[bytes] | None]
OLD = "zmap/zdns#617, c-ares/c-ares#911, wahern/dns#4; RFC 6891, 6.2.2 and 7"


def written(name: str) -> bytes:
    """A name without compression."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(owner: str, kind: int, data: bytes, ttl: int = 60, net: int = 1) -> bytes:
    """A resource record (RFC 1035, 3.2.1)."""
    return written(owner) + struct.pack("!HHIH", kind, net, ttl, len(data)) + data


def question(asked: bytes) -> bytes:
    """The question section."""
    at = 12
    while asked[at]:
        at += 1 + asked[at]
    return asked[12 : at + 5]


def with_edns(asked: bytes) -> bool:
    """Whether it has an additional record."""
    return asked[10:12] != b"\0\0"


def reply(
    asked: bytes,
    *answers: bytes,
    flags: int = GOOD,
    repeat: bool = True,
    authority: bytes = b"",
    more: bytes = b"",
    number: bytes = b"",
) -> bytes:
    """A message with these sections."""
    counts = (flags, int(repeat), len(answers), int(bool(authority)), int(bool(more)))
    text = question(asked) if repeat else b""
    return (
        (number or asked[:2])
        + struct.pack("!HHHHH", *counts)
        + text
        + b"".join(answers)
        + authority
        + more
    )


def good(asked: bytes, ttl: int = 60) -> bytes:
    """What is right."""
    return reply(asked, record("portal.test", A, RIGHT, ttl))


def old(says: Answers) -> Answers:
    """Says so to EDNS, and what is right without it."""
    return lambda asked: says(asked) if with_edns(asked) else good(asked)


def chain(*records: bytes, flags: int = GOOD) -> Answers:
    """Always these records."""
    return lambda asked: reply(asked, *records, flags=flags)


def to(target: str, owner: str = "portal.test") -> bytes:
    """An alias."""
    return record(owner, CNAME, written(target))


def in_other_case(asked: bytes) -> bytes:
    answer = good(asked)
    return answer[:13] + answer[13:].replace(b"portal", b"PoRtAl", 1)


EDGE = record("node.test", A, RIGHT)
NO_EDNS = (
    Story(
        "formerr-without-question",
        old(lambda a: reply(a, flags=FORMERR, repeat=False)),
        OLD,
    ),
    Story("formerr-with-question", old(lambda a: reply(a, flags=FORMERR)), OLD),
    Story("notimp", old(lambda a: reply(a, flags=NOTIMP)), OLD),
    Story("dropped", old(lambda _a: None), "a firewall that drops EDNS"),
    Story("refused", old(lambda a: reply(a, flags=REFUSED)), OLD),
    Story(
        "servfail-to-edns",
        old(lambda a: reply(a, flags=SERVFAIL)),
        "RFC 6891, 7: a proxy that passes on what it cannot read; unbound asks again",
    ),
    Story(
        "truncated-to-edns",
        old(lambda a: reply(a, flags=FORMERR, more=BADVERS)),
        "an answer with OPT from one that says it knows none",
    ),
    Story("badvers", old(lambda a: reply(a, more=BADVERS)), OLD),
)
CHAINS = (
    Story("good", good, "RFC 1035"),
    Story(
        "two-aliases", chain(to("edge.test"), to("node.test", "edge.test"), EDGE), "RFC 1034, 3.6.2"
    ),
    Story("alias-without-address", chain(to("edge.test")), "NLnetLabs/domain#163", Right("FAILED")),
    Story(
        "alias-in-a-circle",
        chain(to("edge.test"), to("portal.test", "edge.test")),
        "RFC 1034",
        Right("FAILED"),
    ),
    Story(
        "other-owner",
        chain(record("attacker.test", A, RIGHT)),
        "lalinsky/zio#408",
        Right("FAILED"),
    ),
    Story(
        "alias-then-other-owner",
        chain(to("edge.test"), record("wrong.test", A, RIGHT)),
        "NLnetLabs/domain#163",
        Right("FAILED"),
    ),
    Story(
        "other-owner-beside",
        chain(record("a.test", A, WRONG), record("portal.test", A, RIGHT)),
        "RFC 1034, 3.6.2",
    ),
    Story(
        "nxdomain-after-alias",
        chain(to("gone.test"), flags=NXDOMAIN),
        "RFC 2308, 2.1",
        failed("answer", "dns:nxdomain"),
    ),
    Story(
        "dname",
        chain(
            record("test", DNAME, written("example")),
            to("portal.example"),
            record("portal.example", A, RIGHT),
        ),
        "RFC 6672",
    ),
    Story("letters-in-other-case", in_other_case, "draft-vixie-dnsext-dns0x20"),
    Story(
        "not-recursive",
        lambda a: reply(a, flags=0x8100, authority=record("test", NS, written("ns.test"))),
        "a referral is no answer",
        Right("FAILED"),
    ),
    Story(
        "chain-out-of-order",
        chain(EDGE, to("node.test", "edge.test"), to("edge.test")),
        "RFC 1034, 4.3.2: the order of records tells nothing",
    ),
    Story(
        "chain-in-other-case",
        chain(to("EDGE.test"), record("edge.TEST", A, RIGHT)),
        "RFC 4343: names have no case",
    ),
    Story(
        "other-owner-in-the-same-zone",
        chain(record("www.portal.test", A, RIGHT)),
        "RFC 5452, 6: a wildcard that answers with its own name",
        failed("answer", "no-answer"),
    ),
    Story(
        "address-of-the-alias-itself",
        chain(to("edge.test"), record("test", A, RIGHT)),
        "RFC 1034, 3.6.2: a parent's address is none of the alias",
        failed("answer", "no-answer"),
    ),
    Story("ttl-0", lambda a: good(a, 0), "RFC 1035, 3.2.1"),
    Story("ttl-negative", lambda a: good(a, 0xFFFFFFFF), "RFC 2181, 8"),
    Story("truncated-again", lambda a: reply(a, flags=TRUNCATED), "no TCP there", Right("FAILED")),
    Story(
        "wrong-number-first",
        lambda a: [reply(a, record("portal.test", A, WRONG), number=b"\x12\x34"), good(a)],
        "RFC 5452, 9.1",
    ),
    Story(
        "servfail",
        lambda a: reply(a, flags=SERVFAIL),
        "RFC 1035, 4.1.1",
        failed("answer", "dns:servfail"),
    ),
    Story("trailing-bytes", lambda a: good(a) + b"\0\0\0junk", "RFC 1035: no reader minds"),
    Story(
        "class-chaos",
        chain(record("portal.test", A, RIGHT, net=3)),
        "of another class",
        Right("FAILED"),
    ),
    Story(
        "address-of-five-bytes",
        chain(record("portal.test", A, RIGHT + b"\0")),
        "RFC 1035, 3.4.1",
        Right("FAILED"),
    ),
    Story("empty", lambda _a: b"", "nothing in it", Right("FAILED")),
    Story("echo", lambda a: a, "our own question", Right("FAILED")),
)


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        said = self._answers(data)
        for one in [] if said is None else said if isinstance(said, list) else [said]:
            self._transport.sendto(one, source)


@asynccontextmanager
async def name_server(answers: Answers, port: int = 0) -> AsyncIterator[int]:
    """Over UDP; `port` where TCP listens already."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Server(answers), local_addr=("127.0.0.1", port)
    )
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


async def asked(folder: Path, port: int) -> AttemptResult:
    return await once(
        folder,
        "dns",
        name="portal.test",
        server="127.0.0.1",
        port=port,
        answers=["192.0.2.10"],
        within="3s",
    )


@pytest.mark.parametrize("story", told((*NO_EDNS, *CHAINS)))
async def test_a_name_is_what_its_clients_get(tmp_path: Path, story: Story) -> None:
    async with name_server(story.far) as port:
        seen = await asked(tmp_path, port)
    comes_out(seen, story)


@pytest.mark.parametrize("story", told(NO_EDNS[:2]))
async def test_the_way_out_is_there_with_an_old_name_server(tmp_path: Path, story: Story) -> None:
    """It is the lowest layer: what fails here takes the blame for all that hangs on it."""
    async with name_server(story.far) as port:
        target = {"dns": f"127.0.0.1:{port}", "name": "portal.test"}
        seen = await once(tmp_path, "uplink", samples=2, targets=[target])
    comes_out(seen, story)


async def test_an_answer_over_tcp_may_come_in_pieces(tmp_path: Path) -> None:
    """RFC 7766, 8: the length is no message of its own."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = struct.unpack("!H", await reader.readexactly(2))[0]
        answer = good(await reader.readexactly(length))
        for piece in (
            struct.pack("!H", len(answer))[:1],
            struct.pack("!H", len(answer))[1:] + answer,
        ):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(SHORT_PAUSE_SECONDS)

    async with listening(talk) as port, name_server(lambda a: reply(a, flags=TRUNCATED), port):
        seen = await asked(tmp_path, port)
    comes_out(seen, Story("pieces", None, "RFC 7766, 8"))
