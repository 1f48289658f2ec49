"""The demo, as a newcomer runs it: each step really seen, within its time, and nothing left
running.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.scenes.matrix import ROWS

STEPS = [
    *("opened", "accepted", "healthy", "everything"),
    *("broken", "failed", "ticket", "mail", "mended", "closed", "audited", "stopped"),
]


@pytest.mark.browser
@pytest.mark.engine
def test_the_story_is_told_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "monitor.cli", "demo", "--json", "--state", str(tmp_path)]
    demo = subprocess.run(command, stdout=subprocess.PIPE, timeout=400, check=False)
    story = json.loads(demo.stdout)
    assert demo.returncode == 0, story["steps"][-1]
    assert [step["step"] for step in story["steps"]] == STEPS
    ticket = next(step["ticket"] for step in story["steps"] if step["step"] == "ticket")
    assert ticket["title"] == "PRI is up but IVR is not working"
    assert (ticket["severity"], ticket["owner"]) == ("P0", "vendor")
    assert [rung["state"] for rung in ticket["ladder"]] == ["told", "next", "later"]
    report = next(step for step in story["steps"] if step["step"] == "audited")
    assert report["calls"] > 50
    assert report["backup"]["proven_at"]
    assert report["backup"]["rows"] > 5_000
    assert report["pictures"] >= 2
    assert "calls · backup proven" in report["subject"]
    looks = next(step["looks"] for step in story["steps"] if step["step"] == "everything")
    assert {row.check for row in ROWS} <= {look["check"] for look in looks}, (
        "each row of the matrix has its look"
    )
    evidence = dict(
        next(step["attempt"]["exhibits"] for step in story["steps"] if step["step"] == "ticket")
    )
    assert {"call.wav", "ladder.txt"} <= evidence.keys()
    assert all(Path(path).exists() for path in evidence.values())
    assert not [
        p
        for p in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(p.info["cmdline"] or [])
    ]
