"""What is shipped: a wheel with every file that the four wings need, and nothing of the workshop."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house.source import ROOT, WINGS, files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


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
    assert Path(str(wheel.filename)).name == f"reveille-{PROJECT['version']}-py3-none-any.whl"
    metadata = HeaderParser().parsestr(
        wheel.read(f"reveille-{PROJECT['version']}.dist-info/METADATA").decode()
    )
    assert metadata["Name"] == "reveille"
    assert metadata["License-Expression"] == "GPL-3.0-or-later"
    assert metadata["Requires-Python"] == "<3.13,>=3.11"


def test_every_file_of_the_wings_is_in_it(wheel: ZipFile) -> None:
    """Templates, policies, migrations and prompts included."""
    wanted = {path for path in files() if path.split("/")[0] in WINGS}
    assert wanted - set(wheel.namelist()) == set()
    assert {Path(path).suffix for path in wanted} >= {".py", ".toml", ".sql", ".j2", ".wav"}


def test_nothing_else_is_importable_from_it(wheel: ZipFile) -> None:
    own = {
        *WINGS,
        f"reveille-{PROJECT['version']}.dist-info",
        f"reveille-{PROJECT['version']}.data",
    }
    assert {name.split("/")[0] for name in wheel.namelist()} <= own
    assert [name for name in wheel.namelist() if "test_" in name or "__pycache__" in name] == []


def test_the_unit_of_systemd_comes_along(wheel: ZipFile) -> None:
    data = f"reveille-{PROJECT['version']}.data/data/share/reveille/systemd/reveille.service"
    assert wheel.read(data).decode() == (ROOT / "systemd" / "reveille.service").read_text(
        encoding="utf-8"
    )


def test_the_command_exists() -> None:
    module, _, function = PROJECT["scripts"]["reveille"].partition(":")
    assert PROJECT["name"] == "reveille"
    assert callable(getattr(__import__(module, fromlist=[function]), function))
