"""rkhunter, chkrootkit and debsums on this very host: minutes long, so by name only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from checks.host.intrusion import Intrusion
from tests.loopback.host_look import Watch, fault, tells
from tests.loopback.planted import Planted

pytestmark = pytest.mark.slow


async def test_rootkits_are_looked_for_seldom_and_new_signs_alone_are_a_fault(
    tmp_path: Path,
) -> None:
    for program in ("rkhunter", "chkrootkit"):
        assert shutil.which(program, path="/usr/bin:/usr/sbin"), program
    host = Watch(tmp_path, Intrusion(areas=("rootkits",), within="3600s"))
    first = await host.look()
    assert "rootkits" in first.proposals
    # Both have looked: one that gives no answer is a warning.
    assert first.warnings == ()
    host.accept()
    second = await host.look()
    assert second.fault is None
    assert second.measures["rootkits_seconds"] < first.seconds / 2
    assert tells(second, "rootkits were looked for", "days ago")


async def test_debsums_looks_at_every_package_of_a_host(tmp_path: Path) -> None:
    assert shutil.which("debsums")
    planted = Planted(tmp_path)
    planted.install("tool", "1.0", {"usr/share/tool/table": b"sound", "usr/bin/tool": b"first"})
    host = Watch(
        tmp_path, Intrusion(root=str(planted.root), areas=("packages",), all_packages=True)
    )
    assert (await host.look()).fault is None
    planted.write("usr/share/tool/table", "spoilt")
    stage, code, text = fault(await host.look())
    assert (stage, code) == ("packages", "foreign-file")
    assert "/usr/share/tool/table" in text
