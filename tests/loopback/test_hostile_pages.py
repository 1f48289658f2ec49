"""Pages and servers that mean no good: each is a clear fault, within its time and within bounded
memory.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from checks.contract import Failed, Observation, Trace
from checks.web.portal import Portal
from tests.loopback.certificates import Authority
from tests.loopback.serving import Talk, drop_by_drop, endlessly, listening

MOST_MB = 40.0
"""what a page may cost this process, server and all, at its worst moment"""
MEGABYTE = b"more and more " * 75_000
Read: TypeAlias = asyncio.StreamReader
Write: TypeAlias = asyncio.StreamWriter


async def look(url: str, folder: Path, **settings: object) -> Observation:
    check = Portal.model_validate({"url": url, "within": 5.0, **settings})
    trace = Trace(time.monotonic, folder)
    began = time.monotonic()
    try:
        await check.probe(trace)
    except Failed as refused:
        return trace.observation(refused)
    finally:
        assert time.monotonic() - began < 30
    return trace.observation()


class Peak:
    """The most memory that this process had while the block ran, above what it had before."""

    def __enter__(self) -> Peak:
        Path("/proc/self/clear_refs").write_text("5")
        self._before = self._read("VmHWM")
        return self

    def __exit__(self, *_: object) -> None:
        self.megabytes = (self._read("VmHWM") - self._before) / 1024

    @staticmethod
    def _read(name: str) -> int:
        status = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def then(
    head: str, talk: Callable[[Read, Write], Awaitable[None]] | None = None, body: bytes = b""
) -> Talk:
    """Waits for the request, says this, and goes on as `talk` does."""

    async def told(reader: Read, writer: Write) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.replace("\n", "\r\n").encode() + body)
        await writer.drain()
        if talk:
            await talk(reader, writer)

    return told


async def hang(reader: Read, _writer: Write) -> None:
    await reader.read()


OK = "HTTP/1.1 200 OK\n"
HTML = OK + "Content-Type: text/html\n"
BOMB = gzip.compress(gzip.compress(bytes(50_000_000))), gzip.compress(bytes(50_000_000), 9)

CASES: dict[str, tuple[Talk, str, str, str]] = {
    "hangs before the answer": (then(""), "response", "closed", ""),
    "hangs in the header": (then(HTML, hang), "response", "timeout", "1"),
    "hangs in the page": (
        then(HTML + "Content-Length: 9\n\n", hang, b"half"), "content", "timeout", "1",
    ),
    "2 GB announced": (
        then(HTML + f"Content-Length: {2 * 2**30}\n\n", endlessly(MEGABYTE)), "content",
        "too-large", "2000000 bytes",
    ),
    "2 GB, not announced": (
        then(HTML + "\n", endlessly(MEGABYTE)), "content", "too-large", "2000000 bytes",
    ),
    "2 GB in chunks": (
        then(HTML + "Transfer-Encoding: chunked\n\n",
            endlessly(b"10000\r\n" + bytes(65536) + b"\r\n")),
        "content", "too-large", "2000000 bytes",
    ),
    "slow loris, header": (then(OK, drop_by_drop(b"x")), "response", "timeout", "1"),
    "slow loris, page": (then(HTML + "\n", drop_by_drop(b"x")), "content", "timeout", "1"),
    "gzip bomb": (
        then(HTML + f"Content-Encoding: gzip\nContent-Length: {len(BOMB[1])}\n\n", hang, BOMB[1]),
        "content", "too-large", "out of",
    ),
    "no gzip": (
        then(HTML + "Content-Encoding: gzip\n\n", None, b"plain text"), "content", "bad-encoding",
        "gzip",
    ),
    "strange coding": (
        then(HTML + "Content-Encoding: br\n\n", None, b"x"), "content", "bad-encoding", "br",
    ),
    "broken chunk": (
        then(HTML + "Transfer-Encoding: chunked\n\n", None, b"5\r\nhello\r\nzz\r\n"), "content",
        "bad-peer", "",
    ),
    "chunks that end early": (
        then(HTML + "Transfer-Encoding: chunked\n\n", None, b"5\r\nhello\r\n"), "content",
        "broken-off", "",
    ),
    "chunks of a byte": (
        then(HTML + "Transfer-Encoding: chunked\n\n",
            endlessly(b"1;" + b"x" * 4000 + b"\r\n.\r\n")),
        "content", "bad-peer", "",
    ),
    "trailers without end": (
        then(HTML + "Transfer-Encoding: chunked\n\n0\n", endlessly(b"X-More: more\r\n" * 100)),
        "content", "bad-peer", "",
    ),
    "length twice": (
        then(HTML + "Content-Length: 4\nContent-Length: 5\n\n", None, b"hello"), "response",
        "bad-peer", "",
    ),
    "length and chunks": (
        then(HTML + "Content-Length: 4\nTransfer-Encoding: chunked\n\n", None, b"0\r\n\r\n"),
        "content", "soft-200", "empty",
    ),
    "two lengths": (
        then(HTML + "Content-Length: 4\nContent-Length: 5\n\n", None, b"hello"), "response",
        "bad-peer", "",
    ),
    "length too long": (
        then(HTML + "Content-Length: 900\n\n", None, b"hello"), "content", "broken-off", "",
    ),
    "header flood": (
        then(OK, endlessly(b"X-Flood: " + b"x" * 80 + b"\r\n")), "response", "header-too-large", "",
    ),
    "one endless header": (
        then(OK + "X-Flood: ", endlessly(b"x" * 65536)), "response", "header-too-large", "",
    ),
    "empty lines for ever": (
        then("", endlessly(b"\r\n" * 4096)), "response", "bad-peer", "",
    ),
    "announcements for ever": (
        then("", endlessly(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)), "response", "header-too-large",
        "",
    ),
    "closes at once": (then("", None), "response", "closed", ""),
    "closes in the header": (then(HTML, None), "response", "closed", ""),
    "another protocol": (
        then("HTTP/1.1 101 Switching Protocols\nUpgrade: x\n\n", hang), "response", "bad-peer", "",
    ),
    "not HTTP": (then("SSH-2.0-OpenSSH_9.2\n", hang), "response", "bad-peer", ""),
    "redirect to nowhere": (
        then("HTTP/1.1 302 Found\nLocation: http://[::\n\n"), "response", "redirects", "no URL",
    ),
    "redirect to itself": (
        then("HTTP/1.1 302 Found\nLocation: /\n\n"), "response", "redirects", "circle",
    ),
    "error without end": (
        then("HTTP/1.1 500 Oops\nContent-Type: text/html\n\n", endlessly(MEGABYTE)), "response",
        "http:500", "Oops",
    ),
    "error that hangs": (
        then("HTTP/1.1 502 Oops\nContent-Length: 9\n\n", hang), "response", "http:502", "Oops",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_each_trick_has_its_fault(name: str, tmp_path: Path) -> None:
    talk, stage, code, said = CASES[name]
    async with listening(talk) as port:
        within = float(said) if said == "1" else 20.0
        with Peak() as peak:
            seen = await look(f"http://127.0.0.1:{port}/", tmp_path, within=within)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == (stage, code), seen
    assert said in seen.fault.text
    assert peak.megabytes < MOST_MB
    assert all(exhibit.path.stat().st_size <= 2_000_000 for exhibit in seen.exhibits)


async def test_redirects_without_end_are_counted(tmp_path: Path) -> None:
    asked: list[int] = []

    async def on(reader: Read, writer: Write) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.append(1)
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: /{len(asked)}\r\n\r\n".encode())
        await writer.drain()

    async with listening(on) as port:
        fault = (await look(f"http://127.0.0.1:{port}/", tmp_path)).fault
    assert fault and (fault.stage, fault.code, fault.text) == (
        "response",
        "redirects",
        "more than 20",
    )
    assert len(asked) == 21


async def test_a_circle_is_none_when_a_cookie_changes_it(tmp_path: Path) -> None:
    async def door(reader: Read, writer: Write) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        letter = b"HTTP/1.1 302 Found\r\nLocation: /\r\nSet-Cookie: been=here\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<p>in" if b"been=here" in asked else letter)
        await writer.drain()

    async with listening(door) as port:
        url = f"http://127.0.0.1:{port}/"
        assert (await look(url, tmp_path, steps=[{"name": "open", "url": "/"}])).fault is None
        assert (await look(url, tmp_path)).fault is None, "a single page has its cookies too"


async def test_a_certificate_that_is_wrong_is_said_to_be(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    stranger = Authority(tmp_path, "Stranger")
    page = then(HTML + "Content-Length: 2\n\n", None, b"ok")
    cases = {
        ("wrong-name", "not valid for 'localhost'"): authority.issue("other.example.net"),
        ("expired", "certificate has expired"): authority.issue("localhost", days=(-90, -3)),
        ("not-yet-valid", "certificate is not yet valid"): authority.issue(
            "localhost", days=(3, 90)
        ),
        ("self-signed", "self-signed certificate"): authority.issue("localhost", itself=True),
        ("untrusted", "unable to get local issuer certificate"): stranger.issue("localhost"),
    }
    for (code, said), context in cases.items():
        async with listening(page, context) as port:
            seen = await look(
                f"https://localhost:{port}/", tmp_path, trusted_certificates=authority.file
            )
            assert seen.fault and (seen.fault.stage, seen.fault.code) == ("tls", code), seen
            assert said in seen.fault.text
    async with listening(page, authority.issue("localhost", days=(-1, 7))) as port:
        seen = await look(
            f"https://localhost:{port}/", tmp_path, trusted_certificates=authority.file
        )
        assert seen.fault is None and 6.9 < seen.measures["certificate_days"] < 7.01
    async with listening(page, authority.issue("localhost", days=(-1, 50))) as port:
        seen = await look(
            f"https://localhost:{port}/", tmp_path, trusted_certificates=authority.file
        )
        assert 49.9 < seen.measures["certificate_days"] < 50.1, (
            "the connection's own, not one that was seen before"
        )


async def test_a_handshake_that_hangs_or_is_none(tmp_path: Path) -> None:
    async with listening(hang) as port:
        fault = (await look(f"https://localhost:{port}/", tmp_path, within=1.0)).fault
        assert fault and (fault.stage, fault.code) == ("tls", "timeout")

    async def slam(reader: Read, _writer: Write) -> None:
        await reader.read(1)

    for talk in (slam, endlessly(b"HTTP/1.1 400 Bad Request\r\n\r\n")):
        async with listening(talk) as port:
            fault = (await look(f"https://localhost:{port}/", tmp_path)).fault
            assert fault and (fault.stage, fault.code) in {
                ("tls", "no-tls"),
                ("tls", "closed"),
            }, fault


# -- HTTP/2
# --------------------------------------------------------------------------------------------------


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113, section 4.1."""
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + struct.pack("!L", stream) + payload
    )


