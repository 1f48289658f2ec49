"""WebSocket servers: interim answers, fragments, other letters, closing at once (RFC 6455)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.field.story import Right, Story, comes_out, failed, once, told
from tests.loopback.serving import Talk, listening

TEXT, BINARY, CLOSING, PING, FINAL = 1, 2, 8, 9, 0x80
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def frame(payload: bytes, kind: int = TEXT, final: bool = True) -> bytes:
    """A short frame without a mask (RFC 6455, 5.2)."""
    return bytes([(FINAL if final else 0) | kind, len(payload)]) + payload


def accepted(
    asked: bytes, *more: str, key: str = "", upgrade: str = "websocket", connection: str = "Upgrade"
) -> bytes:
    """101 with the right proof; `key` is a proof of another sort."""
    found = re.search(rb"(?i)sec-websocket-key: *(\S+)", asked)
    digest = hashlib.sha1((found[1].decode() if found else "").encode() + MAGIC.encode()).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        f"Upgrade: {upgrade}",
        f"Connection: {connection}",
        f"Sec-WebSocket-Accept: {key or base64.b64encode(digest).decode()}",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def heard(reader: asyncio.StreamReader) -> bytes:
    """What a masked text frame says."""
    _, length = await reader.readexactly(2)
    mask = await reader.readexactly(4)
    return bytes(
        byte ^ mask[at % 4] for at, byte in enumerate(await reader.readexactly(length & 127))
    )


def echoing(*more: str, **how: Any) -> Talk:
    """Says back what it is told."""
    return answering(lambda said: frame(said), *more, **how)


def answering(answer: object, *more: str, before: bytes = b"", **how: Any) -> Talk:
    """Answers a text by the frames that `answer` makes of it."""
    assert callable(answer)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(before + accepted(asked, *more, **how))
        writer.write(answer(await heard(reader)))
        await reader.read(65536)

    return talk


def saying(*pieces: bytes, greet: bool = True, stay: bool = True) -> Talk:
    """Says this unasked."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write((accepted(asked) if greet else b"") + b"".join(pieces))
        await writer.drain()
        if stay:
            await reader.read()

    return talk


def in_bits(said: bytes) -> bytes:
    return frame(said[:2], final=False) + frame(b"", PING) + frame(said[2:], 0)


LATER = frame(struct.pack("!H", 1013) + b"try later", CLOSING)
BROKEN = frame(struct.pack("!H", 1011), CLOSING)
MOVED = b"HTTP/1.1 308 Permanent Redirect\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nno\n"
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
ASKED = {"send": "ping", "answer": "ping"}
DEAD = "louislam/uptime-kuma#6536: a dead backend behind a proxy"
STORIES = (
    Story("good", echoing(), "RFC 6455", settings=ASKED),
    Story("fragments-and-ping", answering(in_bits), "RFC 6455, 5.4", settings=ASKED),
    Story("binary", answering(lambda said: frame(said, BINARY)), "RFC 6455, 5.6", settings=ASKED),
    Story(
        "deflate-unasked",
        echoing(DEFLATE),
        "RFC 6455, 9.1: must fail",
        failed("", "bad-peer"),
        settings=ASKED,
    ),
    Story(
        "words-in-capitals",
        echoing(upgrade="WebSocket", connection="keep-alive, upgrade"),
        "RFC 6455, 4.1: without regard to case",
        settings=ASKED,
    ),
    Story(
        "wrong-proof", echoing(key="A" * 27 + "="), "RFC 6455, 4.1", Right("FAILED"), settings=ASKED
    ),
    Story("early-hints", answering(frame, before=HINTS), "RFC 9110, 15.2", settings=ASKED),
    Story(
        "redirect",
        saying(MOVED, greet=False),
        "RFC 6455, 4.1",
        failed("", "http:308"),
        settings=ASKED,
    ),
    Story(
        "upgrade-required",
        saying(REFUSED, greet=False),
        "RFC 9110, 15.5.22",
        failed("", "http:426"),
        settings=ASKED,
    ),
    Story("glued-to-101", saying(frame(b"ping")), "one segment has both", settings=ASKED),
    Story(
        "not-utf-8",
        answering(lambda _said: frame(b"ping \xff\xfe")),
        "RFC 6455, 8.1",
        Right("FAILED"),
        settings=ASKED,
    ),
    Story(
        "answers-then-1011",
        answering(lambda said: frame(said) + BROKEN),
        "the answer came",
        settings=ASKED,
    ),
    Story(
        "1013-at-once",
        saying(LATER),
        "a dead backend behind a proxy",
        Right("FAILED"),
        settings=ASKED,
    ),
    Story("1013-at-once-unasked", saying(LATER), DEAD, failed("websocket", "closed")),
    Story("dropped-unasked", saying(stay=False), DEAD, failed("websocket", "closed")),
    Story("never-closes", saying(), "our close is not answered"),
)


@pytest.mark.parametrize("story", told(STORIES))
async def test_a_websocket_is_open_when_it_answers(tmp_path: Path, story: Story) -> None:
    async with listening(story.far) as port:
        seen = await once(
            tmp_path, "websocket", url=f"ws://127.0.0.1:{port}/", within="3s", **story.settings
        )
    comes_out(seen, story)
