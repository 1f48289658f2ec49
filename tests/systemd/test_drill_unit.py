"""The drill of an installed Reveille, under a real systemd: reveille-drill.socket starts a unit for
each proof, in which every engine's RESTORE.md is run.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.house.source import ROOT
from tests.systemd.machine import Machine, until, what_is_missing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

PACKAGES = "postgresql,mariadb-server,sqlite3,zstd,tzdata"
SITE = """
state = "/var/lib/reveille"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"
"""
CHECK = """
[checks.{name}]
kind = "backup"
at = ["04:00"]
folder = "/var/lib/reveille/backups/{name}"
engine = "{name}"
"""
MORE = {
    "postgresql": 'database = "calls"\nuser = "postgres"\nhost = "/run/postgresql"\n',
    "mariadb": 'database = "calls"\nuser = "root"\nhost = "/run/mysqld/mysqld.sock"\n',
    "sqlite": 'path = "/srv/calls/cdr.sqlite"\n',
    "directory": 'path = "/srv/calls"\n',
}
ROWS = "CREATE TABLE cdr (id integer PRIMARY KEY, src text); INSERT INTO cdr VALUES (1, 'a')"
TRUST = "for f in /etc/postgresql/*/main/pg_hba.conf; do sed -i '1i local all all trust' $f; done"
# As `reveille install` leaves the program: its own environment of Debian's Python.
ENVIRONMENT = "/opt/reveille/.venv"
_HUGE = ("playwright*", "mypy*", "*mypyc*", "__pycache__", "_editable_impl_*")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    machine = Machine(tmp_path_factory.mktemp("machine") / "root")
    machine.build(PACKAGES)
    installed(machine)
    records(machine)
    machine.boot()
    try:
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


def installed(machine: Machine) -> None:
    top = machine.root / "opt/reveille"
    for name in ("checks", "monitor", "reports", "lab"):
        shutil.copytree(ROOT / name, top / name, ignore=shutil.ignore_patterns("__pycache__"))
    [libraries] = (ROOT / ".venv/lib").glob("python3*/site-packages")
    place = machine.root / ENVIRONMENT[1:] / "lib" / libraries.parent.name / "site-packages"
    shutil.copytree(libraries, place, ignore=shutil.ignore_patterns(*_HUGE))
    (place / "reveille.pth").write_text("/opt/reveille\n")
    machine.put(f"{ENVIRONMENT}/pyvenv.cfg", "home = /usr/bin\n")
    (machine.root / ENVIRONMENT[1:] / "bin").mkdir()
    (machine.root / ENVIRONMENT[1:] / "bin/python").symlink_to("/usr/bin/python3")
    for unit in ("reveille-drill.socket", "reveille-drill@.service"):
        shutil.copy(ROOT / "systemd" / unit, machine.root / "etc/systemd/system")
    users = machine.root / "etc/sysusers.d/reveille-drill.conf"
    users.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / "systemd/reveille-drill.sysusers", users)


def records(machine: Machine) -> None:
    written = SITE + "".join(CHECK.format(name=name) + more for name, more in MORE.items())
    machine.put("/etc/reveille/reveille.toml", written)
    (folder := machine.root / "srv/calls").mkdir()
    (folder / "night").mkdir(mode=0o700)
    (folder / "night/closed.wav").write_bytes(bytes(4000))
    (folder / "night/closed.wav").chmod(0)
    (folder / "night").chmod(0o2750)
    with closing(sqlite3.connect(folder / "cdr.sqlite")) as database, database:
        database.executescript(ROWS)


@pytest.mark.parametrize("engine", MORE)
def test_a_proof_is_made_in_the_unit(machine: Machine, engine: str) -> None:
    machine.run("systemd-sysusers")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "reveille-drill.socket")
    if engine == "postgresql":
        until(lambda: answers(machine, "su postgres -c 'psql -qAtc \"SELECT 1\"'"), 60, engine)
        machine.run("sh", "-c", f"{TRUST}; systemctl reload postgresql")
        machine.run("su", "postgres", "-c", "createdb calls")
        machine.run("su", "postgres", "-c", f'psql -q calls -c "{ROWS}"')
    if engine == "mariadb":
        until(lambda: answers(machine, "mariadb -e 'SELECT 1'"), 60, engine)
        machine.run("mariadb", "-e", f"CREATE DATABASE calls; USE calls; {ROWS}")
    said = machine.run(f"{ENVIRONMENT}/bin/python", "-P", "-m", "monitor.cli", "once", engine)
    assert "equal" in said
    assert "outside of a sandbox" not in said
    begun = machine.run("journalctl", "--output=cat", "--grep=A restore for proof")
    assert begun.count("Started") >= list(MORE).index(engine) + 1
    assert machine.run("sh", "-c", "ls /var/tmp | grep drill || true").strip() == ""


def answers(machine: Machine, command: str) -> bool:
    try:
        machine.run("sh", "-c", command)
    except subprocess.CalledProcessError:
        return False
    return True


def test_what_is_not_there_cannot_be_proven_and_is_no_fault_of_the_backup(
    machine: Machine,
) -> None:
    """A socket that nobody serves is no reason to restore without a sandbox."""
    machine.run("systemctl", "stop", "reveille-drill.socket")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        machine.run(f"{ENVIRONMENT}/bin/python", "-P", "-m", "monitor.cli", "once", "postgresql")
    assert "cannot prove here" in refused.value.stdout
