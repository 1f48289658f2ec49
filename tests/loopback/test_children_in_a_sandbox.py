"""Children where the service forbids what a process may usually do: they work without, and gain
nothing.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

STARTING = """
import asyncio
from checks.process.parent import Program, answered, inherited
asked = Program(("/bin/grep", "Cap", "/proc/self/status"), inherited())
print(asyncio.run(answered(asked, b"", 30)).output.decode())
"""


@pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the numbers of system calls are x86-64's"
)
def test_what_the_service_refuses_stops_no_child(tmp_path: Path) -> None:
    """No niceness, no capset, no chown: backup, usage, hygiene and a look at the host go well all
    the same.
    """
    command = [sys.executable, "-m", "tests.loopback.sandbox", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stdout)
    assert ended.pop("sandbox") == "holds"
    assert ended.pop("pg_dump").startswith("pg_dump (PostgreSQL)")
    assert ended == dict.fromkeys(("backup", "usage", "hygiene", "host-resources"), "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a process ambient capabilities")
def test_no_child_has_the_ambient_capabilities_of_its_daemon() -> None:
    """As with AmbientCapabilities= in a drop-in of an administrator's own."""
    given = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    other = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *given]
    command = [*other, sys.executable, "-c", STARTING]
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=own, check=False)
    assert done.returncode == 0, done.stderr
    sets = dict(line.split(":\t") for line in done.stdout.split("\n") if line)
    held = {
        name: int(value, 16)
        for name, value in sets.items()
        if name in ("CapPrm", "CapEff", "CapAmb")
    }
    assert held == dict.fromkeys(("CapPrm", "CapEff", "CapAmb"), 0)
