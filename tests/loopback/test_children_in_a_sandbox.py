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

CAP_DAC_READ_SEARCH = 1 << 2  # <linux/capability.h>
STARTING = """
import asyncio, sys
from checks.process.parent import Program, answered, inherited
wants = sys.argv[1] == "1"
asked = Program(("/bin/grep", "Cap", "/proc/self/status"), inherited(), capabilities=wants)
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
@pytest.mark.parametrize("wants", [False, True])
def test_a_child_has_the_daemon_s_ambient_capabilities_only_where_it_was_said(wants: bool) -> None:
    """As with AmbientCapabilities= in a drop-in of the service (systemd/host.conf)."""
    given = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    other = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *given]
    command = [*other, sys.executable, "-c", STARTING, str(int(wants))]
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=own, check=False)
    assert done.returncode == 0, done.stderr
    sets = dict(line.split(":\t") for line in done.stdout.split("\n") if line)
    held = {
        name: int(value, 16)
        for name, value in sets.items()
        if name in ("CapPrm", "CapEff", "CapAmb")
    }
    assert held == dict.fromkeys(
        ("CapPrm", "CapEff", "CapAmb"), CAP_DAC_READ_SEARCH if wants else 0
    )
