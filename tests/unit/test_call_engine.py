"""Which Python a phone is started on: the daemon's own, the one beside it, or none; and what is
said then.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from checks.telephony.call import engine
from tests.house.source import ROOT

# A Python without pjsua2, as far as this house can see: its finder does not find it.
WITHOUT = """
from importlib.machinery import PathFinder
found = PathFinder.find_spec.__func__
PathFinder.find_spec = classmethod(
    lambda finder, name, *more: None if name == "pjsua2" else found(finder, name, *more)
)
"""
ASKED = """
import json, platform, sys
sys.prefix = sys.argv[1]  # before the house looks where it is
if len(sys.argv) > 2: platform.machine = lambda: sys.argv[2]
from checks.telephony.call import engine
print(json.dumps({"found": engine.interpreter(), "missing": engine.missing()}))
"""


def asked(folder: Path, *machine: str) -> dict[str, Any]:
    """What a daemon finds whose environment is folder/.venv, and whose Python has no pjsua2."""
    found: dict[str, Any] = json.loads(without(folder, ASKED, *machine).stdout)
    return found


def without(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "sitecustomize.py").write_text(WITHOUT)
    return subprocess.run(
        [sys.executable, "-c", script, str(folder / ".venv"), *arguments],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )


def environment(folder: Path) -> Path:
    """A Python that starts, at folder/.engine."""
    python = folder / ".engine" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return python


def test_the_environment_beside_the_daemons_is_taken_where_its_own_has_no_engine(
    tmp_path: Path,
) -> None:
    python = environment(tmp_path)
    assert asked(tmp_path)["found"] == str(python)


def test_a_host_without_any_says_what_to_install(tmp_path: Path) -> None:
    seen = asked(tmp_path, "x86_64")
    assert seen["found"] is None
    assert "will be UNKNOWN; install Python 3.12 or 3.11 beside it" in seen["missing"]
    assert "kind = 'pyvoip-call'" in seen["missing"]


def test_an_arm_host_is_told_that_there_is_no_build_at_all(tmp_path: Path) -> None:
    said = asked(tmp_path, "aarch64")["missing"]
    assert "no build for aarch64" in said
    assert "install Python" not in said
    assert "kind = 'pyvoip-call'" in said


def test_what_is_no_program_is_no_engine(tmp_path: Path) -> None:
    (tmp_path / ".engine" / "bin").mkdir(parents=True)
    (tmp_path / ".engine" / "bin" / "python").write_text("not executable")
    assert asked(tmp_path)["found"] is None


@pytest.mark.engine
def test_the_process_of_a_call_imports_nothing_that_its_environment_would_not_have() -> None:
    """.engine holds what the group `engine` of pyproject.toml names, and the house itself."""
    listing = (
        "import importlib, pkgutil, sys; from checks.telephony import phone\n"
        "from checks.telephony.audio import recording, waveform  # these it imports late\n"
        "for one in pkgutil.iter_modules(phone.__path__, 'checks.telephony.phone.'):"
        " importlib.import_module(one.name)\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [str(engine.interpreter()), "-c", listing],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    # Of pjsua2's own: SWIG makes a module out of nothing. Debian's Python has a sitecustomize.
    others = ("_", "swig_runtime", "sitecustomize")
    loaded = {name for name in done.stdout.split() if not name.startswith(others)}
    assert loaded == {"checks", "numpy", "pjsua2"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = {re.split("[=<>]", one)[0] for one in project["dependency-groups"]["engine"]}
    assert named == {"numpy", "pjsua2-python"}


SITE = """
[site]
name = "Here"
timezone = "Asia/Kolkata"

[lines.trunk-a]
registrar = "127.0.0.1:5060"
user = "monitor"

[checks.main-number]
kind = "sip-call"
line = "trunk-a"
to = "8000"

[checks.main-number-again]
kind = "pyvoip-call"
line = "trunk-a"
to = "8000"

[checks.capacity]
kind = "burst"
line = "trunk-a"
to = "8000"
calls = 1
"""


def test_check_config_names_the_calls_that_will_be_unknown(tmp_path: Path) -> None:
    (tmp_path / "reveille.toml").write_text(SITE)
    command = (
        "import sys; sys.prefix = sys.argv.pop(1); from monitor.cli import main; sys.exit(main())"
    )
    read = without(tmp_path, command, "--config", "reveille.toml", "check-config")
    (said,) = [line for line in read.stderr.splitlines() if "the engine of its calls" in line]
    assert re.findall(r"checks\.([a-z-]+)", said) == ["main-number", "capacity"]
