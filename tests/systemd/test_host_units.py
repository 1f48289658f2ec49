"""Units under a real systemd: one that runs, is stopped, is restarted over and over; and one that
failed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.house.source import ROOT
from tests.systemd.machine import Machine, until, what_is_missing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

SERVICE = """
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sleep infinity
Restart=always
RestartSec=0
[Install]
WantedBy=multi-user.target
"""
BROKEN = "[Service]\nType=oneshot\nExecStart=/bin/false\n"
LOOK = """
import json, sys
from checks.host.collectors import services
from checks.host.collectors.collector import Look
said = []
job = {"settings": json.loads(sys.argv[1]), "recalled": json.loads(sys.argv[2]), "accepted": {},
       "now": float(sys.argv[3]), "seconds": 60, "monitor": 1}
services.look(Look(job, lambda **facts: said.append(facts)))
print(json.dumps(said))
"""
SETTINGS = {"units": ["asterisk"], "processes": [], "any_failed": True, "ignore": [],
            "most_restarts": 3, "growth_percent": 10.0}  # fmt: skip


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    machine = Machine(tmp_path_factory.mktemp("machine") / "root")
    machine.build()
    machine.put("/etc/systemd/system/asterisk.service", SERVICE)
    machine.put("/etc/systemd/system/nightly.service", BROKEN)
    machine.put("/opt/look/look.py", LOOK)
    shutil.copytree(ROOT / "checks", machine.root / "opt/look/checks")
    shutil.copytree(Path(psutil.__file__).parent, machine.root / "opt/look/psutil")
    machine.boot()
    try:
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


class Looks:
    """Looks one after the other, an hour apart."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._now = machine, 1_700_000_000.0
        self._memory: dict[str, Any] = {}

    def faults(self, **settings: Any) -> dict[str, str]:
        """Code -> text."""
        self._now += 3600
        given = (json.dumps({**SETTINGS, **settings}), json.dumps(self._memory), str(self._now))
        said = json.loads(
            self._machine.run("env", "PYTHONPATH=/opt/look", "python3", "/opt/look/look.py", *given)
        )
        self._memory = {event["remember"]: event["value"] for event in said if "remember" in event}
        return {event["fault"]: event["text"] for event in said if "fault" in event}


def restarted(machine: Machine) -> None:
    """Its process dies, and systemd starts another."""
    number = machine.show("asterisk", "MainPID")
    machine.run("systemctl", "kill", "--signal=KILL", "asterisk")
    until(lambda: machine.show("asterisk", "MainPID") not in (number, "0"), 30, "a restart")


def test_a_unit_from_well_to_down_to_restless(machine: Machine) -> None:
    looks = Looks(machine)
    machine.run("systemctl", "start", "asterisk")
    assert looks.faults() == {}

    machine.run("systemctl", "stop", "asterisk")
    assert looks.faults() == {"unit-down": "asterisk.service is inactive (dead, success)"}

    machine.run("systemctl", "start", "asterisk")
    assert looks.faults() == {}
    for _ in range(4):
        restarted(machine)
    assert looks.faults() == {"restarting": "asterisk.service was restarted 4 times within a day"}

    assert (
        looks.faults(units=["asterisk", "nosuch"])["unit-down"]
        == "nosuch.service is unknown to systemd"
    )


def test_any_unit_that_failed_is_named(machine: Machine) -> None:
    looks = Looks(machine)
    machine.run("systemctl", "start", "asterisk")
    machine.run("sh", "-c", "systemctl start nightly || true")
    assert looks.faults() == {"unit-failed": "failed: nightly.service"}
    assert looks.faults(ignore=["nightly.service"]) == {}
