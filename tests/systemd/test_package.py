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
    machine.build("libatomic1,adduser,procps")
    shutil.copy(package, machine.root / "srv/reveille_OLD.deb")
    machine.boot()
    machine.run("sh", "-c", f"cp /srv/reveille_OLD.deb /tmp/{package.name}")
    try:
        yield machine
    finally:
        machine.power_off()
        shutil.rmtree(machine.root)


def typed(machine: Machine, command: str) -> str:
    """A line of the pages, where the packages lie; a question is answered with yes."""
    return machine.run("bash", "-c", f"cd /srv; yes | {command}")


def repacked(package: Path, folder: Path, version: str, broken: str = "") -> Path:
    """The package as a release of another number: well; one whose daemon never gets "ready" and
    that migrates the ledger; or one that does not even "begin".
    """
    root = folder / version
    subprocess.run(["dpkg-deb", "-R", package, root], check=True)
    for file in (root / "DEBIAN/control", *root.rglob("reveille_monitor-*.dist-info/METADATA")):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", text, count=1))
    [house] = root.glob("usr/lib/reveille/lib/python3*/site-packages/monitor")
    if broken == "begin":
        shutil.rmtree(house / "ledger")
    if broken == "ready":
        shutil.rmtree(house / "service" / "__pycache__")
        daemon, ready = house / "service" / "daemon.py", "self._manager.ready(await self._status())"
        text = daemon.read_text(encoding="utf-8")
        assert ready in text
        daemon.write_text(text.replace(ready, 'raise RuntimeError("broken")'), encoding="utf-8")
        number = len(list((house / "ledger" / "migrations").glob("0*.sql"))) + 1
        migration = house / "ledger" / "migrations" / f"{number:04d}_next.sql"
        migration.write_text("ALTER TABLE incidents ADD COLUMN colour TEXT;\n", encoding="utf-8")
    built = folder / f"newer-{version}.deb"
    build: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", root, built]
    subprocess.run(build, check=True, capture_output=True)
    shutil.rmtree(root)
    return built


def entries(machine: Machine) -> set[str]:
    """Every file and folder that a package could leave behind, dpkg's own lists aside."""
    found = machine.run("sh", "-c", f"find {PLACES} -xdev").splitlines()
    return {path for path in found if not re.match(r"/var/lib/(dpkg|apt|systemd)(/|$)", path)}


def upgraded_and_back(machine: Machine, package: Path, folder: Path) -> None:
    """A newer one runs in its place; one that does not get ready leaves the program and the ledger
    as they were, and dpkg says that it is not configured.
    """
    good = repacked(package, folder, "0.9.1")
    shutil.copy(good, machine.root / "srv/reveille_NEW.deb")
    typed(machine, "apt-get install ./reveille_NEW.deb")
    assert machine.run("reveille", "--version").strip() == "reveille 0.9.1"
    assert machine.show(UNIT, "ActiveState") == "active"
    machine.run("sh", "-c", "reveille run-now disks")
    shutil.copy(good, machine.root / "srv/reveille_OLD.deb")
    for broken, words in (("ready", "the ledger is again as it was"), ("begin", "not even begin")):
        bad = repacked(package, folder, "0.9.2", broken)
        shutil.copy(bad, machine.root / "srv/reveille_NEW.deb")
        with pytest.raises(subprocess.CalledProcessError) as refusal:
            typed(machine, "apt-get install ./reveille_NEW.deb")
        said = " ".join((refusal.value.stdout + refusal.value.stderr).split())
        assert words in said, said
        assert "runs again, as before" in said, said
        assert machine.run("reveille", "--version").strip() == "reveille 0.9.1"
        assert machine.show(UNIT, "ActiveState") == "active"
        assert "disks" in machine.run("sh", "-c", "reveille status || true")
        assert re.search(r"^iF +reveille ", typed(machine, "dpkg -l reveille"), re.M)
        with pytest.raises(subprocess.CalledProcessError) as again:
            machine.run("dpkg", "--configure", "reveille")
        assert "the files are those of the version before, which runs" in again.value.stderr
        typed(machine, "apt-get install --reinstall ./reveille_OLD.deb")
    assert machine.run("dpkg-query", "-W", "-f=${Status}", "reveille") == "install ok installed"
    assert machine.show(UNIT, "ActiveState") == "active"


def test_it_is_installed_configured_and_purged(
    machine: Machine, package: Path, tmp_path: Path
) -> None:
    before = entries(machine)
    typed(machine, "apt-get install ./reveille_OLD.deb")
    assert machine.show(UNIT, "ActiveState") == "inactive", "it ran before it was configured"
    assert machine.run("reveille", "--version").startswith("reveille ")
    machine.put("/etc/reveille/reveille.toml", CONFIGURATION)
    [block] = blocks("docs/install.md", "with the package")
    said = machine.run("bash", "-euo", "pipefail", "-c", block)
    assert "host.conf is in force, for disks" in said
    assert machine.show(UNIT, "ActiveState") == "active"
    assert machine.show(UNIT, "ExecStart").split("path=")[1].startswith("/usr/bin/reveille ")

    upgraded_and_back(machine, package, tmp_path)
    typed(machine, "apt-get remove reveille")
    assert machine.show(UNIT, "ActiveState") != "active"
    assert (machine.root / "etc/reveille/reveille.toml").exists()

    typed(machine, "apt-get install ./reveille_OLD.deb")
    until(lambda: machine.show(UNIT, "ActiveState") == "active", 60, "the service to come back")
    typed(machine, "apt-get purge reveille")
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
