"""A call that fails leaves its page: through the rounds, into the ticket, without a secret, and
never in its way.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from checks.contract import Observation
from monitor.clock import SystemClock
from monitor.config import load
from monitor.evidence import call_page
from monitor.incidents import store
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner
from tests.loopback.sipp.peer import alaw, joined, silence, sipp, speak

CONFIGURATION = """
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"

[lines.trunk]
registrar = "127.0.0.1:{port}"
user = "monitor"
password = {{ file = "password" }}

[checks.main-number]
kind = "sip-call"
line = "trunk"
to = "8000"
every = "1h"
script = [ {{ hear = "welcome.wav", within = "3s" }}, {{ hear = "menu.wav", within = "1s" }} ]
probe_late = "60s"
probe_stall = "60s"
probe_stalled_percent = 100.0
probe_wait_percent = 100.0
probe_unsent_percent = 100.0
"""
SECRET = "a secret of ours"


async def look(folder: Path) -> tuple[Observation, tuple[tuple[str, str], ...]]:
    """One failing look: what was seen, and the exhibits of the ticket that came of it."""
    welcome = speak("Welcome to the contact centre.", folder, "welcome")
    speak("For sales press one.", folder, "menu")
    (folder / "password").write_text(f"{SECRET}\n")
    sound = alaw(folder, "stream", joined(folder, "said", welcome, silence(folder, 20)))
    async with sipp("digest", folder / "peer", sound) as peer:
        file = folder / "reveille.toml"
        file.write_text(CONFIGURATION.format(port=peer.port))
        configuration = load(file)
        with Ledger(":memory:") as ledger:
            clock = SystemClock()
            rounds = Rounds(ledger, configuration, clock, Runner(clock, folder / "exhibits"))
            entry = replace(configuration.checks["main-number"], confirm=1)
            seen = await rounds.look(Due(entry, "once"))
            assert seen is not None
            (row,) = ledger.open_incidents()
            return seen.observation, store.incident_of(row).evidence.exhibits


@pytest.mark.engine
async def test_the_page_is_the_tickets_first_exhibit_and_holds_no_secret(tmp_path: Path) -> None:
    seen, shown = await look(tmp_path)
    assert seen.fault is not None
    name, path = shown[0]
    assert name == "page"
    folder = seen.exhibits[1].path.parent
    assert Path(path).parent == folder, "in the folder of its evidence, and kept as long"
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    page = files["index.html"].decode()
    for part in (
        "main-number",
        "Do this next",
        "welcome.wav",
        "menu.wav",
        "407 Proxy Authentication Required",
    ):
        assert part in page, part
    assert not [name for name, content in files.items() if SECRET.encode() in content]
    assert "response=" not in page
    assert len(page.encode()) < 200_000


@pytest.mark.engine
async def test_a_page_that_cannot_be_drawn_loses_no_ticket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> str:
        raise OSError("no space left on device")

    monkeypatch.setattr(call_page, "_write", breaks)
    _, shown = await look(tmp_path)
    assert "page" not in dict(shown)
    assert "call.wav" in dict(shown)
    assert "action=page_broke check=main-number" in caplog.text
