"""The launcher, tried on a house so small that it needs no package index: real venv, real pip,
nothing downloaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house.source import ROOT

PYPROJECT = """
[build-system]
requires = []
build-backend = "builder"
backend-path = ["."]

[project]
name = "reveille"
version = "1.0"
"""
# A wheel by hand: one module that says its version, its folder and its arguments.
BUILDER = """
import tomllib
from pathlib import Path
from zipfile import ZipFile

SAYING = "def main():\\n import os, sys\\n print('{}', os.getcwd(), *sys.argv[1:])\\n return 3\\n"

def build_editable(folder, config_settings=None, metadata_directory=None):
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    version = project["version"]
    info = f"reveille-{version}.dist-info"
    wants = "".join(f"Requires-Dist: {name}\\n" for name in project.get("dependencies", []))
    with ZipFile(f"{folder}/reveille-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", SAYING.format(version))
        about = f"Metadata-Version: 2.1\\nName: reveille\\nVersion: {version}\\n"
        wheel.writestr(f"{info}/METADATA", about + wants)
        built = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(f"{info}/WHEEL", built)
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\\nreveille = tiny:main\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"reveille-{version}-py3-none-any.whl"
"""
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "PIP_NO_INDEX": "1",
    "REVEILLE_PYTHON": str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"),
}


class House:
    """A checkout, and a person who starts the launcher in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.launcher = folder / "reveille"
        folder.mkdir()
        shutil.copy(ROOT / "reveille", self.launcher)
        (folder / "builder.py").write_text(BUILDER)
        (folder / "locks").mkdir()
        self.asks_for()

    def asks_for(self, version: str = "1.0", *locked: str) -> None:
        (self.folder / "pyproject.toml").write_text(PYPROJECT.replace('"1.0"', f'"{version}"'))
        (self.folder / "locks" / "lab.txt").write_text("".join(f"{one}\n" for one in locked))

    def starting(
        self, *arguments: str, command: Path | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(command or self.launcher), *arguments],
            cwd="/",
            env={**ENVIRONMENT, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(
        self, *arguments: str, command: Path | None = None, **environment: str
    ) -> tuple[int, str, str]:
        process = self.starting(*arguments, command=command, **environment)
        said, complained = process.communicate(timeout=120)
        return process.returncode, said, complained


# Once, and not once for each worker.
SET_UP_ONCE = pytest.mark.xdist_group("a house that is set up")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Set up once, by its first start."""
    house = House(tmp_path_factory.mktemp("house") / "a house")
    assert house.start() == (3, "1.0 /\n", "")
    return house


def python(folder: Path, script: str) -> str:
    """A stand-in for a Python that this machine does not have."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@SET_UP_ONCE
def test_it_becomes_the_command_from_anywhere_and_by_any_name(house: House, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(house.launcher)
    assert house.start("once", "two words", command=tmp_path / "link") == (
        3,
        "1.0 / once two words\n",
        "",
    )


@SET_UP_ONCE
def test_it_installs_once(house: House, tmp_path: Path) -> None:
    nothing = python(tmp_path, "exit 9")
    assert house.start(REVEILLE_PYTHON=nothing, PATH="/usr/bin:/bin") == (3, "1.0 /\n", "")


def wheel(folder: Path) -> str:
    """A package on this disk; the hash of its wheel."""
    file = folder / "extra-2.0-py3-none-any.whl"
    with ZipFile(file, "w") as archive:
        archive.writestr("extra.py", "")
        about = "extra-2.0.dist-info"
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: extra\nVersion: 2.0\n")
        tagged = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{about}/WHEEL", tagged)
        archive.writestr(f"{about}/RECORD", "")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_it_installs_again_what_the_lock_says_now_and_nothing_of_another_hash(
    house: House, tmp_path: Path
) -> None:
    house.asks_for("1.1")
    assert house.start() == (3, "1.1 /\n", "")

    right = wheel(tmp_path)
    house.asks_for("1.2", f"extra==2.0 --hash=sha256:{right}")
    assert house.start(PIP_FIND_LINKS=str(tmp_path)) == (3, "1.2 /\n", "")

    refused = {
        f"extra==2.0 --hash=sha256:{'0' * 64}": "DO NOT MATCH THE HASHES",
        "extra==2.0": "Hashes are required",
        f"surely-not-there==1 --hash=sha256:{right}": "No matching distribution found for surely",
    }
    for line, reason in refused.items():
        (extra,) = house.folder.glob(".venv/lib/*/site-packages/extra.py")
        shutil.rmtree(next(extra.parent.glob("extra-*")))
        house.asks_for("1.2", line)
        code, said, complained = house.start(PIP_FIND_LINKS=str(tmp_path))
        assert (code, said) == (1, "")
        assert reason in complained
        assert complained.endswith(
            "reveille: pip could not install what locks/lab.txt names (is there a way to a package"
            " index?)\n"
        )
        house.asks_for("1.2", f"extra==2.0 --hash=sha256:{right}")
        assert house.start(PIP_FIND_LINKS=str(tmp_path)) == (3, "1.2 /\n", "")

    house.asks_for("1.0")
    assert house.start() == (3, "1.0 /\n", "")


@SET_UP_ONCE
def test_a_house_that_was_moved_gets_a_new_environment(house: House, tmp_path: Path) -> None:
    moved = House(tmp_path / "moved")
    shutil.copytree(house.folder / ".venv", moved.folder / ".venv", symlinks=True)
    assert moved.start() == (3, "1.0 /\n", "")
    assert str(house.folder) not in (moved.folder / ".venv" / "bin" / "reveille").read_text()


def test_two_at_once_take_turns_at_mending_a_broken_environment(tmp_path: Path) -> None:
    house = House(tmp_path / "shared")
    (house.folder / ".venv" / "bin").mkdir(parents=True)
    (house.folder / ".venv" / "bin" / "python").symlink_to("/nonexistent/python")
    both = [house.starting("one"), house.starting("two")]
    said = [process.communicate(timeout=120) for process in both]
    assert said == [("1.0 / one\n", ""), ("1.0 / two\n", "")]


def test_an_unfit_python_is_named(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    old = python(tmp_path, "echo 3.9")
    assert house.start(REVEILLE_PYTHON=old) == (
        1,
        "",
        f"reveille: Python 3.11, 3.12, 3.13 or 3.14 is needed; {old} is 3.9 (REVEILLE_PYTHON names"
        " it)\n",
    )


def test_a_python_without_venv_is_told_by_the_package_that_it_lacks(tmp_path: Path) -> None:
    house = House(tmp_path / "house")
    real = ENVIRONMENT["REVEILLE_PYTHON"]
    bare = python(tmp_path, f'case "$2" in *ensurepip*) exit 1 ;; esac\nexec {real} "$@"')
    code, _, complained = house.start(REVEILLE_PYTHON=bare)
    assert code == 1
    assert f"{bare} is here, but it cannot make a virtual environment: python3." in complained
    assert "-venv is missing" in complained


def test_a_measurement_that_does_not_exist_is_answered_with_those_that_do() -> None:
    asked = subprocess.run(
        [ROOT / "reveille", "bench", "nothing"], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 1
    assert "which measurement? one of:" in asked.stderr
