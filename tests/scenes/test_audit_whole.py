"""The whole audit on real records and a real database: backed up, restored, reported, drawn,
mailed, read.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lab.audit_data import prepared
from lab.injected_faults import Faults
from lab.mail_server import Mailbox
from monitor.audit.round import AuditRound
from monitor.cli import main
from monitor.clock import SystemClock
from monitor.config import load
from monitor.delivery.outbox import Outbox
from monitor.desks.list import build
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Rounds
from monitor.scheduling.runner import Runner
from reports.morning_report import Audit

SITE = """
state = "state"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"
[[people]]
role = "operators"
mail = "operators@example.net"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = {port}
sender = "reveille@example.net"
tls = "none"
"""
SQL, HTML, CSV = "'); DROP TABLE cdr;--", "<script>alert(1)</script>", "=cmd|' /C calc'!A0"


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    opened = Mailbox(tmp_path / "mailbox", Faults())
    await opened.open("127.0.0.1")
    yield opened
    await opened.close()


@pytest.fixture
async def file(mailbox: Mailbox, tmp_path: Path) -> Path:
    """A site whose callers yesterday thought of names."""
    clock = SystemClock()
    today = clock.now().astimezone(ZoneInfo("Asia/Kolkata")).date()
    written = SITE.format(port=mailbox.port)
    file = tmp_path / "reveille.toml"
    section = await asyncio.to_thread(prepared, tmp_path / "records", "Asia/Kolkata", today, 400)
    file.write_text(written + section, encoding="utf-8")
    (tmp_path / "state").mkdir()
    with closing(sqlite3.connect(tmp_path / "records" / "master.db")) as database, database:
        for name in (SQL, HTML, CSV):
            some = "SELECT rowid FROM cdr WHERE start >= ? AND dst LIKE '8%' LIMIT 4"
            yesterday = str(today - timedelta(days=1))
            database.execute(
                f"UPDATE cdr SET dst = ?, clid = ? WHERE rowid IN ({some})", (name, name, yesterday)
            )
    return file


async def audited(file: Path) -> tuple[Audit, Ledger]:
    """What `audit --send` does, and what the daemon's outbox does after it."""
    configuration, clock = load(file), SystemClock()
    ledger = Ledger(configuration.state / "ledger.sqlite")
    rounds = Rounds(ledger, configuration, clock, Runner(clock, configuration.state / "exhibits"))
    report = await AuditRound(ledger, rounds, clock).by_hand(send=True)
    desks = {name: build(name, settings) for name, settings in configuration.desks.items()}
    await Outbox(ledger, desks, "here").deliver_due(clock.now())
    return report, ledger


async def test_the_mail_says_usage_and_proof_and_carries_its_pictures(
    file: Path, mailbox: Mailbox
) -> None:
    report, ledger = await audited(file)
    assert report.tone == "OK"
    (mail,) = await asyncio.wait_for(mailbox.wait_for(1), 30)
    ledger.close()
    assert re.fullmatch(
        r"\[OK] Pune · \w{3} \d+ \w{3} · \d+ calls · backup proven .+", str(mail["Subject"])
    )
    assert str(mail["X-Reveille-Report"]) == f"1; day={report.day}; previous=none"
    assert (mail["Auto-Submitted"], mail["In-Reply-To"]) == ("auto-generated", None)
    html, text = body(mail, "html"), body(mail, "plain")
    wanted = set(re.findall(r'src="cid:([^"]+)"', html))
    enclosed = {
        str(part["Content-ID"]).strip("<>"): part for part in mail.walk() if part["Content-ID"]
    }
    assert wanted == set(enclosed) >= {f"{name}@example.net" for name in ("calls", "at-once")}
    assert all(
        bytes(part.get_content()).startswith(b"\x89PNG\r\n\x1a\n") for part in enclosed.values()
    )
    assert max(map(len, mail.as_bytes().splitlines())) < 998
    assert report.backups[0].rows > 1000
    assert "rows, equal" in " ".join(text.split())
    assert report.usage[0]["weeks"] == 4


