"""The units of the drill: valid, hardly exposed, and nothing of the host's in them."""

from __future__ import annotations

import re
import subprocess

from tests.house.source import ROOT, none

UNIT = ROOT / "systemd" / "reveille-drill@.service"
HIGHEST_EXPOSURE = 1.0
PROMISES = (
    "StandardInput=socket",
    "PrivateNetwork=yes",
    "TemporaryFileSystem=/:ro",
    "CapabilityBoundingSet=",
    "NoNewPrivileges=yes",
    "RestrictNamespaces=yes",
    "RestrictAddressFamilies=AF_UNIX",
    "MemoryMax=4G",
    "TasksMax=256",
    "KillMode=control-group",
)


def test_it_keeps_its_promises() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    none(promise for promise in PROMISES if promise not in lines)
    none(line for line in lines if re.match(r"(LoadCredential|SetCredential|StateDirectory)", line))


def test_it_is_hardly_exposed() -> None:
    seen = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d)", seen.stdout)
    assert level, seen.stdout + seen.stderr
    assert float(level[1]) <= HIGHEST_EXPOSURE


def test_the_service_sees_its_socket() -> None:
    socket = (ROOT / "systemd" / "reveille-drill.socket").read_text(encoding="utf-8")
    service = (ROOT / "systemd" / "reveille.service").read_text(encoding="utf-8")
    [listens] = re.findall(r"^ListenStream=(.*)$", socket, re.MULTILINE)
    assert f"BindReadOnlyPaths=-{listens}:/run/reveille/drill" in service
