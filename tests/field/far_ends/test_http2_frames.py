"""Frames and fields of HTTP/2 that break RFC 9113: what Chromium does with each is what is right.

Asked of Chromium itself by `./reveille bench browser-agrees HTTP/2`.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.field.far_ends.http_server import PAGE
from tests.field.far_ends.test_http2 import (
    ACK,
    ALTSVC,
    BAD_PEER,
    BODY,
    DATA,
    EMPTY,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HALVES,
    HEAD,
    HEADERS,
    SETTINGS,
    TAKEN,
    frame,
    goaway,
    headers,
    http2_server,
    literal,
)
from tests.field.story import Right, Story, comes_out, failed, once, told

PRIORITY, WINDOW_UPDATE, CONTINUATION = 2, 8, 9
PUSH, STREAMS, WINDOW, FRAME_BYTES, CONNECT, NO_PRIORITIES = 2, 3, 4, 5, 8, 9
PROTOCOL_ERROR, ENHANCE_YOUR_CALM = 1, 11
HTML = literal(b"content-type", b"text/html")
SCHEME = "RFC 9218, 2.1; elastic/gmux#96, golang/go#77947"
EXTENDED = "RFC 8441, 3"
RANGE = "RFC 9113, 6.5.2; nghttp2/nghttp2#2906, python-hyper/h2#74: Chromium heeds no such value"
FORWARDED = "RFC 9113, 8.2.2; vulcand/oxy#43, httpwg/http2-spec#789: a proxy's own, handed on"
LENGTH = "RFC 9113, 8.1.1; Chromium reads no Content-Length of HTTP/2"
FLAGS = "RFC 9113, 4.1 has them ignored; Chromium ends the connection all the same"
BY_ITSELF = "RFC 7838, 4; Chromium ends the connection over a value that is none"
CUT = failed("content", "goaway")


def settings(*said: tuple[int, int]) -> bytes:
    """A frame of settings."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack("!HI", *one) for one in said))


def window(stream: int, credit: int) -> bytes:
    """More room for a stream, or for the connection."""
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", credit))


