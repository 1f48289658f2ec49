"""A ledger on a server that is restarted, and one that is gone for a while: somebody is told of
the second, nothing is told twice, and the daemon goes on once it is back.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lab.injected_faults import Faults
from lab.mail_server import Mailbox
from tests.loopback.databases import Postgres, postgres
from tests.scenes.daemon_process import Process
from tests.scenes.test_ledger_taken import CONFIGURATION, told

pytestmark = pytest.mark.slow  # a daemon and a server of its own, and an outage that is waited for
LEDGER = """
[ledger]
url = "postgresql://reveille@/postgres?host={sockets}&sslmode=disable"
password = {{ file = "password" }}
[probe]
alarm_after = "15s"
"""


@pytest.fixture
def server() -> Iterator[Postgres]:
    """One that may be taken away; what was committed stays."""
    with postgres({"fsync": "on"}) as made:
        made.run("CREATE ROLE reveille LOGIN PASSWORD 'sesame'")
        made.run("CREATE SCHEMA AUTHORIZATION reveille")
        yield made
        if made.process is None:
            made.start()


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[Mailbox]:
    made = Mailbox(tmp_path / "mailbox", Faults())
    await made.open("127.0.0.1")
    yield made
    await made.close()


@pytest.fixture
async def daemon(mailbox: Mailbox, server: Postgres, tmp_path: Path) -> AsyncIterator[Process]:
    """With one ticket, which is told."""
    (tmp_path / "password").write_text("sesame\n", encoding="utf-8")
    written = CONFIGURATION.format(port=mailbox.port)
    file = tmp_path / "reveille.toml"
    file.write_text(written + LEDGER.format(sockets=server.sockets), encoding="utf-8")
    process = Process(file)
    await process.start()
    await process.until(lambda: told(mailbox, "opened"))
    yield process
    if process.process.returncode is None:
        await process.stop(signal.SIGKILL)


def looks(daemon: Process) -> int:
    return len(daemon.read(lambda ledger: ledger.attempts("portal", limit=1000)))


def said(daemon: Process, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitor.cli", *words, "--config", str(daemon.file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_an_outage_is_told_and_nothing_twice(
    daemon: Process, server: Postgres, mailbox: Mailbox
) -> None:
    server.stop()
    server.start()
    before = looks(daemon)
    await daemon.until(lambda: looks(daemon) > before)
    assert not told(mailbox, "blind"), "a server that is restarted is no outage"

    server.kill()
    (mail,) = await daemon.until(lambda: told(mailbox, "blind"))
    assert "has not reached the ledger" in mail.get_body(("plain",)).get_content()
    asked = said(daemon, "tickets")
    assert asked.returncode == 2 and "cannot be reached" in asked.stderr
    assert "sesame" not in asked.stderr + daemon.log.read_text() and "Traceback" not in asked.stderr

    server.start()
    before = looks(daemon)
    await daemon.until(lambda: looks(daemon) > before)
    (ticket,) = json.loads(said(daemon, "tickets", "--json").stdout)
    assert ticket["state"] == "open"
    assert len(told(mailbox, "opened")) == 1 and len(told(mailbox, "blind")) == 1
    kinds = [row.kind for row in daemon.read(lambda ledger: ledger.history(1))]
    assert kinds.count("opened") == 1
    assert json.loads(said(daemon, "status", "--json").stdout)["running"]
    assert await daemon.stop() < 10
