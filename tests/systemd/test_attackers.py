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

# Children of the daemon, and the services beside it, with what the kernel says that they hold.
SAMPLED = r"""
import glob, json, os, subprocess, sys, time
def program(number):
    with open(f"/proc/{number}/cmdline", "rb") as file:
        words = [word.decode() for word in file.read().split(b"\0")[:-1]]
    if "-m" in words:
        return words[words.index("-m") + 1]
    return os.path.basename(words[-2] if "guard.py" in str(words) else words[0].split()[0])
# A capability in a user namespace of one's own (a browser's sandbox) is none on the host.
seen, whole = {}, os.readlink("/proc/self/ns/user")
asked = subprocess.Popen(["sh", "-c", sys.argv[1]], stdout=subprocess.DEVNULL)
ends = time.monotonic() + 90
while asked.poll() is None or time.monotonic() < ends - 60:
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            with open(folder + "/cgroup") as file:
                if "reveille" not in file.read():
                    continue
            with open(folder + "/status") as file:
                said = dict(line.rstrip("\n").split(":\t") for line in file if ":\t" in line)
            held = [os.readlink(one) for one in glob.glob(folder + "/fd/*")]
            spaces = os.readlink(folder + "/ns/user")
            # Systemd's own, which is about to become a program: "(python)".
            if (name := program(folder[6:])).startswith("("):
                continue
        except (OSError, IndexError, ValueError):
            continue
        one = seen.setdefault(name, {"capabilities": [], "rights": [], "filter": [], "open": []})
        if spaces == whole:
            one["capabilities"] += [said[key] for key in ("CapEff", "CapPrm", "CapInh", "CapAmb")]
        one["rights"].append(said["NoNewPrivs"])
        one["filter"].append(said["Seccomp"])
        one["open"] += [path for path in held if path.startswith(("/var", "/run", "/etc"))]
    time.sleep(0.02)
for one in seen.values():
    one.update({key: sorted(set(values)) for key, values in one.items()})
print(json.dumps(seen))
"""
NOTHING, READS_THE_HOST = "0000000000000000", "0000000000080004"
"""no capability; CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE"""
# Program -> the most that it holds: capabilities, and files of ours that are open.
HOLDS = {
    "guard.py": (NOTHING, None),
    "checks.data.backup.run.worker": (NOTHING, r"/backups/"),
    "checks.data.backup.run.drill": (NOTHING, r"/backups/"),
    "postgres": (NOTHING, None),
    "pg_dump": (NOTHING, None),
    "checks.data.usage.child": (NOTHING, None),
    "checks.web.browser.process": (NOTHING, None),
    "node": (NOTHING, None),
    "chromium-headless-shell": (NOTHING, None),
    "checks.plugin_service": (NOTHING, None),
    "checks.host.look_service": (READS_THE_HOST, None),
    "systemctl": (READS_THE_HOST, None),
}
BRIEF = {"systemctl"}
"""what ends so soon that it may not be seen"""
RUNS = "for one in browser calls usage apart services; do reveille run-now $one; done; sleep 20"

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


def test_a_service_that_is_opened_anew_is_asked_again(machine: Machine) -> None:
    """As an upgrade of its units opens it: the daemon was bound to a socket that is gone."""
    machine.run("systemctl", "restart", "reveille-hostlooks.socket")
    assert looked(machine, "services") == ("OK", "")


def test_his_files_hold_no_look_at_intrusions(machine: Machine) -> None:
    person(machine, "mallory", "python3", "-c", FLOODED)
    state, said = looked(machine, "intrusion")
    assert state == "DEGRADED"
    assert "not read to its end: /home/mallory/.ssh/authorized_keys" in said
    assert "not reached" not in said


def test_each_program_holds_what_its_work_needs(machine: Machine) -> None:
    """As installed: capabilities, new rights, the filter of system calls, open files of ours."""
    seen = json.loads(machine.run("python3", "-c", SAMPLED, RUNS))
    assert set(HOLDS) - BRIEF - set(seen) == set()
    daemon = seen.pop("python")
    assert any(path.endswith("ledger.sqlite") for path in daemon["open"]), "what is looked for"
    for name, held in seen.items():
        capabilities, own = HOLDS.get(name, (NOTHING, r"/backups/"))
        assert set(held["capabilities"]) <= {capabilities, NOTHING}, name
        assert (held["rights"], held["filter"]) == (["1"], ["2"]), name
        ours = [path for path in held["open"] if "/reveille/" in path]
        assert [path for path in ours if not (own and re.search(own, path))] == [], name


def test_a_plugin_of_its_own_user_has_that_users_rights(machine: Machine) -> None:
    """`run_as`, by the unit that `install` has laid down. The plugin is critical where it is
    anybody else, has a right, or gets at anything of the monitor's (attackers.py).
    """
    assert looked(machine, "apart") == ("OK", "")


@pytest.fixture(scope="module")
def planted(machine: Machine) -> Mapping[str, str]:
    """What the server said to the owner of a database at each try."""
    return {name: owners.planted(machine, one) for name, one in owners.DATABASE.items()}


@pytest.mark.parametrize("name", owners.DATABASE)
def test_the_owner_of_a_database_gets_what_is_his(planted: Mapping[str, str], name: str) -> None:
    assert re.search(owners.DATABASE[name].told, planted[name])


@pytest.mark.parametrize("check", ["calls", "usage", "desk"])
def test_nothing_that_he_planted_runs_as_the_monitors_user(
    machine: Machine, planted: Mapping[str, str], check: str
) -> None:
    assert planted
    assert looked(machine, check, 300) == ("OK", "")
    assert owners.loot(machine) == ""
    assert kept(machine, "PLANTED as") == ""


def test_rows_that_a_policy_of_his_hides_are_missed(
    machine: Machine, planted: Mapping[str, str]
) -> None:
    assert planted
    owners.planted(machine, owners.POLICY)
    state, why = looked(machine, "calls", 300)
    assert (state, "row-level security policy" in why) == ("FAILED", True), why
    assert owners.loot(machine) == ""


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
