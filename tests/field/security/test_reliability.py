"""Lines of the field's notes on what breaks without an attacker (R), and has no story elsewhere: a
storm of failures is one letter, a folder of the path that may not be entered is no end of a backup,
and a look by hand leaves nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checks.contract import CannotTell, Failed
from monitor.cli import main
from monitor.testing.scenario import Scene
from tests.house.source import ROOT

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # 08:30 in Pune
SILENT = Failed("silent", "no sound for 8 s")
CHECKS = 100
# As any user but root: for root there is no folder that may not be entered.
FINDS = """
import os, sys
from checks.data.backup.programs import postgresql_folder
os.environ["PATH"] = sys.argv[1]
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
print(postgresql_folder("pg_made_up", 9))
"""


@pytest.mark.parametrize("what", ["fails", "cannot be told"])
async def test_a_hundred_checks_that_fail_at_once_are_one_letter(tmp_path: Path, what: str) -> None:
    """R5: one order for each check and recipient was 200 letters."""
    names = [f"number-{one}" for one in range(CHECKS)]
    site = Scene(START, {name: {"every": 300.0} for name in names}, folder=tmp_path)
    try:
        for name in names:
            site.world[name] = SILENT if what == "fails" else CannotTell("no room")
        await site.run_for(minutes=40)
        assert len(site.ledger.incidents()) == 1
        letters = [one for one in site.told() if "opened" in one or "updated" in one]
        assert 1 <= len(letters) <= 6, site.told()
    finally:
        site.stop_daemon()


@pytest.mark.parametrize("place", ["closed", "long", "loop", "file"])
def test_a_place_of_the_path_that_cannot_be_entered_has_no_program(
    tmp_path: Path, place: str
) -> None:
    """S1b: `exists` raised PermissionError, and every backup of PostgreSQL ended with it."""
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is root's alone
        good, bad = Path(folder) / "good", Path(folder) / "bad"
        Path(folder).chmod(0o755)
        good.mkdir()
        (good / "pg_made_up").write_text("#!/bin/sh\necho 'pg_made_up (PostgreSQL) 15.1'\n")
        (good / "pg_made_up").chmod(0o755)
        if place == "closed":
            bad.mkdir(mode=0o700)
        elif place == "loop":
            bad.symlink_to(bad)
        elif place == "file":
            bad.touch()
        else:
            bad = Path(folder) / ("x" * 300)
        path = f"{bad}:{good}:/usr/bin:/bin"
        found = subprocess.run(
            [sys.executable, "-P", "-c", FINDS, path],
            capture_output=True, text=True, check=False, cwd=ROOT, env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert found.stdout.strip() == str(good), found.stderr
    assert tmp_path


@pytest.mark.parametrize("more", [["--nagios"], ["--json"], []], ids=["nagios", "json", "plain"])
@pytest.mark.parametrize("how", ["says", "fails", "is no program"])
def test_a_look_by_hand_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, more: list[str]
) -> None:
    """S4d: a folder with recordings and pages was left by each."""
    (temporary := tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    command = {"says": "/bin/echo", "fails": "/bin/false", "is no program": "/bin/none"}[how]
    file = tmp_path / "reveille.toml"
    file.write_text(
        f'state = "{tmp_path}/state"\n[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\n'
        f'[checks.one]\nkind = "nagios-plugin"\ncommand = ["{command}"]\nevery = "5m"\n'
    )
    before = sorted(tmp_path.rglob("*"))
    assert main(["--config", str(file), "once", "one", *more]) in (0, 1, 2, 3)
    assert sorted(tmp_path.rglob("*")) == before
