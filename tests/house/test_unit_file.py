"""The unit of systemd: valid, hardened, and explained line by line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.house.source import ROOT, none

UNIT = ROOT / "systemd" / "reveille.service"
HIGHEST_EXPOSURE = 2.0
# What the daemon relies on, whatever else changes.
PROMISES = (
    "Type=notify",
    "NotifyAccess=main",
    "Restart=always",
    "StartLimitIntervalSec=0",
    "KillMode=mixed",
    "TimeoutStopSec=10",
    "Environment=TZ=UTC",
    "DynamicUser=yes",
    "StateDirectory=reveille",
    "StateDirectoryMode=0700",
    "LimitCORE=0",
    "ProtectSystem=strict",
    "NoNewPrivileges=yes",
    "MemoryDenyWriteExecute=yes",
)


def lines() -> list[str]:
    return UNIT.read_text(encoding="utf-8").splitlines()


def test_it_is_valid_where_it_is_installed(tmp_path: Path) -> None:
    """`verify` wants to see the command: the same unit, with an environment that is there."""
    command = tmp_path / ".venv" / "bin" / "reveille"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    (tmp_path / "README.md").touch()
    placed = tmp_path / UNIT.name
    placed.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/reveille", str(tmp_path)))
    failed = UNIT.with_name("reveille-failed.service")
    (tmp_path / failed.name).write_text(
        failed.read_text(encoding="utf-8").replace("/opt/reveille", str(tmp_path))
    )

    seen = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(placed)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in (seen.stdout + seen.stderr).splitlines() if "reveille" in line]
    assert (seen.returncode, ours) == (0, [])


def test_it_is_hardly_exposed() -> None:
    threshold = round(HIGHEST_EXPOSURE * 10)
    seen = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--no-pager",
            "--offline=true",
            f"--threshold={threshold}",
            str(UNIT),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    level = re.search(r"Overall exposure level for reveille.service: (\d+\.\d)", seen.stdout)
    assert level, seen.stdout + seen.stderr
    assert float(level[1]) <= HIGHEST_EXPOSURE
    assert seen.returncode == 0


def test_it_keeps_its_promises() -> None:
    none(promise for promise in PROMISES if promise not in lines())


def test_every_directive_stands_under_its_reason() -> None:
    """A comment, then the directives that it explains: never an unexplained one, and never more
    than nine.
    """
    explained, strays = 0, []
    for line in lines():
        if line.startswith("# "):
            explained = 9
        elif "=" in line and not line.startswith("#"):
            explained -= 1
            if explained < 0 and not line.startswith(
                ("Description=", "Documentation=", "WantedBy=")
            ):
                strays.append(line)
        elif not line.startswith("#"):
            explained = 0
    none(strays)


def test_no_secret_is_in_it() -> None:
    none(
        line
        for line in lines()
        if re.match(r"(Environment|SetCredential).*(pass|secret|token)", line, re.I)
    )
