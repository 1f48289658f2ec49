"""The Debian package in a booted machine: built by its one command, installed, configured, removed,
purged; and what lintian says of it. Minutes long.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT, none
from tests.systemd.bare import blocks
from tests.systemd.machine import Machine, until, what_is_missing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

UNIT = "reveille.service"
SECONDS = 1800
"""the package holds a whole environment: it is packed, and read by lintian, for minutes"""
CONFIGURATION = """[site]
name = "Pune"
timezone = "Asia/Kolkata"

[checks.disks]
kind = "host-disks"
every = "5m"
"""
PLACES = "/etc /usr /var/lib /var/backups"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    [block] = blocks("docs/install.md", "in the checkout")
    command = block.strip().replace("/tmp", str(folder))
    subprocess.run(["sh", "-c", command], cwd=ROOT, check=True, timeout=SECONDS)
    [built] = folder.glob("reveille_*.deb")
    return built


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Machine]:
    if lacking := what_is_missing():
        pytest.skip(f"no machine can be booted here: {lacking}")
    machine = Machine(tmp_path_factory.mktemp("machine") / "root")
    machine.build("libatomic1")
    shutil.copy(package, machine.root / "srv")
    machine.boot()
    try:
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


def entries(machine: Machine) -> set[str]:
    """Every file and folder that a package could leave behind, dpkg's own lists aside."""
    found = machine.run("sh", "-c", f"find {PLACES} -xdev").splitlines()
    return {path for path in found if not re.match(r"/var/lib/(dpkg|apt|systemd)(/|$)", path)}


def test_it_is_installed_configured_and_purged(machine: Machine) -> None:
    before = entries(machine)
    machine.run("sh", "-c", "dpkg -i /srv/reveille_*.deb")
    assert machine.show(UNIT, "ActiveState") == "inactive", "it ran before it was configured"
    assert machine.run("reveille", "--version").startswith("reveille ")
    machine.put("/etc/reveille/reveille.toml", CONFIGURATION)
    said = machine.run("reveille", "install")
    assert "host.conf is in force, for disks" in said
    assert machine.show(UNIT, "ActiveState") == "active"
    assert machine.show(UNIT, "ExecStart").split("path=")[1].startswith("/usr/bin/reveille ")

    machine.run("dpkg", "-r", "reveille")
    assert machine.show(UNIT, "ActiveState") != "active"
    assert (machine.root / "etc/reveille/reveille.toml").exists()

    machine.run("sh", "-c", "dpkg -i /srv/reveille_*.deb")
    until(lambda: machine.show(UNIT, "ActiveState") == "active", 60, "the service to come back")
    machine.run("dpkg", "--purge", "reveille")
    none(entries(machine) - before)
    assert machine.run("sh", "-c", "getent passwd reveille; getent group reveille; true") == ""


def test_lintian_finds_no_error(package: Path) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    said = subprocess.run(
        ["lintian", "--allow-root", str(package)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    none(line for line in said.stdout.splitlines() if line.startswith("E:"))


def test_each_override_has_its_reason() -> None:
    lines = (ROOT / "debian" / "lintian-overrides").read_text(encoding="utf-8").splitlines()
    none(
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if line.startswith("reveille:") and not before.startswith("# ")
    )
