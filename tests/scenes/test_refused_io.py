"""What a verb says when a file or a folder is refused to it: one line with what, where, and what
would be right; exit code 2, and never a traceback.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger import Ledger
from tests.scenes.daemon_process import SITE

HERE = Path(__file__).resolve().parents[2]
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
CONFIGURATION = (
    'state = "{state}"\n'
    + SITE
    + """[checks.portal]
kind = "portal"
url = "http://127.0.0.1:9/"
every = "1m"
[desks.tickets]
kind = "built-in"
[audit]
to = ["ops@example.net"]
checks = ["portal"]
"""
)
NEED_A_STATE = {"status", "tickets", "report", "run", "audit", "lab", "demo"}
"""verbs that can do nothing of what they are asked without one"""


def all_said(file: Path, *as_user: str) -> list[dict[str, Any]]:
    command = [*as_user, sys.executable, "-m", "tests.scenes.all_verbs", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    if as_user and done.returncode:
        pytest.skip(f"another user cannot run this Python: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(found) > 20
    return found


def configuration(folder: Path, state: Path | str) -> Path:
    file = folder / "reveille.toml"
    file.write_text(CONFIGURATION.format(state=state), encoding="utf-8")
    return file


@pytest.fixture
def open_folder() -> Path:
    """A folder that everybody may enter."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="reveille-test-"))
    folder.chmod(0o755)
    return folder


def no_state(folder: Path) -> Path:
    return configuration(folder, "/proc/nope")


def state_is_a_file(folder: Path) -> Path:
    (folder / "state").write_text("", encoding="utf-8")
    return configuration(folder, folder / "state")


def ledger_is_a_folder(folder: Path) -> Path:
    (folder / "state" / "ledger.sqlite").mkdir(parents=True)
    return configuration(folder, folder / "state")


def ledger_is_something_else(folder: Path) -> Path:
    (folder / "state").mkdir()
    (folder / "state" / "ledger.sqlite").write_text("no ledger" * 1000, encoding="utf-8")
    return configuration(folder, folder / "state")


def no_configuration(folder: Path) -> Path:
    return folder / "nowhere" / "reveille.toml"


def configuration_below_a_file(folder: Path) -> Path:
    return state_is_a_file(folder) / "reveille.toml"


def roots_own_state(folder: Path) -> Path:
    state = folder / "state"
    state.mkdir(mode=0o700)
    Ledger(state / "ledger.sqlite").close()
    return configuration(folder, state)


def ledger_of_another(folder: Path) -> Path:
    file = roots_own_state(folder)
    (folder / "state").chmod(0o755)
    (folder / "state" / "ledger.sqlite").chmod(0o600)
    return file


def ledger_for_reading_alone(folder: Path) -> Path:
    file = roots_own_state(folder)
    (folder / "state").chmod(0o755)
    for path in (folder / "state").iterdir():
        path.chmod(0o644)
    return file


def roots_own_configuration(folder: Path) -> Path:
    file = ledger_for_reading_alone(folder)
    file.chmod(0o640)
    return file


def in_order(verbs: list[dict[str, Any]], needed: bool) -> None:
    """No traceback, and a refusal is one line that says more than an error's name."""
    for one in verbs:
        where = (one["words"][2:], one["code"], one["err"])
        assert "Traceback" not in one["err"], where
        # What reads a mail server's pipe ends as that wants it: 75 is "later" (sysexits.h).
        later = {75} if one["words"][2:] == ["reply"] else set()
        assert one["code"] in {0, 1, 2, 3} | later, where
        stateful = one["words"][2] in NEED_A_STATE
        assert not (needed and stateful) or one["code"] == 2, where
        if one["code"] == 2 and stateful:
            lines = one["err"].splitlines()
            assert any("/" in line and ("; " in line or ": " in line) for line in lines), where


@pytest.mark.parametrize(
    "scene",
    [
        no_configuration,
        ledger_is_something_else,
        *(
            # Each is every verb once, some seconds of a core.
            pytest.param(scene, marks=pytest.mark.slow)
            for scene in (configuration_below_a_file, no_state, state_is_a_file, ledger_is_a_folder)
        ),
    ],
)
def test_no_verb_breaks_off_with_a_traceback(
    open_folder: Path, scene: Callable[[Path], Path]
) -> None:
    in_order(all_said(scene(open_folder)), needed=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(
    "scene",
    [
        roots_own_state,
        pytest.param(roots_own_configuration, marks=pytest.mark.slow),
        pytest.param(ledger_for_reading_alone, marks=pytest.mark.slow),
    ],
)
def test_nor_for_another_user_than_the_service_s(
    open_folder: Path, scene: Callable[[Path], Path]
) -> None:
    verbs = all_said(scene(open_folder), *NOBODY)
    in_order(verbs, needed=False)
    refused = next(one for one in verbs if one["words"][2:4] == ["tickets", "ack"])
    assert refused["code"] == 2
    if scene is not ledger_for_reading_alone:
        assert "sudo" in refused["err"], refused


def test_whose_ledger_it_is_says_that_a_daemon_would_do_it(open_folder: Path) -> None:
    verbs = all_said(ledger_of_another(open_folder), *NOBODY)
    (said,) = [one["err"] for one in verbs if one["words"][2:] == ["status"]]
    assert "this user may not go there; start the daemon (systemctl start reveille), or" in said


def test_init_where_no_folder_can_be_made_says_so(open_folder: Path) -> None:
    (open_folder / "a-file").write_text("")
    file = open_folder / "a-file" / "reveille.toml"
    command = [sys.executable, "-m", "monitor.cli", "--config", str(file), "init", "--everything"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    assert done.returncode == 2
    assert "a part of the path is no folder" in done.stderr


def test_what_init_writes_is_for_everybody_to_read(open_folder: Path) -> None:
    file = open_folder / "reveille.toml"
    command = [sys.executable, "-m", "monitor.cli", "--config", str(file), "init", "--everything"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert "the service's own user too" in done.stdout
