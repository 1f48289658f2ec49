"""The service as an operator installs it: a fresh Debian 12, the launcher, the unit, a real
systemd; minutes long.

The practice contact centre runs in the same machine, so that the hardened daemon places real calls.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import ROOT, files
from tests.scenes.conftest import with_few_checks
from tests.systemd import bare
from tests.systemd.machine import Machine, until, what_is_missing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

UNIT = "reveille.service"
COMMAND = "/opt/reveille/.venv/bin/reveille"
CONFIGURATION = "/etc/reveille/reveille.toml"
PHONE = "checks.telephony.phone.process"
WATCHDOG_SECONDS = 4
# What an operator would write with `systemctl edit`: passwords as credentials; and a test's
# patience.
DROP_IN = f"""
[Service]
WatchdogSec={WATCHDOG_SECONDS}
RestartSec=1
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Debian with Reveille installed by the launcher, and a practice centre to watch."""
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    folder = tmp_path_factory.mktemp("machine")
    machine = Machine(folder / "root")
    machine.build()
    _install(machine, folder / "wheels")
    machine.boot()
    try:
        _practise(machine)
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


@pytest.fixture
def service(machine: Machine) -> Machine:
    """The service, started anew."""
    machine.run("systemctl", "reset-failed")
    machine.run("systemctl", "restart", UNIT)
    return machine


def test_it_starts_as_nobody_special_and_says_so(service: Machine) -> None:
    assert service.show(UNIT, "ActiveState") == "active"
    assert re.match(r"Pune: \d+ checks, ", service.show(UNIT, "StatusText"))
    user, umask = _process(service, "Uid"), _process(service, "Umask")
    assert user.split()[0] not in {"0", "65534"}
    assert umask == "0077"
    assert _process(service, "CapBnd") == "0000000000000000"
    assert service.run("stat", "-c", "%a", "/var/lib/private/reveille").strip() == "700"


def test_it_places_a_real_call_within_its_walls(service: Machine) -> None:
    """Hardened as it is: the engine in its child, numpy, the line's password from a credential."""
    seen: list[dict[str, Any]] = []
    service.run(COMMAND, "run-now", "main-number", "--config", CONFIGURATION)

    def looked() -> bool:
        seen[:] = [
            row
            for row in _status(service)["checks"]
            if row["name"] == "main-number" and row["state"] != "-"
        ]
        return bool(seen)

    until(looked, 60, "the first call to be judged")
    assert seen[0]["state"] == "OK", service.run("journalctl", "--no-pager", "-u", UNIT)


def test_one_that_hangs_is_ended_and_started_again(service: Machine) -> None:
    hung = service.show(UNIT, "MainPID")
    service.run("sh", "-c", f"kill -STOP {hung}")
    took = _until_another_runs(service, hung, WATCHDOG_SECONDS + 20)
    assert took > WATCHDOG_SECONDS / 2
    assert "Watchdog timeout" in _journal(service)
    assert "Fatal Python error: Aborted" in _journal(service), (
        "no stacks of the hung daemon are in the journal"
    )


def test_one_that_is_killed_in_a_call_is_started_again_and_the_call_is_gone(
    service: Machine,
) -> None:
    killed, phones = service.show(UNIT, "MainPID"), _calling(service)
    service.run("sh", "-c", f"kill -KILL {killed}")
    _until_another_runs(service, killed, 20)
    assert not phones & service.processes(PHONE)


def test_a_reload_takes_the_new_configuration_and_keeps_the_process(service: Machine) -> None:
    pid, written = (
        service.show(UNIT, "MainPID"),
        (service.root / CONFIGURATION[1:]).read_text(encoding="utf-8"),
    )
    before = len(_status(service)["checks"])
    service.put(CONFIGURATION, written + _another_check("one-more"))
    service.run("systemctl", "reload", UNIT)
    until(
        lambda: f" {before + 1} checks" in service.show(UNIT, "StatusText"),
        10,
        "the new check to be taken up",
    )
    assert service.show(UNIT, "MainPID") == pid

    service.put(CONFIGURATION, written + 'nonsense = "yes"\n')
    with pytest.raises(subprocess.CalledProcessError):
        service.run("systemctl", "reload", UNIT)
    assert "nonsense" in _journal(service)
    assert (service.show(UNIT, "ActiveState"), service.show(UNIT, "MainPID")) == ("active", pid)
    service.put(CONFIGURATION, written)


