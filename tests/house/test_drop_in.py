"""The units and drop-ins beside the daemon's: valid, no more than they say, each directive
explained. The daemon itself has no ambient capability under any of them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from monitor.installing.layout import LOOKS, UNIT
from tests.house.exposure import (
    EXPOSED,
    EXPOSED_WITH,
    OF,
    PAGE,
    UNITS,
    exposure,
    kept,
    table,
    version,
    with_drop_ins,
)
from tests.house.source import none

ONLY_READING = "CAP_DAC_READ_SEARCH CAP_SYS_PTRACE"
# What CAP_SYS_PTRACE would give beside reading: another's memory, registers and descriptors.
NEVER = {"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"}


def placed(folder: Path) -> Path:
    """All units with their drop-ins, where their programs are; the folder of units."""
    command = folder / ".venv" / "bin" / "reveille"
    command.parent.mkdir(parents=True)
    for name in ("reveille", "python"):
        (command.parent / name).write_text("#!/bin/sh\n")
        (command.parent / name).chmod(0o755)
    (folder / "README.md").touch()
    units = folder / "units"
    for path in UNITS.iterdir():
        within = units / f"{OF[path.name]}.d" if path.name in OF else units
        within.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8").replace("/opt/reveille", str(folder))
        (within / path.name).write_text(text)
    return units


def settings_of(unit: Path) -> dict[str, list[str]]:
    written: dict[str, list[str]] = {}
    for line in unit.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, value = line.split("=", 1)
            written.setdefault(key, []).append(value)
    return written


def test_they_are_valid_beside_the_unit(tmp_path: Path) -> None:
    units = placed(tmp_path)
    named = [str(path) for path in units.iterdir() if path.suffix in (".service", ".socket")]
    seen = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *named],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": "/usr/bin:/bin"},
    )
    ours = [line for line in (seen.stdout + seen.stderr).splitlines() if "reveille" in line]
    assert (seen.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", EXPOSED)
def test_each_is_exposed_as_little_as_its_work_allows(unit: str) -> None:
    assert exposure(UNITS / unit) <= EXPOSED[unit][0]


@pytest.mark.parametrize("drop_in", EXPOSED_WITH)
def test_each_is_hardly_more_exposed_with_a_drop_in(drop_in: str, tmp_path: Path) -> None:
    changed = with_drop_ins(tmp_path, OF[drop_in], [drop_in])
    assert exposure(changed) <= EXPOSED_WITH[drop_in][0]


def test_every_unit_and_drop_in_is_measured() -> None:
    assert set(EXPOSED) == {path.name for path in UNITS.glob("*.service")}
    assert set(EXPOSED_WITH) == {path.name for path in UNITS.glob("*.conf")} == set(OF)


def test_the_page_has_the_figures_as_they_are() -> None:
    """Mend it: python -m tests.house.exposure --write"""
    if version() != "252":
        pytest.skip(f"the figures are those of systemd 252, and this is {version()}")
    assert kept(PAGE.read_text(encoding="utf-8")) == table()


def test_no_drop_in_gives_the_daemon_a_right() -> None:
    rights = {"AmbientCapabilities", "CapabilityBoundingSet", "SupplementaryGroups", "User"}
    daemons = [UNITS / name for name, unit in OF.items() if unit == UNIT]
    none(f"{one.name}: {key}" for one in daemons for key in rights & set(settings_of(one)))
    assert OF["disks.conf"] == LOOKS


def test_the_hosts_helper_reads_and_its_calls_change_nobody() -> None:
    settings = settings_of(UNITS / "reveille-hostlooks@.service")
    assert settings["CapabilityBoundingSet"] == settings["AmbientCapabilities"] == [ONLY_READING]
    refused = {
        call for line in settings["SystemCallFilter"] if line[0] == "~" for call in line[1:].split()
    }
    assert refused >= NEVER
    assert settings["User"] != settings_of(UNITS / "reveille.service")["User"]
    assert not {"ReadWritePaths", "StateDirectory", "LoadCredential"} & set(settings)


@pytest.mark.parametrize(
    "unit", sorted(p.name for p in UNITS.iterdir() if p.name != "reveille.service")
)
def test_each_directive_says_why_it_is_there(unit: str) -> None:
    """A comment, then at most nine directives that it explains."""
    explained, strays = 0, []
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            explained = 9
        elif "=" in line and not line.startswith("#"):
            explained -= 1
            plain = ("Description=", "Documentation=", "WantedBy=", "ExecStart=")
            if explained < 0 and not line.startswith(plain):
                strays.append(line)
        elif not line.startswith("#"):
            explained = 0
    none(strays)