DATA, HEADERS, RST, SETTINGS, PUSH, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 9
GOOD = b"\x88"  # :status 200, from HPACK's static table


def raw(*frames: bytes, again: bytes = b"") -> Talk:
    """An HTTP/2 server that says just this once it was asked."""

    async def talk(reader: Read, writer: Write) -> None:
        await reader.readuntil(b"SM\r\n\r\n")
        writer.write(frame(SETTINGS, 0, 0) + b"".join(frames))
        await writer.drain()
        while again:
            writer.write(again)
            await writer.drain()
        await reader.read()

    return talk


def well_behaved(body: bytes, headers: list[tuple[str, str]], times: int = 1) -> Talk:
    """A server by h2's own state machine, that sends this body so many times over; it minds the
    windows.
    """

    async def talk(reader: Read, writer: Write) -> None:
        h2 = H2Connection(H2Configuration(client_side=False))
        h2.initiate_connection()
        left, stream, more = b"", 0, times
        while True:
            writer.write(h2.data_to_send())
            await writer.drain()
            if not (data := await reader.read(65536)):
                return
            for event in h2.receive_data(data):
                if isinstance(event, RequestReceived):
                    stream, left = event.stream_id or 0, body
                    h2.send_headers(stream, [(":status", "200"), *headers])
            while stream and (room := min(len(left), h2.local_flow_control_window(stream), 16384)):
                last = room == len(left)
                more -= last
                h2.send_data(stream, left[:room], end_stream=last and not more)
                left = body if last and more else left[room:]

    return talk


