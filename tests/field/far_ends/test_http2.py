"""HTTP/2 servers that drain, refuse, pad and interrupt (RFC 9113): frames written by hand, over
TLS.

HPACK has literals only (RFC 7541, 6.2.2), but for `:status: 200`, which is index 8 of the static
table.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.field.far_ends.http_server import PAGE, page
from tests.field.story import Right, Story, comes_out, failed, once, told
from tests.loopback.certificates import Authority
from tests.loopback.serving import listening

DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, ALTSVC = 0, 1, 3, 4, 6, 7, 10
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
NO_ERROR, REFUSED_STREAM, HTTP_1_1_REQUIRED = 0, 7, 13
INTERNAL_ERROR, CANCEL = 2, 8
ANY_STREAM = 2**31 - 1
PREFACE_BYTES = 24


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame (RFC 9113, 4.1)."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack("!I", stream) + payload
    )


def literal(name: bytes, value: bytes) -> bytes:
    """A header without indexing; both shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def headers(status: bytes = b"200", *more: bytes, flags: int = END_HEADERS) -> bytes:
    """The head of an answer."""
    first = b"\x88" if status == b"200" else literal(b":status", status)
    html = literal(b"content-type", b"text/html") if status[:1] != b"1" else b""
    return frame(HEADERS, flags, 1, first + html + b"".join(more))


def goaway(last: int, code: int) -> bytes:
    """No stream after `last` is served."""
    return frame(GOAWAY, 0, 0, struct.pack("!II", last, code))


def reset(code: int) -> bytes:
    """Our stream ends so."""
    return frame(RESET, 0, 1, struct.pack("!I", code))


EMPTY = frame(SETTINGS, 0, 0)
TAKEN = frame(SETTINGS, ACK, 0)
HEAD, BODY = headers(), frame(DATA, END_STREAM, 1, PAGE)
HALVES = frame(DATA, 0, 1, PAGE[:40]), frame(DATA, END_STREAM, 1, PAGE[40:])
HINTS = headers(b"103", literal(b"link", b"</a.css>"))
BARE = frame(HEADERS, END_HEADERS, 1, b"\x88" + literal(b"content-length", b"9999"))
PINGS = frame(PING, 0, 0, b"12345678") * 5
BAD_PEER = failed("response", "bad-peer")
ROLLING = "python-hyper/h2#1181, encode/httpcore#730; RFC 9113, 6.8: every rolling reload"
BY_1_1 = "curl/curl#3349, square/okhttp#5100, grafana/k6#1815: IIS and client certificates"

