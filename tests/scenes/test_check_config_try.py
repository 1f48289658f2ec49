"""check-config --try: all that a configuration names is opened once, and nothing is placed."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path

import pytest

from lab.centre import Lab
from monitor.config import load
from monitor.verbs.trying import everything_opens, line_of, tried

DEAD = """
[checks.dead]
kind = "portal"
url = "http://127.0.0.1:1/"
every = "5m"

[checks.api-dead]
kind = "api"
url = "https://127.0.0.1:1/"
every = "5m"
steps = [{ name = "order", url = "/", method = "POST", json = { a = "b" } }]

[checks.copy]
kind = "backup"
engine = "directory"
path = "/usr/share/doc"
folder = "PATH/reveille.toml/backups"
at = ["04:00"]

[checks.gone]
kind = "backup"
engine = "sqlite"
path = "/nonexistent/cdr.db"
folder = "PATH"
at = ["04:00"]
"""


async def test_a_whole_centre_opens_and_nothing_was_placed(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "reveille.toml"
    wrong = '[lines.stolen]\nregistrar = "SIP"\nuser = "trunk-a"\npassword = { file = "SECRET" }\n'
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    more = wrong.replace("SIP", f"127.0.0.1:{lab.pbx.port}").replace("SECRET", str(secret))
    text = lab.configuration(tmp_path / "state") + DEAD.replace("PATH", str(tmp_path)) + more
    file.write_text(text, encoding="utf-8")
    mails = list((lab.folder / "mailbox").rglob("*.eml"))
    came = {one.what: one for one in await tried(load(file))}
    outcomes = {what: one.outcome for what, one in came.items()}
    for what in ("lines.trunk-a", "agents.agent-01", "checks.agent-portal", "checks.trunk-options",
                 "checks.crm-api", "checks.chat-socket", "desks.mail"):  # fmt: skip
        assert outcomes[what] == "opens", came[what]
    assert outcomes["checks.main-number"] == "untried"
    assert came["checks.dead"].said == "refused, Connection refused"
    assert outcomes["checks.api-dead"] == "fails"
    assert outcomes["lines.stolen"] == "fails" and "sip:40" in came["lines.stolen"].said
    assert came["checks.copy"].outcome == "fails" and "no folder" in came["checks.copy"].said
    assert came["checks.gone"].said == "missing, /nonexistent/cdr.db is not there"
    assert lab.pbx.mishaps == []
    assert list((lab.folder / "mailbox").rglob("*.eml")) == mails
    assert not (tmp_path / "state").exists(), "nothing was kept"


def test_the_table_fits_a_small_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    file = tmp_path / "reveille.toml"
    site = f'state = "{tmp_path}/state"\n[site]\nname = "X"\ntimezone = "UTC"\n'
    file.write_text(site + DEAD.replace("PATH", str(tmp_path)), encoding="utf-8")
    assert everything_opens([load(file)], as_json=False) == 1
    said = capsys.readouterr().out.splitlines()
    assert max(map(len, said)) <= 70
    assert said[-1] == "0 open, 4 do not, 0 untried; nothing was placed"
    assert everything_opens([load(file)], as_json=True) == 1
    body = json.loads(capsys.readouterr().out)
    assert {one["what"] for one in body["trials"]} >= {"checks.dead", "checks.gone"}


def test_it_ends_in_time_whatever_does_not_answer(tmp_path: Path) -> None:
    """Forty times a far end that takes a connection and says nothing, all at once."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        checks = "".join(
            f'[checks.p{n}]\nkind = "portal"\nurl = "http://127.0.0.1:{silent.getsockname()[1]}/"\n'
            'every = "5m"\nwithin = "300ms"\n'
            for n in range(40)
        )
        file = tmp_path / "reveille.toml"
        file.write_text(f'[site]\nname = "X"\ntimezone = "UTC"\n{checks}', encoding="utf-8")
        began = time.monotonic()
        said = [line_of(one) for one in asyncio.run(tried(load(file)))]
    assert len(said) == 40 and all(line.startswith("✗") and "timeout" in line for line in said)
    # One after the other they would take twelve seconds; a busy machine has its share of the rest.
    assert time.monotonic() - began < 10