async def test_what_callers_call_themselves_stays_text_all_the_way(
    file: Path, mailbox: Mailbox
) -> None:
    report, ledger = await audited(file)
    (mail,) = await asyncio.wait_for(mailbox.wait_for(1), 30)
    ledger.close()
    assert {SQL, HTML, CSV} <= {row["name"] for row in report.usage[0]["dids"]}
    with closing(sqlite3.connect(file.parent / "records" / "master.db")) as database:
        assert (
            database.execute("SELECT count(*) FROM cdr").fetchone()[0] > 1000
        )  # it is still there
    html, text = body(mail, "html"), body(mail, "plain")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert all(name in text for name in (SQL, HTML, CSV))


async def test_one_by_hand_stands_for_the_one_that_is_owed(file: Path) -> None:
    _, ledger = await audited(file)
    configuration, clock = load(file), SystemClock()
    rounds = Rounds(ledger, configuration, clock, Runner(clock, configuration.state / "exhibits"))
    again = AuditRound(ledger, rounds, clock)
    assert await again.owed(clock.now()) is None
    ledger.close()


async def test_reports_are_listed_shown_printed_and_sent_again(
    file: Path, mailbox: Mailbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, ledger = await audited(file)
    ledger.close()

    async def ran(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["--config", str(file), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    code, listed, _ = await ran("report")
    assert code == 0
    assert "[OK] Pune" in listed
    assert "1 delivered" in listed
    code, shown, _ = await ran("report", "show", str(report.day))
    assert shown.startswith("ALL IS WELL\n")
    assert json.loads((await ran("report", "show", "1", "--json"))[1])["number"] == 1
    page = tmp_path / "report.html"
    assert (await ran("report", "show", "--format", "html", "--to", str(page)))[0] == 0
    assert page.read_text(encoding="utf-8").count("data:image/png;base64,") == 2
    assert (await ran("audit", "--date", str(report.day)))[0] == 0
    code, _, complaint = await ran("report", "show", "1999-01-01")
    assert (code, complaint) == (2, "reveille: no report was made of 1999-01-01\n")
    code, _, complaint = await ran("report", "show", "--format", "pdf")
    assert (code, "--to FILE" in complaint) == (2, True)
    code, said, _ = await ran("report", "send", "--to", "boss@example.net")
    assert (code, "boss@example.net" in said) == (0, True)
    await delivered(file)
    mails = await asyncio.wait_for(mailbox.wait_for(2), 30)
    assert str(mails[1]["To"]) == "boss@example.net"
    assert str(mails[1]["Subject"]) == str(mails[0]["Subject"])


@pytest.mark.skipif(
    shutil.which("chromium-headless-shell") is None,
    reason="chromium-headless-shell is not installed",
)
async def test_a_pdf_is_printed_by_a_browser_and_goes_with_the_mail_on_request(
    file: Path,
    mailbox: Mailbox,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report, ledger = await audited(file)
    ledger.close()
    send = ["--config", str(file), "report", "send", "--format", "pdf", "--to", "boss@example.net"]
    assert await asyncio.to_thread(main, send) == 0
    await delivered(file)
    mails = await asyncio.wait_for(mailbox.wait_for(2), 30)
    (enclosed,) = [part for part in mails[1].walk() if part.get_content_type() == "application/pdf"]
    assert enclosed.get_filename() == f"report-{report.day}.pdf"
    assert bytes(enclosed.get_content()).startswith(b"%PDF-")
    target = tmp_path / "report.pdf"
    words = ["--config", str(file), "report", "show", "--format", "pdf", "--to", str(target)]
    assert await asyncio.to_thread(main, words) == 0
    content = target.read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"%%EOF" in content[-1024:]
    monkeypatch.setattr("checks.web.browser.executable.NAMES", ("no-such-browser",))
    assert await asyncio.to_thread(main, words) == 2
    assert "apt-get install chromium-headless-shell" in capsys.readouterr().err


async def delivered(file: Path) -> None:
    """What the daemon's outbox would do now."""
    configuration = load(file)
    with Ledger(configuration.state / "ledger.sqlite") as ledger:
        desks = {name: build(name, settings) for name, settings in configuration.desks.items()}
        await Outbox(ledger, desks, "here").deliver_due(SystemClock().now() + timedelta(seconds=1))


def body(mail: EmailMessage, form: str) -> str:
    part = mail.get_body((form,))
    assert part is not None
    return str(part.get_content())
