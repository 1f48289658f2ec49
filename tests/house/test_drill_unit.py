"""The units of the drill: valid, hardly exposed, and nothing of the host's in them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("drill", "reveille.service"),
        ("hostlooks", "host.conf"),
        ("plugins", "plugins.conf"),
        ("rtcpxr", "rtcp-xr.conf"),
    ],
)
def test_the_service_sees_its_socket_and_nobody_else_does(name: str, by: str) -> None:
    """A socket that everybody may knock at is given up by systemd when somebody hammers at it."""
    socket = (ROOT / "systemd" / f"reveille-{name}.socket").read_text(encoding="utf-8")
    [listens] = re.findall(r"^Listen(?:Stream|SequentialPacket)=(.*)$", socket, re.MULTILINE)
    assert listens == f"/run/reveille-{name}/daemon/socket"
    assert "\nDirectoryMode=0700\n" in socket
    sees = (ROOT / "systemd" / by).read_text(encoding="utf-8")
    # The folder, and not the socket: one that is opened anew is another.
    folder = listens.removesuffix("/socket")
    assert f"\nBindReadOnlyPaths=-{folder}:/run/reveille/{name}\n" in sees
    assert f"\nExecStartPost=/bin/chmod 0755 {folder}\n" in socket


def test_every_socket_is_one_of_these() -> None:
    there = {path.stem for path in (ROOT / "systemd").glob("*.socket")}
    assert there == {f"reveille-{name}" for name in ("drill", "hostlooks", "plugins", "rtcpxr")}


def test_the_users_of_units_can_be_made(tmp_path: Path) -> None:
    """A colon in a remark is the end of a field in passwd(5): systemd-sysusers refuses the line,
    and the unit has no user.
    """
    (tmp_path / "etc").mkdir()
    lines = sorted((ROOT / "systemd").glob("*.sysusers"))
    made = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", *map(str, lines)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    users = (tmp_path / "etc/passwd").read_text()
    assert [line.partition(":")[0] for line in users.splitlines()] == [path.stem for path in lines]
