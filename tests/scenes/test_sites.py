"""Two sites of one configuration on one daemon, with the same names, in other zones, by other
policies, with people of their own: what breaks at one is told to its people, and to nobody else.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.loopback.mail_server import MailServer, serving
from tests.scenes.daemon_process import Process, end_all

SHARED = """
include = ["sites/*.toml"]
state = "{state}"

[site]
timezone = "Asia/Kolkata"

[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = {mail}
tls = "none"
sender = "reveille@example.net"

[defaults.portal]
every = "10s"
confirm = 1
recheck = "1s"
recover = 1
component = "agent-portal"

[checks.agent-portal]
kind = "portal"
url = "http://127.0.0.1:1/"

[audit]
to = ["hq@example.net"]
checks = ["agent-portal"]
"""
SITE = """
[sites.{name}]
timezone = "{zone}"
policy = "{policy}"

[[sites.{name}.people]]
role = "operators"
mail = "{name}-shift@example.net"

[sites.{name}.checks.agent-portal]
url = "http://127.0.0.1:{port}/"
"""


class Portal:
    """A page that answers 200, or 503 while it is broken."""

    def __init__(self) -> None:
        self.broken, self.port = False, 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        said = "503 Service Unavailable" if self.broken else "200 OK"
        page = "<!doctype html><title>Agents</title><form><input name=user></form>"
        head = f"Content-Type: text/html\r\nContent-Length: {len(page)}\r\nConnection: close"
        writer.write(f"HTTP/1.1 {said}\r\n{head}\r\n\r\n{page}".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def portal() -> AsyncIterator[Portal]:
    found = Portal()
    async with await asyncio.start_server(found.answer, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


@pytest.fixture(autouse=True)
def _ended() -> object:
    yield
    end_all()


def to(mails: MailServer, address: str) -> list[EmailMessage]:
    return [
        message
        for message, envelope in zip(mails.messages, mails.envelopes, strict=True)
        if address in envelope.rcpt_tos
    ]


def seen(daemon: Process, *checks: str) -> bool:
    with daemon.ledger() as ledger:
        return all(ledger.attempts(check) for check in checks)


def said(daemon: Process, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor.cli", "--config", str(daemon.file), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
async def test_what_breaks_at_one_site_is_told_to_its_people_alone(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    async with serving(MailServer()) as mails, portal() as pune, portal() as austin:
        written = SHARED.format(state=tmp_path / "state", mail=mails.port)
        file = tmp_path / "reveille.toml"
        file.write_text(written, encoding="utf-8")
        for name, zone, policy, port in (
            ("Pune", "Asia/Kolkata", "ozonetel", pune.port),
            ("Austin", "America/Chicago", "voxeo", austin.port),
        ):
            text = SITE.format(name=name, zone=zone, policy=policy, port=port)
            (tmp_path / "sites" / f"{name}.toml").write_text(text, encoding="utf-8")
        daemon = Process(file)
        await daemon.start()
        checks = ("Pune/agent-portal", "Austin/agent-portal")
        await daemon.until(lambda: seen(daemon, *checks))

        austin.broken = True
        daemon.look("Austin/agent-portal")
        await daemon.until(lambda: to(mails, "Austin-shift@example.net"))
        (told, *_) = to(mails, "Austin-shift@example.net")
        assert "RV-1-Austin" in told["Subject"]
        assert to(mails, "Pune-shift@example.net") == []
        (row,) = daemon.read(lambda ledger: ledger.open_incidents())
        assert (row.site, row.key.partition("/")[0]) == ("Austin", "Austin")

        # By its number, by its name and by --site: which site it is.
        shown = await asyncio.to_thread(said, daemon, "--json", "tickets", "show", "RV-1")
        ticket = json.loads(shown.stdout)
        assert (ticket["number"], ticket["site"]) == ("RV-1-Austin", "Austin")
        assert (ticket["policy"], ticket["timezone"]) == ("voxeo 3", "America/Chicago")
        stands = await asyncio.to_thread(said, daemon, "--json", "status")
        both = json.loads(stands.stdout)["sites"]
        assert [one["number"] for one in both["Austin"]["incidents"]] == ["RV-1-Austin"]
        assert both["Pune"]["incidents"] == []
        listed = await asyncio.to_thread(said, daemon, "--site", "Pune", "tickets")
        assert "RV-1" not in listed.stdout

        made = await asyncio.to_thread(said, daemon, "--site", "Austin", "audit", "--send")
        assert "Austin" in made.stdout, made.stderr
        await daemon.until(lambda: to(mails, "hq@example.net"))
        (report,) = to(mails, "hq@example.net")
        assert "Austin" in report["Subject"]
        assert "RV-1-Austin" in report.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        none = await asyncio.to_thread(said, daemon, "--site", "Pune", "report", "list")
        assert "Austin" not in none.stdout

        austin.broken = False
        daemon.look("Austin/agent-portal")
        await daemon.until(lambda: len(to(mails, "Austin-shift@example.net")) > 1)
        assert to(mails, "Pune-shift@example.net") == []
        await daemon.stop()
