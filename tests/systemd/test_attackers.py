"""A user without rights, the owners of a database, of recordings and of a portal, each as an
attacker in a booted machine: none reads a secret, writes outside of his own, or raises his rights.
Minutes long.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator, Mapping

import pytest

from tests.systemd import attackers_owners as owners
from tests.systemd.attackers import MARKS, PACKAGES, kept, laid_out, looked, person, portal
from tests.systemd.attackers_local import STOPPED, TRIES
from tests.systemd.bare import bare
from tests.systemd.machine import Machine, what_is_missing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

FLOODED = """
import os
home = os.path.expanduser("~")
os.makedirs(home + "/.ssh", exist_ok=True)
os.makedirs(home + "/.config/systemd/user", exist_ok=True)
with open(home + "/.ssh/authorized_keys", "w") as keys:
    keys.write("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43 + " planted\\n")
os.truncate(home + "/.ssh/authorized_keys", 6 << 30)
with open(home + "/.profile", "w") as profile:
    profile.truncate(1 << 42)
os.mkfifo(home + "/.config/systemd/user/pipe.service")
os.symlink("/etc/shadow", home + "/.config/systemd/user/link.service")
open(home + "/.config/systemd/user/two\\nlines\\x1b[2J.service", "w").close()
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    machine = bare(tmp_path_factory.mktemp("attackers"), PACKAGES)
    try:
        laid_out(machine)
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


@pytest.fixture(scope="module")
def tried(machine: Machine) -> Mapping[str, str]:
    """What the user without rights was told at each try."""
    said: dict[str, str] = json.loads(person(machine, "mallory", "python3", "-c", TRIES))
    return said


@pytest.mark.parametrize("name", STOPPED)
def test_a_user_without_rights_is_stopped(tried: Mapping[str, str], name: str) -> None:
    assert re.search(STOPPED[name], tried[name])
    assert not [mark for mark in MARKS.values() if mark in tried[name]]


def test_every_try_of_his_has_something_that_stops_it(tried: Mapping[str, str]) -> None:
    assert set(tried) == set(STOPPED)


def test_the_monitor_works_on_behind_him(machine: Machine, tried: Mapping[str, str]) -> None:
    assert tried
    assert looked(machine, "services") == ("OK", "")
    refused = machine.run("journalctl", "-q", "-o", "cat", "-u", "reveille", "-g", "refused")
    assert 1 <= refused.count("action=control_refused") <= 3


def test_his_files_hold_no_look_at_intrusions(machine: Machine) -> None:
    person(machine, "mallory", "python3", "-c", FLOODED)
    state, said = looked(machine, "intrusion")
    assert state == "DEGRADED"
    assert "not read to its end: /home/mallory/.ssh/authorized_keys" in said
    assert "not reached" not in said


def test_a_plugin_of_its_own_user_has_that_users_rights(machine: Machine) -> None:
    """`run_as`, by the unit that `install` has laid down."""
    assert looked(machine, "apart")[0] == "OK"
    said = machine.run("sh", "-c", "reveille --json once apart || true")
    [note] = re.findall(r"OK reveille-plugins [^\"]*", said)
    assert re.match(r"OK reveille-plugins reveille-plugins CapEff 0{16} new rights 1 descr", note)
    assert not re.search(r"READ|WROTE", said)
    assert machine.run("sh", "-c", "ls /srv/written /opt/reveille/written 2>/dev/null; true") == ""


@pytest.mark.parametrize("name", owners.DATABASE)
def test_the_owner_of_a_database_plants_nothing_that_runs(machine: Machine, name: str) -> None:
    planted = owners.DATABASE[name]
    said = owners.planted(machine, planted)
    assert re.search(planted.told, said)
    try:
        for check in planted.checks:
            state, why = looked(machine, check)
            assert "PLANTED" not in why
            assert state == planted.state, why
        assert owners.loot(machine) == ""
        assert kept(machine, "PLANTED as") == ""
    finally:
        owners.taken_back(machine, planted)


@pytest.mark.parametrize("name", owners.RECORDINGS)
def test_the_owner_of_recordings_leads_nobody_elsewhere(machine: Machine, name: str) -> None:
    planted = owners.RECORDINGS[name]
    person(
        machine,
        "rec",
        "bash",
        "-c",
        f"mkdir -p /srv/recordings/x; cd /srv/recordings/x; {planted.does}",
    )
    try:
        state, why = looked(machine, planted.check)
        assert state == planted.state, why
        assert re.search(planted.why, why)
        owners.nothing_of_others(machine, planted.check)
    finally:
        machine.run("rm", "-rf", "/srv/recordings/x", "/srv/scanned/x")


@pytest.mark.parametrize("name", owners.PORTAL)
def test_the_owner_of_a_portal_learns_nothing_but_his_own(machine: Machine, name: str) -> None:
    trick = owners.PORTAL[name]
    portal(machine, trick.behaves, trick.page)
    state, why = looked(machine, trick.check)
    assert state == trick.state, why
    assert re.search(trick.why, why)
    told = machine.run("sh", "-c", "cat /srv/portal/seen /srv/inner.seen 2>/dev/null; true")
    inner = machine.run("sh", "-c", "cat /srv/inner.seen 2>/dev/null; true")
    assert "Basic" not in inner
    assert MARKS["inner"] not in told
    for spelling in (
        MARKS["portal"],
        base64.b64encode(f"monitor:{MARKS['portal']}".encode()).decode(),
    ):
        assert kept(machine, spelling) == ""
    assert not re.search(r"root:.*:0:0:", told)
