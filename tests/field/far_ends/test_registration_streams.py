"""REGISTER over TCP to registrars that do not keep a connection: each question may need another one
(RFC 3261, 18.1.1 and 18.4), as phones know.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.field.far_ends.sip_server import (
    PASSWORD,
    USER,
    Plays,
    Request,
    answer,
    asks,
    bound,
    grants,
)
from tests.field.story import Right, Story, comes_out, failed, once, told
from tests.loopback.serving import Talk, listening

HOME = 'Digest realm="home.example", nonce="h1"'
ASKED_FIRST = (
    b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKx\r\nFrom: <sip:a>;tag=1\r\n"
    b"To: <sip:x>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
KEEPS, CLOSES, RESETS = "keeps", "closes", "resets"


def registrar(story: Plays, then: str = CLOSES, first: bytes = b"") -> Talk:
    """Answers so, and then does this with the connection; `first` is what it says by itself."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            asked = Request((await reader.readuntil(b"\r\n\r\n")).decode())
            for piece in story(asked):
                assert isinstance(piece, bytes)
                writer.write(piece)
            await writer.drain()
            if then == RESETS:
                writer.transport.abort()
            if then != KEEPS:
                return

    return talk


def never_the_second(asked: Request) -> list[bytes]:
    """The farewell is never answered, and the connection closed over it."""
    return [answer(asked, "200 OK", bound(asked))] if asked.seconds else []


STORIES = (
    Story("keeps", registrar(grants(bound), KEEPS), "RFC 3261, 18.4"),
    Story("closes-each", registrar(grants(bound)), "a front that serves one request"),
    Story("closes-with-the-challenge", registrar(asks(HOME)), "a log-in farm"),
    Story("resets-each", registrar(grants(bound), RESETS), "a firewall that ends what is done"),
    Story("keep-alive-first", registrar(grants(bound), KEEPS, b"\r\n\r\n"), "RFC 5626, 3.5.1"),
    Story("asks-first", registrar(grants(bound), KEEPS, ASKED_FIRST), "RFC 3261, 11"),
    Story(
        "closes-over-the-farewell",
        registrar(never_the_second),
        "nothing is ever answered there: it is asked twice, and not for ever",
        failed("unregister", "closed"),
    ),
    Story("closes-at-once", registrar(lambda _asked: []), "no answer", Right("FAILED")),
    Story(
        "web-server",
        registrar(lambda _asked: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
        "another service on that port",
        failed("register", "bad-peer"),
    ),
)


@pytest.mark.parametrize("story", told(STORIES))
async def test_each_question_may_have_its_own_connection(
    tmp_path: Path, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", PASSWORD)
    async with listening(story.far) as port:
        line = {
            "registrar": f"127.0.0.1:{port}",
            "transport": "tcp",
            "user": USER,
            "password": {"environment": "REVEILLE_TEST_SECRET"},
        }
        seen = await once(tmp_path, "sip-registration", line, line="main", within="3s")
    comes_out(seen, story)