H2_CASES: dict[str, tuple[Talk, str, str]] = {
    "reset": (raw(frame(RST, 0, 1, struct.pack("!L", 7))), "response", "reset"),
    "reset in the page": (
        raw(frame(HEADERS, 4, 1, GOOD), frame(DATA, 0, 1, b"half"),
            frame(RST, 0, 1, struct.pack("!L", 2))),
        "content", "reset",
    ),
    "goaway": (raw(frame(GOAWAY, 0, 0, struct.pack("!LL", 0, 11))), "response", "goaway"),
    "goaway in peace, before the answer": (
        raw(frame(GOAWAY, 0, 0, struct.pack("!LL", 0, 0))), "response", "goaway",
    ),
    "garbage": (raw(b"\x00" * 64 + b"garbage!" * 64), "response", "bad-peer"),
    "pings without end": (raw(again=frame(PING, 0, 0, b"pingpong") * 100), "response", "bad-peer"),
    "a header without end": (
        raw(frame(HEADERS, 0, 1, GOOD), again=frame(CONTINUATION, 0, 1,
            b"\x00\x01x" + b"\x7f\x81\x7f" + b"x" * 256)),
        "response", "bad-peer",
    ),
    "a push that nobody wanted": (
        raw(frame(PUSH, 4, 1, struct.pack("!L", 2) + GOOD)), "response", "bad-peer",
    ),
    "a page that ignores the window": (
        raw(frame(HEADERS, 4, 1, GOOD), again=frame(DATA, 0, 1, bytes(16384))), "content",
        "too-large",
    ),
    "2 GB": (well_behaved(MEGABYTE[:65536], [], 32_000), "content", "too-large"),
    "gzip bomb": (well_behaved(BOMB[1], [("content-encoding", "gzip")]), "content", "too-large"),
    "length too long": (
        well_behaved(b"short", [("content-length", "900")]), "content", "broken-off",
    ),
    "hangs": (raw(frame(HEADERS, 4, 1, GOOD), frame(DATA, 0, 1, b"half")), "content", "timeout"),
}  # fmt: skip


