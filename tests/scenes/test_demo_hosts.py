"""The demo of several hosts, told whole; and what is typed at the lab of several."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lab import Lab
from lab.own_server import NoServer, program
from monitor.demo import hosts_lab
from monitor.demo.several_hosts import SeveralHosts

STEPS = [
    *("hosts-well", "host-killed", "host-missed", "host-back", "place-cut", "place-alone"),
    *("place-agrees", "broken", "hosts-agree", "hosts-mended", "hosts-stopped"),
]


@pytest.mark.slow  # a host is missed after half a minute
def test_the_story_of_several_hosts_is_told_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monitor.cli", "demo", "--hosts", "3", "--json"]
    demo = subprocess.run(
        [*command, "--state", str(tmp_path)], stdout=subprocess.PIPE, timeout=500, check=False
    )
    story = json.loads(demo.stdout)
    assert demo.returncode == 0, story["steps"][-1]
    assert [step["step"] for step in story["steps"]] == STEPS
    silent, alone, all_of_them = [step["ticket"] for step in story["steps"] if "ticket" in step]
    assert silent["title"] == "probe host delhi-1 is silent"
    assert alone["title"] == "mumbai-1 alone sees trouble with agent-portal"
    # Judged as soon as two of them have seen it.
    seen = ("seen from 2 of 3", "seen from 3 of 3")
    assert any(reason.startswith(seen) for reason in all_of_them["reasons"])
    assert [one["number"] for one in (silent, alone, all_of_them)] == ["RV-1", "RV-2", "RV-3"]
    left = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in left if str(tmp_path) in line]


def test_a_host_without_postgresql_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoServer, match="no nothing-such of PostgreSQL"):
        program("nothing-such")


async def test_what_is_not_understood_is_said(tmp_path: Path) -> None:
    hosts = SeveralHosts(tmp_path, (), lambda _name, _state: "")
    lab = Lab(tmp_path / "lab")
    for words in (["cut"], ["cut", "nobody"], ["dance", "pune-1"]):
        said = await hosts_lab.answered(lab, hosts, words)
        assert "is not understood" in said and "cut, slow, hold, mend" in said
