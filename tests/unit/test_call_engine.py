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
from pathlib import Path
from checks.telephony.call import engine
if len(sys.argv) > 2: platform.machine = lambda: sys.argv[2]
own = {"prefix": sys.argv[1], "found": engine.interpreter(Path(sys.argv[1]))}
if own["found"] is None:
    sys.prefix = sys.argv[1]
    engine.interpreter.__wrapped__.__defaults__ = (Path(sys.argv[1]),)
own["missing"] = engine.missing()
print(json.dumps(own))
"""


def asked(folder: Path, *machine: str) -> dict[str, Any]:
    """What a daemon finds whose environment is folder/.venv, and whose Python has no pjsua2."""
    (folder / "sitecustomize.py").write_text(WITHOUT)
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(folder / ".venv"), *machine],
        env={"PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


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
        [sys.executable, "-c", listing], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # Of pjsua2's own: SWIG makes a module out of nothing.
    loaded = {name for name in done.stdout.split() if not name.startswith(("_", "swig_runtime"))}
    assert loaded == {"checks", "numpy", "pjsua2"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = {re.split("[=<>]", one)[0] for one in project["dependency-groups"]["engine"]}
    assert named == {"numpy", "pjsua2-python"}