def with_field(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A good page with one more field."""
    return headers(b"200", literal(name, value)), BODY


def with_trailer(fields: bytes) -> tuple[bytes, bytes, bytes]:
    """A good page with this trailer."""
    end = frame(HEADERS, END_HEADERS | END_STREAM, 1, fields)
    return HEAD, frame(DATA, 0, 1, PAGE), end


STORIES = (
    Story("priorities-change", (settings((NO_PRIORITIES, 1)), HEAD, BODY), SCHEME, BAD_PEER),
    Story(
        "priorities-change-late",
        (HEAD, HALVES[0], settings((NO_PRIORITIES, 1)), HALVES[1]),
        SCHEME,
        failed("content", "bad-peer"),
    ),
    Story("priorities-of-2", (settings((NO_PRIORITIES, 2)), HEAD, BODY), SCHEME, BAD_PEER),
    Story("priorities-said-again", (settings((NO_PRIORITIES, 0)), HEAD, BODY), SCHEME),
    Story(
        "priorities-to-and-fro",
        (settings((NO_PRIORITIES, 1), (NO_PRIORITIES, 0)), HEAD, BODY),
        SCHEME,
        BAD_PEER,
    ),
    Story("connect-later", (settings((CONNECT, 1)), HEAD, BODY), EXTENDED),
    Story(
        "connect-taken-back",
        (settings((CONNECT, 1)), settings((CONNECT, 0)), HEAD, BODY),
        EXTENDED,
        BAD_PEER,
    ),
    Story("connect-of-2", (settings((CONNECT, 2)), HEAD, BODY), EXTENDED, BAD_PEER),
    Story("pushes-allowed", (settings((PUSH, 1)), HEAD, BODY), RANGE),
    Story("pushes-of-7", (settings((PUSH, 7)), HEAD, BODY), RANGE),
    Story("window-too-large", (settings((WINDOW, 2**31)), HEAD, BODY), RANGE),
    Story("frames-too-small", (settings((FRAME_BYTES, 16383)), HEAD, BODY), RANGE),
    Story("frames-too-large", (settings((FRAME_BYTES, 2**24)), HEAD, BODY), RANGE),
    Story("no-streams", (settings((STREAMS, 0)), HEAD, BODY), "RFC 9113, 5.1.2: ours stands"),
    Story("settings-cut", (frame(SETTINGS, 0, 0, b"12345"), HEAD, BODY), "RFC 9113, 6.5", BAD_PEER),
    Story("settings-of-a-stream", (frame(SETTINGS, 0, 1), HEAD, BODY), "RFC 9113, 6.5", BAD_PEER),
    Story("taken-twice", (TAKEN, TAKEN, HEAD, BODY), "RFC 9113, 6.5.3"),
    Story(
        "taken-with-more", (frame(SETTINGS, ACK, 0, b"123456"), EMPTY), "RFC 9113, 6.5", BAD_PEER
    ),
    Story("credit-of-nobody", (window(7, 5), HEAD, BODY), "RFC 9113, 5.1"),
    Story("credit-of-nothing", (window(0, 0), HEAD, BODY), "RFC 9113, 6.9", BAD_PEER),
    Story("credit-beyond", (window(0, 2**31 - 1), HEAD, BODY), "RFC 9113, 6.9.1", BAD_PEER),
    Story("data-of-nobody", (frame(DATA, 0, 3, b"x"), HEAD, BODY), "RFC 9113, 5.1"),
    Story("data-of-none", (frame(DATA, 0, 0, b"x"), HEAD, BODY), "RFC 9113, 6.1", BAD_PEER),
    Story(
        "hangs-on-itself",
        (frame(PRIORITY, 0, 1, b"\0\0\0\x01\x10"), HEAD, BODY),
        "RFC 9113, 5.3.2: of no meaning any more",
    ),
    Story(
        "priority-cut",
        (frame(PRIORITY, 0, 1, b"\0\0\0\x10"), HEAD, BODY),
        "RFC 9113, 6.3",
        BAD_PEER,
    ),
    Story(
        "goaway-of-a-stream",
        (frame(GOAWAY, 0, 1, struct.pack("!II", 1, 0)), HEAD, BODY),
        "RFC 9113, 6.8",
        BAD_PEER,
    ),
    Story("goaway-to-calm", (HEAD, goaway(1, ENHANCE_YOUR_CALM), BODY), "RFC 9113, 6.8"),
    Story("goaway-and-error-first", (goaway(1, PROTOCOL_ERROR), HEAD, BODY), "RFC 9113, 6.8"),
    Story("goaway-and-cut", (HEAD, HALVES[0], goaway(1, PROTOCOL_ERROR)), "RFC 9113, 6.8", CUT),
    Story("goaway-below-ours", (HEAD, HALVES[0], goaway(0, 0)), "RFC 9113, 6.8", CUT),
    Story("flags-of-data", (HEAD, frame(DATA, END_STREAM | 2, 1, PAGE)), FLAGS, Right("FAILED")),
    Story("flags-of-headers", (headers(flags=END_HEADERS | 0xC2), BODY), "RFC 9113, 4.1"),
    Story("reserved-bit", (frame(HEADERS, END_HEADERS, 1 | 2**31, b"\x88" + HTML), BODY), "4.1"),
    Story("alternative-empty", (frame(ALTSVC, 0, 0, b"\0\0"), HEAD, BODY), BY_ITSELF, BAD_PEER),
    Story(
        "alternative-of-words",
        (frame(ALTSVC, 0, 1, b"\0\x05hello"), HEAD, BODY),
        BY_ITSELF,
        BAD_PEER,
    ),
    Story("alternative-cleared", (frame(ALTSVC, 0, 1, b"\0\0clear"), HEAD, BODY), "RFC 7838, 3"),
    Story("upgrade-handed-on", with_field(b"upgrade", b"h2,h2c"), FORWARDED),
    Story("keep-alive-handed-on", with_field(b"keep-alive", b"timeout=3, max=993"), FORWARDED),
    Story("proxy-connection", with_field(b"proxy-connection", b"keep-alive"), FORWARDED),
    Story("te-handed-on", with_field(b"te", b"gzip"), FORWARDED),
    Story("chunked", with_field(b"transfer-encoding", b"chunked"), FORWARDED, BAD_PEER),
    Story("name-in-capitals", with_field(b"X-A", b"b"), "RFC 9113, 8.2.1", BAD_PEER),
    Story(
        "length-as-a-list", with_field(b"content-length", b"%d, %d" % ((len(PAGE),) * 2)), LENGTH
    ),
    Story("length-with-a-plus", with_field(b"content-length", b"+%d" % len(PAGE)), LENGTH),
    Story("length-in-words", with_field(b"content-length", b"long"), LENGTH),
    Story("trailer-with-a-status", with_trailer(b"\x88"), "RFC 9113, 8.1"),
    Story("trailer-of-a-connection", with_trailer(literal(b"connection", b"close")), FORWARDED),
    Story("trailer-in-capitals", with_trailer(literal(b"X-Sum", b"1")), "8.2.1", Right("FAILED")),
    Story(
        "head-in-eleven-parts",
        (
            frame(HEADERS, 0, 1, b"\x88"),
            *(frame(CONTINUATION, 0, 1),) * 9,
            frame(CONTINUATION, END_HEADERS, 1, HTML),
            BODY,
        ),
        "RFC 9113, 6.10",
    ),
    Story("head-begun-alone", (frame(CONTINUATION, END_HEADERS, 1, HTML), BODY), "6.10", BAD_PEER),
)


@pytest.mark.parametrize("story", told(STORIES))
async def test_what_browsers_make_of_it_counts(tmp_path: Path, story: Story) -> None:
    async with http2_server(tmp_path, *story.far) as (port, trusted):
        url = f"https://localhost:{port}/"
        seen = await once(
            tmp_path, "portal", url=url, must_contain=["Sign in"], trusted_certificates=trusted
        )
    comes_out(seen, story)


async def test_what_browsers_forgive_is_told(tmp_path: Path) -> None:
    """Safari and curl refuse it: whoever is told "it does not load" finds why in the notes."""
    async with http2_server(tmp_path, *with_field(b"upgrade", b"h2,h2c")) as (port, trusted):
        url = f"https://localhost:{port}/"
        seen = await once(tmp_path, "portal", url=url, trusted_certificates=trusted)
    assert any("strict clients refuse: the field upgrade" in n for n in seen.observation.notes)
