"""What is shipped: a wheel with each file that the four wings need, and nothing of the workshop."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from monitor.command_words import DISTRIBUTION
from tests.house.source import ROOT, WINGS, files

# It is built once, and not once for each worker.
pytestmark = pytest.mark.xdist_group("one wheel")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STEM = f"reveille_monitor-{PROJECT['version']}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    made = subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(folder),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    [path] = Path(folder).glob("*.whl")
    return ZipFile(path)


def test_it_is_called_by_its_name(wheel: ZipFile) -> None:
    assert Path(str(wheel.filename)).name == f"{STEM}-py3-none-any.whl"
    metadata = HeaderParser().parsestr(wheel.read(f"{STEM}.dist-info/METADATA").decode())
    assert metadata["Name"] == PROJECT["name"] == DISTRIBUTION
    assert metadata["License-Expression"] == "GPL-3.0-or-later"
    assert metadata["Requires-Python"] == "<3.15,>=3.11"


def test_every_file_of_the_wings_is_in_it(wheel: ZipFile) -> None:
    """Templates, policies, migrations and prompts included."""
    wanted = {path for path in files() if path.split("/")[0] in WINGS}
    assert wanted - set(wheel.namelist()) == set()
    assert {Path(path).suffix for path in wanted} >= {".py", ".toml", ".sql", ".j2", ".wav"}


def test_nothing_else_is_importable_from_it(wheel: ZipFile) -> None:
    own = {*WINGS, f"{STEM}.dist-info", f"{STEM}.data"}
    assert {name.split("/")[0] for name in wheel.namelist()} <= own
    assert [name for name in wheel.namelist() if "test_" in name or "__pycache__" in name] == []


def test_a_type_checker_may_read_each_wing(wheel: ZipFile) -> None:
    """PEP 561."""
    assert {f"{wing}/py.typed" for wing in WINGS} <= set(wheel.namelist())


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("reveille/systemd/reveille.service", "systemd/reveille.service"),
        ("man/man1/reveille.1", "share/man/man1/reveille.1"),
        ("bash-completion/completions/reveille", "share/bash-completion/completions/reveille"),
        ("zsh/site-functions/_reveille", "share/zsh/site-functions/_reveille"),
    ],
)
def test_what_belongs_to_the_host_comes_along(wheel: ZipFile, there: str, here: str) -> None:
    data = f"{STEM}.data/data/share/{there}"
    assert wheel.read(data).decode() == (ROOT / here).read_text(encoding="utf-8")


def test_the_command_exists() -> None:
    module, _, function = PROJECT["scripts"]["reveille"].partition(":")
    assert PROJECT["name"] == "reveille-monitor"
    assert callable(getattr(__import__(module, fromlist=[function]), function))