def over_h2(authority: Authority) -> ssl.SSLContext:
    context = authority.issue("localhost")
    context.set_alpn_protocols(["h2"])
    return context


@pytest.mark.parametrize("name", H2_CASES)
async def test_each_trick_over_http2_has_its_fault(name: str, tmp_path: Path) -> None:
    talk, stage, code = H2_CASES[name]
    authority = Authority(tmp_path)
    async with listening(talk, over_h2(authority)) as port:
        with Peak() as peak:
            seen = await look(
                f"https://localhost:{port}/", tmp_path, trusted_certificates=authority.file,
                within=1.5 if code == "timeout" else 20.0,
            )  # fmt: skip
    assert seen.fault and (seen.fault.stage, seen.fault.code) == (stage, code), seen
    assert peak.megabytes < MOST_MB


async def test_http2_is_spoken_where_it_is_offered(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    page = b"<title>Portal</title>" + b"long page " * 50_000
    talk = well_behaved(page, [("content-type", "text/html; charset=utf-8"), ("set-cookie", "a=1")])
    async with listening(talk, over_h2(authority)) as port:
        settings = {"trusted_certificates": authority.file, "must_contain": ["Portal"]}
        seen = await look(f"https://localhost:{port}/", tmp_path, **settings)
        assert seen.fault is None, seen
        assert seen.measures["http_version"] == 2 and seen.measures["body_bytes"] == len(page)
        assert [stage.name for stage in seen.stages] == [
            "dns",
            "connect",
            "tls",
            "response",
            "content",
        ]
        form = [{"name": "send", "url": "/", "form": {"text": "x" * 200_000}}]
        walked = await look(
            f"https://localhost:{port}/", tmp_path, trusted_certificates=authority.file, steps=form
        )
        assert walked.fault is None, walked
        assert walked.measures["send_http_version"] == 2
    async with listening(
        then(HTML + "Content-Length: 2\n\n", None, b"ok"), authority.issue("localhost")
    ) as port:
        settings = {"trusted_certificates": authority.file}
        for http2 in (True, False):
            seen = await look(f"https://localhost:{port}/", tmp_path, **settings, http2=http2)
            assert seen.fault is None and seen.measures["http_version"] == 1.1
