"""The drop-ins for what needs a right: valid, no more than they say, each directive explained."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.house.source import ROOT, none

UNIT = ROOT / "systemd" / "reveille.service"
DROP_IN = ROOT / "systemd" / "host.conf"
FAR_REPORTS = ROOT / "systemd" / "rtcp-xr.conf"
DISKS = ROOT / "systemd" / "disks.conf"
BROWSER = ROOT / "systemd" / "browser.conf"
BOTH = pytest.mark.parametrize(
    "drop_in", [DROP_IN, FAR_REPORTS, BROWSER, DISKS], ids=lambda path: path.name
)
ONLY_READING = {"CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"}


@BOTH
def test_it_is_valid_beside_the_unit(tmp_path: Path, drop_in: Path) -> None:
    command = tmp_path / ".venv" / "bin" / "reveille"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    (tmp_path / "README.md").touch()
    (tmp_path / "reveille.service.d").mkdir()
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/reveille", str(tmp_path)))
    failed = UNIT.with_name("reveille-failed.service")
    (tmp_path / failed.name).write_text(
        failed.read_text(encoding="utf-8").replace("/opt/reveille", str(tmp_path))
    )
    (tmp_path / "reveille.service.d" / drop_in.name).write_text(drop_in.read_text(encoding="utf-8"))
    seen = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in (seen.stdout + seen.stderr).splitlines() if "reveille" in line]
    assert (seen.returncode, ours) == (0, [])


def settings_of(drop_in: Path) -> dict[str, str]:
    written = [
        line
        for line in drop_in.read_text(encoding="utf-8").splitlines()
        if line and line[0] not in "#["
    ]
    return dict(line.split("=", 1) for line in written)


def test_it_lets_the_daemon_see_datagrams_and_no_more() -> None:
    right = "CAP_NET_RAW"
    assert settings_of(FAR_REPORTS) == {
        "CapabilityBoundingSet": right,
        "AmbientCapabilities": right,
        "PrivateUsers": "no",
    }


def test_it_lets_the_daemon_read_the_host_and_change_nothing() -> None:
    settings = settings_of(DROP_IN)
    assert set(settings["CapabilityBoundingSet"].split()) == ONLY_READING
    assert settings["AmbientCapabilities"] == settings["CapabilityBoundingSet"]
    assert settings["ProtectHome"] == "read-only"
    assert not {"ProtectSystem", "NoNewPrivileges", "ReadWritePaths", "User"} & set(settings)


@BOTH
def test_each_directive_says_why_it_is_there(drop_in: Path) -> None:
    lines = drop_in.read_text(encoding="utf-8").splitlines()
    none(
        line
        for before, line in pairwise(lines)
        if line and line[0] not in "#[" and not before.startswith("# ")
    )