STORIES = (
    Story("good", (HEAD, BODY), "RFC 9113"),
    Story("goaway-before-the-head", (goaway(ANY_STREAM, NO_ERROR), HEAD, BODY), ROLLING),
    Story("goaway-for-later-ones", (goaway(1, NO_ERROR), HEAD, BODY), ROLLING),
    Story("goaway-in-the-middle", (HEAD, goaway(1, NO_ERROR), BODY), ROLLING),
    Story(
        "goaway-twice",
        (goaway(ANY_STREAM, NO_ERROR), goaway(1, NO_ERROR), HEAD, BODY),
        ROLLING,
    ),
    Story("goaway-after-all", (HEAD, BODY, goaway(1, NO_ERROR)), "RFC 9113, 6.8"),
    Story("goaway-to-ours", (goaway(0, NO_ERROR),), "RFC 9113, 6.8: safe to ask again"),
    Story("http-1.1-by-reset", (reset(HTTP_1_1_REQUIRED),), BY_1_1),
    Story("http-1.1-by-goaway", (goaway(0, HTTP_1_1_REQUIRED),), BY_1_1),
    Story("refused-stream", (reset(REFUSED_STREAM),), "RFC 9113, 8.7: safe to ask again"),
    Story(
        "goaway-with-an-error",
        (HEAD, HALVES[0], goaway(1, INTERNAL_ERROR)),
        "RFC 9113, 6.8: what is half there may stay so",
        failed("content", "goaway"),
    ),
    Story(
        "goaway-with-an-error-and-finished",
        (HEAD, goaway(1, INTERNAL_ERROR), BODY),
        "RFC 9113, 6.8: ours is not above its last stream; Chromium and curl have the page",
    ),
    Story("goaway-thrice", (*(goaway(ANY_STREAM, NO_ERROR),) * 3, HEAD, BODY), ROLLING),
    Story("goaway-between-data", (HEAD, HALVES[0], goaway(1, NO_ERROR), HALVES[1]), ROLLING),
    Story("cancelled", (reset(CANCEL),), "RFC 9113, 7", failed("response", "reset")),
    Story(
        "wants-1.1-after-the-head",
        (HEAD, reset(HTTP_1_1_REQUIRED)),
        "RFC 9113, 7: too late to ask again",
        failed("content", "reset"),
    ),
    Story("early-hints", (HINTS, HEAD, BODY), "RFC 9110, 15.2"),
    Story(
        "early-hints-then-503",
        (HINTS, headers(b"503"), BODY),
        "RFC 9110, 15.2",
        failed("response", "http:503"),
    ),
    Story("reset-after-all", (HEAD, BODY, reset(NO_ERROR)), "RFC 9113, 8.1"),
    Story(
        "connection-header",
        (headers(b"200", literal(b"connection", b"keep-alive")), BODY),
        "RFC 9113, 8.2.2: malformed; nghttp2/nghttp2#1674: Chromium and Firefox pass it over",
    ),
    Story(
        "unknown-frames",
        (frame(0xFA, 0, 0, b"x"), HEAD, frame(0x42, 9, 1, b"yy"), BODY),
        "RFC 9113, 4.1",
    ),
    Story(
        "trailers",
        (
            HEAD,
            frame(DATA, 0, 1, PAGE),
            frame(HEADERS, END_HEADERS | END_STREAM, 1, literal(b"x-sum", b"1")),
        ),
        "RFC 9113, 8.1",
    ),
    Story(
        "blank-around-a-value",
        (headers(b"200", literal(b"x-a", b" v\t")), BODY),
        "RFC 9113, 8.2.1; Chromium and curl show the page",
    ),
    Story(
        "control-in-a-value",
        (headers(b"200", literal(b"x-a", b"a\x01b")), BODY),
        "no browser shows it",
        BAD_PEER,
    ),
    Story("switching", (headers(b"101"), HEAD, BODY), "RFC 9113, 8.6", BAD_PEER),
    Story("pong-unasked", (frame(PING, ACK, 0, b"12345678"), HEAD, BODY), "Chromium", BAD_PEER),
    Story("pings", (PINGS, HEAD, BODY), "RFC 9113, 6.7"),
    Story("misdirected-once", (headers(b"421"), BODY), "RFC 9110, 15.5.20: asked again elsewhere"),
    Story(
        "alternative-service",
        (frame(ALTSVC, 0, 0, b"\0\x11https://localhost" + b'h2=":443"; ma=60'), HEAD, BODY),
        "RFC 7838, 4",
    ),
    Story("length-wrong", (BARE, BODY), "RFC 9113, 8.1.1: malformed", Right("FAILED")),
    Story(
        "padded",
        (HEAD, frame(DATA, PADDED | END_STREAM, 1, b"\x05" + PAGE + b"\0" * 5)),
        "RFC 9113, 6.1",
    ),
)


@asynccontextmanager
async def http2_server(folder: Path, *frames: bytes) -> AsyncIterator[tuple[int, Path]]:
    """Says these frames to the first request by HTTP/2; by HTTP/1.1, and later, it gives a good
    page.
    """
    authority = Authority(folder)
    tls = authority.issue("localhost")
    tls.set_alpn_protocols(["h2", "http/1.1"])
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        tunnel: ssl.SSLObject = writer.get_extra_info("ssl_object")
        if tunnel.selected_alpn_protocol() != "h2":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(page())
        else:
            asked += 1
            writer.write(EMPTY)
            await _request(reader)
            writer.write(TAKEN + b"".join(frames if asked == 1 else (HEAD, BODY)))
        await writer.drain()
        await reader.read(65536)
        writer.close()

    async with listening(talk, tls) as port:
        yield port, authority.file


async def _request(reader: asyncio.StreamReader) -> None:
    """Read on until the client's HEADERS have come."""
    await reader.readexactly(PREFACE_BYTES)
    kind = None
    while kind != HEADERS:
        start = await reader.readexactly(9)
        kind = start[3]
        await reader.readexactly(int.from_bytes(start[:3], "big"))


@pytest.mark.parametrize("story", told(STORIES))
async def test_the_answer_counts_and_not_the_connection(tmp_path: Path, story: Story) -> None:
    async with http2_server(tmp_path, *story.far) as (port, trusted):
        url = f"https://localhost:{port}/"
        seen = await once(
            tmp_path, "portal", url=url, must_contain=["Sign in"], trusted_certificates=trusted
        )
    comes_out(seen, story)
