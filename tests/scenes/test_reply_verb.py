"""`reveille reply`: a mail server pipes an answer in, beside a daemon or none; none is bounced."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks.contract import Failed
from monitor.incidents.answer_key import key_of, reply_token
from monitor.incidents.store import incident_of
from monitor.ledger import Ledger
from monitor.testing.scenario import Scene
from monitor.verbs.replying import take
from tests.ports import free_port
from tests.scenes.daemon_process import Process

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
READER = "operators@example.net"
SITE = """
state = "{state}"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
[[people]]
role = "operators"
mail = "operators@example.net"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = {port}
tls = "none"
sender = "reveille@example.net"
[checks.portal]
kind = "portal"
url = "http://127.0.0.1:{port}/"
every = "10s"
confirm_after = "100ms"
"""


def configured(state: Path) -> Path:
    file = state.parent / "reveille.toml"
    file.write_text(SITE.format(state=state, port=free_port()), encoding="utf-8")
    return file


def answer(state: Path, words: str, name: str = "1") -> bytes:
    with Ledger(state / "ledger.sqlite", read_only=True) as ledger:
        token = reply_token(key_of(state), ledger.identity, 1, READER)
    head = f"From: someone@example.org\nTo: reveille+rv-1.{token}@example.net\nMessage-ID: <{name}>"
    return f"{head}\n\n{words}\n".encode() + b"x" * 200_000


@dataclass
class Said:
    code: int
    text: str


async def piped(file: Path, mail: bytes) -> Said:
    """What the verb says to a mail."""
    words = ("-m", "monitor.cli", "--config", str(file), "reply")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate(mail)
    return Said(process.returncode or 0, said.decode())


def taken_by(state: Path) -> str:
    with Ledger(state / "ledger.sqlite", read_only=True) as ledger:
        row = ledger.incident(1)
        return incident_of(row).acknowledged_by if row else ""


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """With a ticket in it."""
    made = tmp_path / "state"
    made.mkdir(mode=0o700)
    scene = Scene(START, {"main-number": {"every": 300.0}}, folder=made)
    scene.world["main-number"] = Failed("silent")
    await scene.run_for(minutes=6)
    scene.stop_daemon()
    return made


def test_what_was_handed_on_in_pieces_is_one_mail_again(state: Path) -> None:
    coded = b64encode(answer(state, "ack")[:40_000]).decode()
    pieces = [coded[begin : begin + 3900] for begin in range(0, len(coded), 3900)]
    given = Namespace(config=str(configured(state)), pieces=pieces)
    assert take(given) == 0
    assert taken_by(state).startswith(f"{READER} (mail handed in by ")
    assert take(given) == 0, "once more is no fault, and changes nothing"


@pytest.mark.slow
async def test_without_a_daemon_it_is_done_here_and_what_is_refused_is_never_bounced(
    state: Path,
) -> None:
    file = configured(state)
    bounced = await piped(file, b"Auto-Submitted: auto-replied\n" + answer(state, "ack"))
    assert (bounced.code, "a machine has written it" in bounced.text) == (0, True), bounced
    done = await piped(file, answer(state, "ack"))
    assert done.code == 0 and taken_by(state).startswith(READER), done
    file.write_text("[site]\nname = 1\n", encoding="utf-8")
    later = await piped(file, answer(state, "note x", "2"))
    assert later.code == 75, "the mail server keeps it, and nobody gets a bounce"


@pytest.mark.slow
async def test_beside_a_daemon_it_is_handed_on_and_says_by_whom(tmp_path: Path) -> None:
    daemon = Process(configured(tmp_path / "state"))
    await daemon.start()
    try:
        await daemon.until(lambda: daemon.read(lambda ledger: ledger.open_incidents()))
        done = await piped(daemon.file, answer(daemon.state, "ack"))
        assert done.code == 0, done
        who = taken_by(daemon.state)
        assert who.startswith(f"{READER} (mail handed in by "), who
    finally:
        await daemon.stop()
