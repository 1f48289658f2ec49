"""Kinds of checks by who looks: a checkout's command as root, the shipped unit alone, the unit with
what `install` lays down beside it. Each once well, and once with one real fault.

    ./reveille test --installed        prints the table; minutes long

The rules: nobody calls what is well broken, or what is broken well; who cannot look says UNKNOWN,
or DEGRADED with what was not looked at. As root, with its drop-ins, and of a kind that needs none,
everything is seen.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.systemd import matrix, matrix_centre, matrix_host
from tests.systemd.bare import PACKAGES, bare, letters
from tests.systemd.machine import Machine, until, what_is_missing
from tests.systemd.matrix import Matrix, Row, Way

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

MORE = f"{PACKAGES},mariadb-server,clamav,bubblewrap,{matrix_centre.PACKAGES}"
ROWS = (*matrix_host.HOST_ROWS, *matrix_centre.CENTRE_ROWS)
STATE = "/var/lib/reveille"
SERVICE = "reveille.service"
FILE = "/etc/reveille/reveille.toml"
ALONE = Way("root", "/srv/root/reveille.toml", "/srv/root/state")
UNIT = Way("unit", FILE, STATE)
WHOLE = Way("unit + drop-in", FILE, STATE)
WAYS = (ALONE, UNIT, WHOLE)
COMMAND = "/opt/reveille/.venv/bin/reveille"
_INSTALLED = "git clone -q https://your.git.server/reveille /opt/reveille && /opt/reveille/reveille"
# What `install` has laid down beside the unit, away and back; not its secrets and folders.
_AWAY = """
systemctl stop reveille-hostlooks.socket reveille-drill.socket
mkdir /srv/away
cd /etc/systemd/system
cd reveille.service.d && mv host.conf browser.conf webrtc.conf ../reveille-*.socket /srv/away
systemctl daemon-reload
systemctl restart reveille
"""
_BACK = "rm -r /srv/away; reveille install"
_RECORDS = """
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo
from lab import records
yesterday = datetime.now(ZoneInfo("Asia/Kolkata")).date() - timedelta(days=1)
records.write(Path("/srv/records"), 7, "Asia/Kolkata", yesterday, days=15, calls_a_day=50)
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    machine = bare(tmp_path_factory.mktemp("matrix"), MORE)
    try:
        ready(machine)
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


def ready(machine: Machine) -> None:
    """The program, the world that the rows look at, and the service."""
    machine.run("sh", "-c", f"{_INSTALLED} --version")
    matrix_host.laid_out(machine)
    machine.run("sh", "-c", f"cd /opt/reveille && .venv/bin/python -c '{_RECORDS}'")
    lab = matrix_centre.opened(machine, COMMAND)
    for way in (ALONE, WHOLE):
        text = matrix.configuration(ROWS, way, lab, service=way is WHOLE)
        machine.put(way.file, text)
    machine.run("/opt/reveille/reveille", "install")


@pytest.fixture(scope="module")
def filled(machine: Machine) -> Iterator[Matrix]:
    """All that is seen, in the three ways, one after the other."""
    filled = Matrix(machine, ROWS)
    try:
        yield filled
    finally:
        print(f"\n{filled.table([way.name for way in WAYS])}")


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: way.name)
def way(request: pytest.FixtureRequest, filled: Matrix) -> Iterator[Way]:
    """Who looks: every row, before the first is judged."""
    if request.param is UNIT:
        filled.machine.run("bash", "-euc", _AWAY)
    try:
        filled.fill(request.param)
        yield request.param
    finally:
        if request.param is UNIT:
            filled.machine.run("bash", "-euc", _BACK)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_well_is_well_and_what_is_broken_is_not(filled: Matrix, way: Way, row: Row) -> None:
    assert filled.wrong(row, way) == ""


def test_what_cannot_be_seen_is_said_beforehand_with_what_is_missing(
    machine: Machine, way: Way
) -> None:
    """check-config names the drop-in, and each check that is without its right."""
    if way is ALONE:
        return
    said = json.loads(machine.run("reveille", "--json", "check-config"))
    warned = [w["wrong"] + w["right"] for w in said["warnings"] if "not in force" in w["wrong"]]
    assert [w for w in said["warnings"] if "cannot read" in w["wrong"]] == []
    if way is WHOLE:
        assert warned == []
        return
    for need, names in matrix.without_sight(ROWS).items():
        [one] = [text for text in warned if need in text]
        assert [name for name in names if name not in one] == []
        assert "reveille install" in one


def test_a_member_of_the_group_speaks_with_the_daemon_and_a_stranger_does_not(
    machine: Machine,
) -> None:
    machine.run("usermod", "--append", "--groups", "reveille", "ops")
    machine.run("useradd", "stranger")
    assert "The daemon runs" in _as("ops", machine, "reveille status || true")
    machine.run("systemctl", "stop", "site")
    machine.run("sh", "-c", "reveille run-now page; reveille run-now uplink")
    until(lambda: "RV-" in _as("ops", machine, "reveille tickets || true"), 120, "a ticket")
    _as("ops", machine, "reveille tickets ack RV-1")
    assert "ops" in machine.run("reveille", "tickets", "show", "RV-1")
    machine.run("systemctl", "start", "site")
    with pytest.raises(subprocess.CalledProcessError, match="exit status"):
        _as("stranger", machine, "reveille tickets")


def test_what_root_types_leaves_nothing_of_roots(machine: Machine) -> None:
    for running in (True, False):
        machine.run("systemctl", "start" if running else "stop", SERVICE)
        for verb in ("once files", "backup drill files", "once page", "tickets"):
            machine.run("sh", "-c", f"reveille {verb}; test $? -le 3")
        assert machine.run("find", f"{STATE}/", "-user", "root") == ""
    machine.run("systemctl", "start", SERVICE)


@pytest.mark.parametrize("how", ["killed", "its ledger broken"])
def test_a_daemon_that_fails_is_heard_of_once(machine: Machine, how: str) -> None:
    machine.run("sh", "-c", f"rm -f {STATE}/alarm-at-start")
    before = len(_blind(machine))
    if how == "killed":
        machine.run("systemctl", "kill", "--signal=KILL", SERVICE)
    else:
        machine.run("systemctl", "stop", SERVICE)
        broken = f"cd {STATE}; mkdir aside; mv ledger.sqlite* aside; mkdir ledger.sqlite"
        machine.run("sh", "-c", f"{broken}; systemctl start --no-block reveille")
    until(lambda: len(_blind(machine)) > before, 60, "the mail of the failure")
    until(lambda: int(machine.show(SERVICE, "NRestarts")) >= 1, 60, "another start")
    assert len(_blind(machine)) == before + 1
    if how != "killed":
        machine.run("sh", "-c", f"cd {STATE}; rmdir ledger.sqlite; mv aside/* .; rmdir aside")
    until(lambda: machine.show(SERVICE, "ActiveState") == "active", 60, "the daemon to run")


def _as(person: str, machine: Machine, command: str) -> str:
    return machine.run("su", "-", person, "-s", "/bin/sh", "-c", command)


def _blind(machine: Machine) -> list[str]:
    return [one for one in letters(machine, "ops") if "the monitor is blind" in one]
