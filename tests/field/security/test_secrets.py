"""Far ends that say back whatever they were told: no secret reaches a fault, a note, a ticket or an
exhibit.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor.incidents.correlation import AttemptResult
from tests.field.far_ends.sip_server import Piece, Request, answer, over_udp
from tests.field.story import once
from tests.loopback.serving import Talk, listening

MARK = "MARKER-secret-9"
USER = "monitor"
SECRET = {"environment": "REVEILLE_TEST_SECRET"}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", MARK)


def leaked(seen: AttemptResult, folder: Path) -> list[str]:
    """Where the secret stands, plainly or as Basic writes it."""
    signs = (
        MARK,
        base64.b64encode(f"{USER}:{MARK}".encode()).decode(),
        base64.b64encode(MARK.encode()).decode(),
    )
    fault = seen.verdict.fault
    texts = {"fault": fault.text if fault else "", "blind": seen.observation.blind or ""}
    texts |= {f"note {number}": note for number, note in enumerate(seen.observation.notes)}
    files = (file for file in (folder / "exhibits").rglob("*") if file.is_file())
    texts |= {file.name: file.read_bytes().decode("latin-1") for file in files}
    return [place for place, text in texts.items() if any(sign in text for sign in signs)]


def echo(in_phrase: bool) -> Talk:
    """A page that shows the request, as a debug page does; or a proxy that puts it into its reason
    phrase.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = [
            line
            for line in head.split(b"\r\n")
            if line.lower().startswith((b"authorization", b"x-key"))
        ]
        phrase = lines[0] if in_phrase and lines else b"Internal Server Error"
        body = b"no" if in_phrase else b"<h1>Traceback</h1><pre>" + head + b"</pre>"
        writer.write(b"HTTP/1.1 500 " + phrase + b"\r\nContent-Type: text/html\r\n")
        writer.write(b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        await reader.read(65536)

    return talk


BASIC: Mapping[str, Any] = {"user": USER, "password": SECRET}
STEPS: Mapping[str, Any] = {
    "secrets": {"password": SECRET},
    "steps": [
        {"name": "in", "url": "/", "form": {"p": "{password}"}, "headers": {"X-Key": "{password}"}}
    ],
}


@pytest.mark.parametrize("in_phrase", [False, True], ids=["in-its-page", "in-its-phrase"])
@pytest.mark.parametrize(
    "settings", [pytest.param(BASIC, id="basic"), pytest.param(STEPS, id="steps")]
)
async def test_a_portal_that_shows_the_request(
    tmp_path: Path, settings: Mapping[str, Any], in_phrase: bool
) -> None:
    async with listening(echo(in_phrase)) as port:
        seen = await once(tmp_path, "portal", url=f"http://127.0.0.1:{port}/", **settings)
    assert seen.verdict.state == "FAILED" and leaked(seen, tmp_path) == []


async def test_a_websocket_that_says_back_its_token(tmp_path: Path) -> None:
    async with listening(echo(in_phrase=True)) as port:
        settings = {"url": f"ws://127.0.0.1:{port}/", "token": SECRET}
        seen = await once(tmp_path, "websocket", **settings)
    assert seen.verdict.state == "FAILED" and leaked(seen, tmp_path) == []


async def test_a_plugin_that_prints_its_secret(tmp_path: Path) -> None:
    command = [
        "/bin/sh",
        "-c",
        "echo CRITICAL - login with $PASSWORD failed; echo long $PASSWORD; exit 2",
    ]
    seen = await once(
        tmp_path, "nagios-plugin", command=command, secret_environment={"PASSWORD": SECRET}
    )
    assert seen.verdict.state == "FAILED" and leaked(seen, tmp_path) == []


def says_back(asked: Request) -> Iterable[Piece]:
    proof = asked.one("Authorization")
    if proof:
        return [answer(asked, f"403 you said {proof[:200]}")]
    return [
        answer(
            asked,
            "401 Unauthorized",
            'WWW-Authenticate: Digest realm="echo", nonce="abc", algorithm=MD5',
        )
    ]


async def test_a_registrar_that_says_back_the_proof_does_not_tell_the_password(
    tmp_path: Path,
) -> None:
    async with over_udp(says_back) as port:
        line = {"registrar": f"127.0.0.1:{port}", "user": USER, "password": SECRET}
        seen = await once(tmp_path, "sip-registration", line, line="main", within="3s")
    assert seen.verdict.state == "FAILED" and leaked(seen, tmp_path) == []


async def test_the_proof_itself_is_not_told_either(tmp_path: Path) -> None:
    """MD5 over a nonce that the far end chose can be tried offline, by whoever reads the ticket."""
    async with over_udp(says_back) as port:
        line = {"registrar": f"127.0.0.1:{port}", "user": USER, "password": SECRET}
        seen = await once(tmp_path, "sip-registration", line, line="main", within="3s")
    assert seen.verdict.fault is not None and not re.search(
        r"response=.?[0-9a-f]{8}", seen.verdict.fault.text
    )


async def imap_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"* OK echo\r\n")
    while line := await reader.readline():
        tag = line.split()[0]
        able = b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK\r\n"
        writer.write(
            able
            if b"CAPABILITY" in line.upper()
            else tag + b" NO you said " + line.strip() + b"\r\n"
        )
        await writer.drain()


async def takes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 m\r\n")
    while verb := (await reader.readline()).split()[:1]:
        writer.write(b"354 go\r\n" if verb == [b"DATA"] else b"")
        if verb == [b"DATA"]:
            await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 ok\r\n")


async def test_a_mailbox_that_says_back_the_log_in(tmp_path: Path) -> None:
    async with listening(takes) as port, listening(imap_echo) as imap:
        box = {
            "host": "127.0.0.1",
            "port": imap,
            "security": "none",
            "user": USER,
            "password": SECRET,
        }
        there = {
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "recipient": "p@example.net",
        }
        seen = await once(tmp_path, "smtp", **there, mailbox=box, within="3s", arrive_within="1s")
    assert seen.verdict.state == "FAILED" and leaked(seen, tmp_path) == []
