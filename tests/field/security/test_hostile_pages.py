"""Pages that mean harm: what a far end sends is data, is worked on in linear time, and is never
sent on unread.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.field.far_ends.http_server import Piece, http_server, page
from tests.field.story import Right, Story, comes_out, in_short, once
from tests.loopback.serving import listening

IN_THE_LOOP = "a far end's data is worked on in the event loop without a bound on its time"
TAG_LETTERS, TAGS = 4080, 5
PUNY_LETTERS = 50_000
FACTOR = 6
"""how many times the work of as many harmless bytes; linear work is 1 to 2 times, quadratic was 30
and more
"""
SHORT = b"<input a>"


def tags() -> tuple[bytes, bytes]:
    """Few tags of many letters without a value, and as many bytes of short ones."""
    long = (b"<input " + b"a" * TAG_LETTERS + b">") * TAGS
    return page(body=b"<p>hello" + long), page(body=b"<p>hello" + SHORT * (len(long) // len(SHORT)))


def letters() -> tuple[bytes, bytes]:
    """Letters that each go before all the others (RFC 3492), and as many that do not."""
    body = b"b" * PUNY_LETTERS + b"-" + b"a" * PUNY_LETTERS
    named = b"Content-Type: text/html; charset="
    return page(body=body, html=named + b"punycode"), page(body=body, html=named + b"utf-8")


async def spent(folder: Path, answer: Piece) -> float:
    """Seconds of this process's CPU that a look at this page takes."""
    async with http_server(answer) as port:
        began = time.process_time()
        await once(folder, "portal", url=f"http://127.0.0.1:{port}/")
        return time.process_time() - began


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param(tags, id="tags"),
        pytest.param(letters, id="punycode"),
    ],
)
async def test_a_hostile_page_costs_what_a_harmless_one_does(
    tmp_path_factory: pytest.TempPathFactory, pages: Any
) -> None:
    """257 kB of such tags held a daemon for 17 s, 2 MB of such letters for minutes: one portal
    stopped all others.
    """
    hostile, harmless = pages()
    await spent(tmp_path_factory.mktemp("first"), page())
    usual = await spent(tmp_path_factory.mktemp("harmless"), harmless)
    assert await spent(tmp_path_factory.mktemp("hostile"), hostile) < FACTOR * usual


async def test_a_word_of_the_far_end_starts_no_header_of_its_own(tmp_path: Path) -> None:
    """Header injection, and a request smuggled behind it (RFC 9110, 5.5)."""
    evil = (
        "abcdefgh\r\nX-Injected: yes\r\nContent-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost:"
        " x\r\n\r\n"
    )
    token = page(body=json.dumps({"token": evil}).encode(), html=b"Content-Type: application/json")
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            asked.append(head)
            writer.write(token if b"GET /token" in head else page())
            await writer.drain()

    async with listening(talk) as port:
        steps = [
            {"name": "token", "url": "/token", "remember": {"csrf": {"json": "$.token"}}},
            {"name": "use", "url": "/use", "headers": {"X-CSRF": "{csrf}"}},
        ]
        await once(tmp_path, "api", url=f"http://127.0.0.1:{port}/", steps=steps)
    assert not [head for head in asked if b"X-Injected" in head or b"GET /smuggled" in head], asked


@pytest.mark.parametrize(
    ("body", "right"),
    [
        pytest.param(b"[" * 1_000_000, Right("FAILED", "look", "bad-json"), id="a-million-deep"),
        pytest.param(b'{"a":' * 50_000, Right("FAILED", "look", "bad-json"), id="objects-deep"),
    ],
)
async def test_json_that_is_too_deep_is_no_json(tmp_path: Path, body: bytes, right: Right) -> None:
    async with http_server(page(body=body, html=b"Content-Type: application/json")) as port:
        steps = [{"name": "look", "url": "/", "json_values": {"$.a": 1}}]
        seen = await once(tmp_path, "api", url=f"http://127.0.0.1:{port}/", steps=steps)
    comes_out(seen, Story("deep", None, "RFC 8259, 9", right))


async def test_a_phrase_with_signs_of_control_is_told_without_them(tmp_path: Path) -> None:
    first = b"HTTP/1.1 500 \x1b[2J\x1b]0;owned\x07\x9b31m evil"
    async with http_server(page(first=first)) as port:
        seen = await once(tmp_path, "portal", url=f"http://127.0.0.1:{port}/")
    told = seen.verdict.fault.text if seen.verdict.fault else ""
    assert seen.verdict.state == "FAILED" and all(sign.isprintable() for sign in told), in_short(
        seen
    )