def test_it_stops_within_ten_seconds_of_a_call_and_leaves_nothing_running(service: Machine) -> None:
    _calling(service)
    began = time.monotonic()
    service.run("systemctl", "stop", UNIT)
    assert time.monotonic() - began < 10
    assert service.show(UNIT, "ActiveState") == "inactive"
    assert service.show(UNIT, "Result") == "success"
    assert not service.processes(PHONE) | service.processes("reveille run")


def _install(machine: Machine, wheels: Path) -> None:
    """The checkout as it is now, and the launcher's own work, which lacks python3-venv at first."""
    for path in files():
        place = machine.root / "opt/reveille" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, place)
    bare.wheels(wheels)
    said = machine.set_up(
        "/opt/reveille/reveille",
        "--version",
        share=wheels,
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS="/mnt",
        HOME="/root",
    )
    assert "reveille " in said


def _practise(machine: Machine) -> None:
    """A centre in the machine, and the configuration that it writes, as the service needs it."""
    machine.run(
        "systemd-run", "--unit=lab", "--property=TimeoutStopSec=5", COMMAND, "lab", "/srv/lab"
    )
    written = machine.root / "srv/lab/reveille.toml"
    until(written.exists, 30, "the practice centre to open")
    until(
        lambda: "[desks.mail]" in written.read_text(encoding="utf-8"),
        5,
        "its configuration to be written",
    )
    text = with_few_checks(written.read_text(encoding="utf-8"))
    secrets = sorted(set(re.findall(r'file = "/srv/lab/passwords/([a-z0-9-]+)"', text)))
    credentials = "".join(f"LoadCredential={name}:/srv/lab/passwords/{name}\n" for name in secrets)
    text = re.sub(r'file = "/srv/lab/passwords/([a-z0-9-]+)"', r'credential = "\1"', text)
    text = text.replace('"/srv/lab/state"', '"/var/lib/reveille"').replace(
        '"/srv/lab/tls/', '"/etc/reveille/'
    )
    text = re.sub(r'at = \["08:30", "17:30"\].*', 'every = "20s"', text)
    for certificate in (machine.root / "srv/lab/tls").glob("*"):
        machine.put(f"/etc/reveille/{certificate.name}", certificate.read_text(encoding="utf-8"))
    machine.put(CONFIGURATION, text)
    machine.put(
        f"/etc/systemd/system/{UNIT}", (ROOT / "systemd" / UNIT).read_text(encoding="utf-8")
    )
    failed = "reveille-failed.service"
    machine.put(
        f"/etc/systemd/system/{failed}",
        (ROOT / "systemd" / failed).read_text(encoding="utf-8"),
    )
    machine.put(f"/etc/systemd/system/{UNIT}.d/site.conf", DROP_IN + credentials)
    machine.run("systemctl", "daemon-reload")


def _another_check(name: str) -> str:
    return f'\n[checks.{name}]\nkind = "portal"\nurl = "http://127.0.0.1:9/"\nat = ["03:00"]\n'


def _status(machine: Machine) -> dict[str, Any]:
    """What `status` says, whatever its exit code says of it."""
    said = machine.run("sh", "-c", f"{COMMAND} status --json --config {CONFIGURATION} || true")
    found: dict[str, Any] = json.loads(said)
    return found


def _process(machine: Machine, name: str) -> str:
    """A line of /proc/PID/status of the daemon, as the machine sees it."""
    status = machine.run("cat", f"/proc/{machine.show(UNIT, 'MainPID')}/status")
    return next(
        line.partition(":")[2].strip()
        for line in status.splitlines()
        if line.startswith(f"{name}:")
    )


def _journal(machine: Machine) -> str:
    return machine.run("journalctl", "--no-pager", "-o", "cat", "-u", UNIT)


def _calling(machine: Machine) -> set[int]:
    """Have a call placed; gives the processes of its legs."""
    machine.run(COMMAND, "run-now", "main-number", "--config", CONFIGURATION)
    until(lambda: bool(machine.processes(PHONE)), 60, "a call to be under way")
    return machine.processes(PHONE)


def _until_another_runs(machine: Machine, pid: str, seconds: float) -> float:
    def another() -> bool:
        return machine.show(UNIT, "ActiveState") == "active" and machine.show(
            UNIT, "MainPID"
        ) not in {pid, "0"}

    return until(another, seconds, f"another process than {pid}")
