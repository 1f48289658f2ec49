"""A ledger that is damaged, deleted, replaced or not to be written, while the daemon runs and when
it starts: somebody is told, nothing is lost that could be kept, and no ticket is told twice.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from lab.injected_faults import Faults
from lab.mail_server import Mailbox
from monitor.ledger.keepsake import NAME
from tests.scenes.daemon_process import MAIL_DESK, SITE, Process

CONFIGURATION = (
    'state = "state"\n'
    + SITE
    + """[checks.portal]
kind = "portal"
url = "http://127.0.0.1:9/"
every = "10s"
confirm = 1
"""
    + MAIL_DESK
)

pytestmark = pytest.mark.slow  # each begins with a ticket, and has a daemon of its own
TOLD = 1
"""who is told of a ticket at once: the operators, to whom every role falls"""


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    made = Mailbox(tmp_path / "mailbox", Faults())
    await made.open("127.0.0.1")
    yield made
    await made.close()


@pytest.fixture
async def daemon(mailbox: Mailbox, tmp_path: Path) -> AsyncIterator[Process]:
    """With one ticket, which is told and in the keepsake."""
    file = tmp_path / "reveille.toml"
    file.write_text(CONFIGURATION.format(port=mailbox.port), encoding="utf-8")
    process = Process(file)
    await process.start()
    await process.until(lambda: len(told(mailbox, "opened")) == TOLD)
    await process.until(lambda: kept(process) == 1)
    yield process
    if process.process.returncode is None:
        await process.stop(signal.SIGKILL)


def told(mailbox: Mailbox, event: str) -> list[EmailMessage]:
    return [mail for mail in mailbox.messages() if mail["X-Reveille-Event"] == event]


def kept(daemon: Process) -> int:
    """Open tickets in the keepsake."""
    try:
        copy = sqlite3.connect(f"file:{daemon.state / NAME}?mode=ro", uri=True)
        with copy:
            (count,) = copy.execute("SELECT count(*) FROM incidents").fetchone()
        copy.close()
    except sqlite3.Error:
        return 0
    return int(count)


def text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


def incidents(daemon: Process) -> list[int | None]:
    return [row.number for row in daemon.read(lambda ledger: ledger.incidents())]


def ledger_files(daemon: Process) -> list[Path]:
    return sorted(daemon.state.glob("ledger.sqlite*"))


def deleted(daemon: Process) -> None:
    for path in ledger_files(daemon):
        path.unlink()


def only_the_database_deleted(daemon: Process) -> None:
    (daemon.state / "ledger.sqlite").unlink()


def replaced_by_an_old_copy(daemon: Process) -> None:
    old = daemon.state / "old"
    shutil.copyfile(daemon.state / "ledger.sqlite", old)
    old.rename(daemon.state / "ledger.sqlite")


def state_moved_away(daemon: Process) -> None:
    daemon.state.rename(daemon.state.with_name("elsewhere"))


@pytest.mark.parametrize(
    "taken", [deleted, only_the_database_deleted, replaced_by_an_old_copy, state_moved_away]
)
async def test_what_is_taken_from_under_the_daemon_is_put_back_and_told(
    daemon: Process, mailbox: Mailbox, taken: Callable[[Process], None]
) -> None:
    taken(daemon)
    await daemon.until(lambda: told(mailbox, "blind"))
    (mail,) = told(mailbox, "blind")
    assert "nothing is lost" in text(mail)
    await daemon.until(lambda: (daemon.state / "ledger.sqlite").exists())
    assert incidents(daemon) == [1]
    await daemon.stop()
    again = Process(daemon.file)
    await again.start()
    await again.until(lambda: len(again.read(lambda ledger: ledger.attempts("portal"))) > 1)
    await again.stop()
    assert incidents(again) == [1]
    assert len(told(mailbox, "opened")) == TOLD, "the outage stays on its ticket, and is told once"
    assert len(told(mailbox, "blind")) == 1
    assert not (daemon.state / "ledger.sqlite.rescued").exists()


def header_overwritten(ledger: Path) -> None:
    with ledger.open("r+b") as file:
        file.write(os.urandom(100))


def schema_page_overwritten(ledger: Path) -> None:
    with ledger.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3900)


def cut_to_nothing_useful(ledger: Path) -> None:
    os.truncate(ledger, 700)


def gone(ledger: Path) -> None:
    ledger.unlink()


@pytest.mark.parametrize(
    "harm", [header_overwritten, schema_page_overwritten, cut_to_nothing_useful, gone]
)
async def test_a_ledger_that_is_damaged_at_the_start_is_kept_aside_and_begun_anew(
    daemon: Process, mailbox: Mailbox, harm: Callable[[Path], None]
) -> None:
    await daemon.stop()
    ledger = daemon.state / "ledger.sqlite"
    harm(ledger)
    harmed = ledger.read_bytes() if ledger.exists() else b""
    again = Process(daemon.file)
    await again.start()
    await again.until(lambda: told(mailbox, "blind"))
    await again.until(lambda: again.read(lambda ledger: ledger.attempts("portal")))
    await again.stop()
    (mail,) = told(mailbox, "blind")
    assert "with 1 open ticket" in text(mail)
    aside = [path.read_bytes() for path in daemon.state.glob("ledger.sqlite.damaged-*Z")]
    assert aside == ([harmed] if harmed else []), "kept, to the byte"
    assert incidents(again) == [1]
    assert len(told(mailbox, "opened")) == TOLD, "no ticket is told twice"


async def test_a_daemon_that_cannot_start_tells_the_operators_and_not_at_every_try(
    daemon: Process, mailbox: Mailbox
) -> None:
    await daemon.stop()
    deleted(daemon)
    (daemon.state / NAME).unlink()
    (daemon.state / "ledger.sqlite").mkdir()
    for _ in range(3):
        again = Process(daemon.file)
        await again.begin()
        assert await asyncio.wait_for(again.process.wait(), 60) == 2
    (mail,) = told(mailbox, "blind")
    assert "Nothing is looked at until it starts again" in text(mail)


async def test_a_broken_configuration_at_the_start_is_told_too(
    daemon: Process, mailbox: Mailbox
) -> None:
    await daemon.stop()
    written = daemon.file.read_text(encoding="utf-8")
    daemon.file.write_text(written.replace("every =", "evry ="), encoding="utf-8")
    await daemon.begin()
    assert await asyncio.wait_for(daemon.process.wait(), 60) == 2
    (mail,) = told(mailbox, "blind")
    assert "evry" in text(mail)
