"""Upgrades and frames of a WebSocket that break RFC 6455, or only look as if they did: what
Chromium made of each, when it was asked, is what is right.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.field.far_ends.test_websocket import (
    ASKED,
    BINARY,
    accepted,
    answering,
    echoing,
    frame,
    heard,
)
from tests.field.story import Right, Story, comes_out, failed, once, told
from tests.loopback.serving import Talk, listening

BAD_UPGRADE, BAD_FRAME = failed("websocket", "bad-peer"), failed("answer", "bad-peer")
LENGTHS = "RFC 6455, 5.2: as few bytes as it needs"
CONTROL = "RFC 6455, 5.5: at most 125 bytes, in one piece"
UPGRADE = "RFC 6455, 4.1"
BROKEN_CLOSE = "RFC 6455, 7.4.2: no such code"


def rewritten(old: bytes, new: bytes) -> Talk:
    """The answer to the upgrade with this in the place of that."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepted(await reader.readuntil(b"\r\n\r\n")).replace(old, new))
        writer.write(frame(await heard(reader)))
        await reader.read(65536)

    return talk


def long(said: bytes, size: int) -> bytes:
    """A text frame with its length in so many bytes."""
    return bytes([0x81, {2: 126, 8: 127}[size]]) + len(said).to_bytes(size, "big") + said


def after(*first: bytes) -> Talk:
    """The answer, and these frames before it."""
    return answering(lambda said: b"".join(first) + frame(said))


STORIES = (
    Story("upgrade-and-more", echoing(connection="close, Upgrade"), UPGRADE),
    Story("upgrade-to-either", echoing(upgrade="h2c, websocket"), UPGRADE, BAD_UPGRADE),
    Story("no-connection", rewritten(b"Connection: Upgrade\r\n", b""), UPGRADE, BAD_UPGRADE),
    Story("no-upgrade", rewritten(b"Upgrade: websocket\r\n", b""), UPGRADE, BAD_UPGRADE),
    Story("http-1.0", rewritten(b"HTTP/1.1", b"HTTP/1.0"), "Chromium takes it"),
    Story("no-phrase", rewritten(b" Switching Protocols", b""), "RFC 9112, 4"),
    Story("names-in-small-letters", rewritten(b"Sec-WebSocket", b"sec-websocket"), "RFC 9110, 5.1"),
    Story("length-of-none", echoing("Content-Length: 0"), "RFC 9110, 8.6"),
    Story("subprotocol-unasked", echoing("Sec-WebSocket-Protocol: chat"), UPGRADE, BAD_UPGRADE),
    Story("length-in-64-bits", answering(lambda said: long(said, 8)), LENGTHS, BAD_FRAME),
    Story("length-in-16-bits", answering(lambda said: long(said, 2)), LENGTHS, BAD_FRAME),
    Story("length-in-16-bits-rightly", after(long(b"x" * 126, 2)), LENGTHS),
    Story("length-in-64-bits-rightly", after(long(b"x" * 70_000, 8)), "browsers set no limit"),
    Story("of-two-million", after(long(b"x" * 2_000_000, 8)), "more than we take", BAD_FRAME),
    Story(
        "masked",
        answering(lambda said: bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said),
        "RFC 6455, 5.1: a server must not",
        BAD_FRAME,
    ),
    Story("reserved-bit", after(b"\xc1\x01x"), "RFC 6455, 5.2", BAD_FRAME),
    Story("opcode-of-none", after(b"\x83\x01x"), "RFC 6455, 5.2", BAD_FRAME),
    Story("goes-on-from-nothing", after(b"\x80\x01x"), "RFC 6455, 5.4", BAD_FRAME),
    Story("pong-unasked", after(b"\x8a\x00"), "RFC 6455, 5.5.3"),
    Story("ping-of-126", after(b"\x89\x7e\x00\x7e" + b"p" * 126), CONTROL, BAD_FRAME),
    Story("ping-in-pieces", after(b"\x09\x00"), CONTROL, BAD_FRAME),
    Story("nothing-first", after(frame(b"")), "RFC 6455, 5.6"),
    Story("bytes-first", after(frame(b"\xff\xfe", BINARY)), "RFC 6455, 5.6"),
    Story(
        "letter-in-two-frames",
        after(frame(b"\xc3", final=False), frame(b"\xa9", 0)),
        "RFC 6455, 5.6: UTF-8 of the whole message",
    ),
    Story("closed-as-999", after(b"\x88\x02\x03\xe7"), BROKEN_CLOSE, BAD_FRAME),
    Story("closed-with-half-a-code", after(b"\x88\x01\x03"), BROKEN_CLOSE, BAD_FRAME),
    Story(
        "answer-in-two-messages",
        answering(lambda said: frame(said[:2]) + frame(said[2:])),
        "RFC 6455, 5.4: two messages are not one",
        Right("FAILED"),
    ),
)


@pytest.mark.parametrize("story", told(STORIES))
async def test_what_browsers_make_of_it_counts(tmp_path: Path, story: Story) -> None:
    async with listening(story.far) as port:
        url = f"ws://127.0.0.1:{port}/"
        seen = await once(tmp_path, "websocket", url=url, within="2s", **ASKED)
    comes_out(seen, story)
