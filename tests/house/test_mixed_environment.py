"""The four packages have everyday names, and PyPI has strangers of the same names (`lab`,
`reports`, `Checks`): an environment that holds both is told from one that is ours, at every start
and at no cost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from monitor.command_words import DISTRIBUTION
from monitor.start import PACKAGES, mixture
from tests.house.source import ROOT, WINGS

LONGEST_SECONDS = 0.002


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An environment's folder of packages, with the first files of ours."""
    folder = tmp_path / "site-packages"
    for wing in WINGS:
        (folder / wing).mkdir(parents=True)
        shutil.copy(ROOT / wing / "__init__.py", folder / wing)
    shutil.copy(ROOT / "monitor" / "start.py", folder / "monitor")
    return folder


def started(*path: Path) -> tuple[int, str]:
    """The command, with these folders alone to import from: its exit code, and what it says on
    standard error."""
    done = subprocess.run(
        [
            sys.executable,
            "-PS",
            "-c",
            "import sys; from monitor.start import main; sys.exit(main())",
            "--version",
        ],
        env={**os.environ, "PYTHONPATH": ":".join(map(str, path)), "PYTHONNOUSERSITE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_this_environment_is_ours_alone() -> None:
    """Nothing else that is installed here brings a package of one of these names."""
    assert set(PACKAGES) == set(WINGS)
    bringing = packages_distributions()
    assert [name for wing in WINGS for name in bringing.get(wing, []) if name != DISTRIBUTION] == []
    assert mixture() is None


@pytest.mark.parametrize("wing", WINGS)
def test_a_strangers_package_over_ours_is_named(site: Path, wing: str) -> None:
    """As pip leaves it: the later one's files have the place, and no word was said."""
    (site / wing / "__init__.py").write_text('"""Reports for everybody."""\n')
    code, said = started(site)
    assert code == 2
    assert f"{site / wing / '__init__.py'} belongs to another distribution" in said
    assert said.count("\n") == 1
    assert "virtual environment of its own" in said


@pytest.mark.parametrize("wing", sorted(set(WINGS) - {"monitor"}))
@pytest.mark.parametrize("form", ["package", "module"])
def test_a_stranger_that_comes_first_is_named(
    site: Path, tmp_path: Path, wing: str, form: str
) -> None:
    """Another folder that is looked into before ours: a package, or one file of that name."""
    stranger = tmp_path / "elsewhere" / (wing if form == "package" else "")
    stranger.mkdir(parents=True)
    (stranger / ("__init__.py" if form == "package" else f"{wing}.py")).write_text(
        "raise SystemExit(99)\n"
    )
    code, said = started(tmp_path / "elsewhere", site)
    assert (code, said.count("\n")) == (2, 1)
    assert f"the package {wing!r} would come from {stranger}" in said


def test_a_package_that_was_taken_away_is_named(site: Path) -> None:
    """As uninstalling a stranger that had overwritten ours leaves it."""
    shutil.rmtree(site / "lab")
    code, said = started(site)
    assert code == 2
    assert f"the package 'lab' is missing from {site}" in said


def test_a_folder_without_any_file_of_its_own_is_named(site: Path) -> None:
    """A namespace: what Python makes of any folder of that name."""
    (site / "reports" / "__init__.py").unlink()
    assert started(site)[0] == 2


def test_seeing_that_costs_next_to_nothing() -> None:
    def seconds() -> float:
        began = time.perf_counter()
        assert mixture() is None
        return time.perf_counter() - began

    assert min(seconds() for _ in range(20)) < LONGEST_SECONDS
