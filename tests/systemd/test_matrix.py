"""Kinds of checks by who looks: a checkout's command as root, the shipped unit alone, the unit with
what `install` lays down beside it. Each once well, and once with one real fault.

    ./reveille test --installed        prints the table; minutes long

The rules: nobody calls what is well broken, or what is broken well; who cannot look says UNKNOWN,
or DEGRADED with what was not looked at. As root, and with its drop-ins, everything is seen.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.systemd import matrix
from tests.systemd.bare import PACKAGES, bare, letters
from tests.systemd.machine import Machine, until, what_is_missing
from tests.systemd.matrix import ROWS, Row, Seen

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

MORE = f"{PACKAGES},mariadb-server,clamav,bubblewrap"
STATE = "/var/lib/reveille"
ALONE, UNIT, WHOLE = "root", "unit", "unit + drop-in"
WAYS = (ALONE, UNIT, WHOLE)
FILES = {ALONE: "/srv/root/reveille.toml"}
STATES = {ALONE: "/srv/root/state"}
SERVICE = "reveille.service"
_INSTALLED = "git clone -q https://your.git.server/reveille /opt/reveille && /opt/reveille/reveille"
# What `install` has laid down beside the unit, away and back.
_AWAY = """
systemctl stop reveille-hostlooks.socket reveille-drill.socket
mkdir /srv/away
mv /etc/systemd/system/reveille-*.socket /etc/systemd/system/reveille.service.d/host.conf /srv/away
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
seen: dict[tuple[str, str, bool], Seen] = {}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    machine = bare(tmp_path_factory.mktemp("matrix"), MORE)
    try:
        machine.run("sh", "-c", f"{_INSTALLED} --version")
        matrix.laid_out(machine)
        python = "cd /opt/reveille && .venv/bin/python -c"
        machine.run("sh", "-c", f"{python} '{_RECORDS}'")
        machine.put("/srv/root/reveille.toml", matrix.configuration(STATES[ALONE]))
        machine.put("/etc/reveille/reveille.toml", matrix.configuration(STATE))
        machine.run("/opt/reveille/reveille", "install")
        yield machine
    finally:
        print(f"\n{matrix.table(seen, WAYS)}")
        machine.power_off()
        shutil.rmtree(machine.root)


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest, machine: Machine) -> Iterator[str]:
    """Who looks, one after the other."""
    if request.param == UNIT:
        machine.run("bash", "-euc", _AWAY)
    yield request.param
    if request.param == UNIT:
        machine.run("bash", "-euc", _BACK)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_well_is_well_and_what_is_broken_is_not(
    machine: Machine, way: str, row: Row
) -> None:
    file, state = FILES.get(way, "/etc/reveille/reveille.toml"), STATES.get(way, STATE)
    well = seen[row.name, way, False] = matrix.looked(machine, row, file)
    machine.run("bash", "-euc", row.breaks.replace(matrix.STATE, state))
    try:
        broken = seen[row.name, way, True] = matrix.looked(machine, row, file)
    finally:
        machine.run("bash", "-euc", row.mends.replace(matrix.STATE, state))
    told = f"well: {well}; broken: {broken}"
    if way == UNIT:
        assert well.state in {"OK", "DEGRADED", "UNKNOWN"}, told
        assert broken.state in {"FAILED", "DEGRADED", "UNKNOWN"}, told
        return
    assert well.state in ({"OK", "DEGRADED"} if row.unaccepted else {"OK"}), told
    assert broken.state == ("FAILED" if row.code else "DEGRADED"), told
    assert row.code in broken.text, told


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
