"""The way out, asked over HTTP: interim answers are passed over, and only the last one counts (RFC
9110, 15.2).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.field.far_ends.http_server import EARLY_HINTS, SHORT_PAUSE_SECONDS, http_server, page
from tests.field.story import OK, Right, Story, comes_out, once, told
from tests.loopback.serving import listening

GOOD = {"status": 200}
PAUSE = SHORT_PAUSE_SECONDS
DOWN = page(first=b"HTTP/1.1 503 Down")

STORIES = (
    Story("good", (page(),), "RFC 9110", settings=GOOD),
    Story("early-hints", (EARLY_HINTS, PAUSE, page()), "whatwg/fetch#1698", settings=GOOD),
    Story(
        "early-hints-then-503",
        (EARLY_HINTS, PAUSE, DOWN),
        "snoyberg/http-client#521",
        Right("FAILED"),
    ),
    Story(
        "continue",
        (b"HTTP/1.1 100 Continue\r\n\r\n", PAUSE, page()),
        "RFC 9110, 15.2.1",
        settings=GOOD,
    ),
    Story(
        "processing",
        (b"HTTP/1.1 102 Processing\r\n\r\n", PAUSE, page()),
        "RFC 2518, 10.1",
        settings=GOOD,
    ),
    Story(
        "hints-of-line-feeds",
        (EARLY_HINTS.replace(b"\r\n", b"\n"), PAUSE, DOWN),
        "RFC 9112, 2.2",
        Right("FAILED"),
    ),
    Story(
        "glued-to-a-good-one",
        (DOWN + page(),),
        "RFC 9112, 9.2: one request has one answer",
        Right("FAILED"),
    ),
    Story("good-and-glued", (page() + DOWN,), "RFC 9112, 9.2", settings=GOOD),
    Story(
        "switching-unasked",
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",),
        "RFC 9110, 7.8",
        Right("FAILED"),
    ),
    Story(
        "no-head-here",
        (page(first=b"HTTP/1.1 501 Not Implemented"),),
        "RFC 9110, 9.1: by GET it is 501 too",
        Right("FAILED"),
    ),
    Story(
        "leading-crlf",
        (b"\r\n" + page(),),
        "RFC 9112, 2.2; the portal takes it",
        settings=GOOD,
    ),
    Story(
        "http2-in-text",
        (page(first=b"HTTP/2 200"),),
        "seen in Chromium and curl",
        settings=GOOD,
    ),
)


@pytest.mark.parametrize("story", told(STORIES))
async def test_the_last_answer_is_the_answer(tmp_path: Path, story: Story) -> None:
    async with http_server(*story.far) as port:
        target = {"http": f"http://127.0.0.1:{port}/", **story.settings}
        seen = await once(tmp_path, "uplink", samples=2, targets=[target])
    comes_out(seen, story)


@pytest.mark.parametrize("refusal", [b"501 Not Implemented", b"403 Forbidden", b"404 Not Found"])
async def test_a_server_without_head_is_asked_by_get(tmp_path: Path, refusal: bytes) -> None:
    """RFC 9110, 9.1: HEAD must be there; small servers answer 501 or 405 all the same, and filters
    of content networks 403 or 404.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        refused = page(first=b"HTTP/1.1 " + refusal, body=b"")
        writer.write(refused if asked.startswith(b"HEAD") else page())
        await writer.drain()
        writer.close()

    async with listening(talk) as port:
        target = {"http": f"http://127.0.0.1:{port}/", **GOOD}
        seen = await once(tmp_path, "uplink", samples=2, targets=[target])
    comes_out(seen, Story("no-head", None, "RFC 9110, 9.1", OK))
