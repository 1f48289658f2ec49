"""What the launcher installs: each package pinned and hashed, as pyproject.toml asks, and under a
licence that a work under GPL-3.0-or-later may hold.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import supply
from tests.house.source import ROOT, none

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
RUN = PROJECT["project"]["dependencies"]
ASKED = {
    "lab": [*RUN, *EXTRAS["lab"], *GROUPS["build"]],
    "test": [*RUN, *EXTRAS["lab"], *EXTRAS["test"], *GROUPS["build"], *GROUPS["uv"]],
    "engine": GROUPS["engine"],
    "uv": GROUPS["uv"],
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


@pytest.mark.parametrize("lock", ASKED)
def test_every_package_of_a_lock_is_pinned_and_has_its_hashes(lock: str) -> None:
    packages = supply.locked(lock)
    assert packages
    none(p.name for p in packages if not p.hashes)
    none(p.name for p in packages if not all(h.startswith("sha256:") for h in p.hashes))
    assert lock == "test" or len({p.name for p in packages}) == len(packages)


def environments(lock: str) -> Iterator[dict[str, str]]:
    """Where a lock is installed."""
    here = {str(key): str(value) for key, value in default_environment().items()}
    for version in PYTHONS[:2] if lock == "engine" else PYTHONS:
        for machine in ("x86_64",) if lock == "engine" else ("x86_64", "aarch64"):
            yield here | {
                "python_version": version,
                "python_full_version": f"{version}.4",
                "platform_machine": machine,
                "sys_platform": "linux",
            }


@pytest.mark.parametrize("lock", ASKED)
def test_a_lock_has_what_pyproject_asks_for_on_every_python(lock: str) -> None:
    asked = [Requirement(one) for one in ASKED[lock]]
    for environment in environments(lock):
        pins = {
            p.name: p.version
            for p in supply.locked(lock)
            if not p.requirement.marker or p.requirement.marker.evaluate(environment)
        }
        none(
            f"{one} ({environment['python_version']}): `./reveille lock` is due"
            for one in asked
            if (not one.marker or one.marker.evaluate(environment))
            and not one.specifier.contains(pins.get(canonicalize_name(one.name), "0"))
        )


def test_what_is_installed_is_what_is_locked_and_lacks_nothing() -> None:
    """By the metadata of what is here: a lock that forgot something would not hold it."""
    pins = {package.name: package for package in supply.locked("test")}
    for name, package in pins.items():
        if package.requirement.marker and not package.requirement.marker.evaluate():
            continue
        try:
            assert distribution(name).version == package.version, name
        except PackageNotFoundError:
            pytest.fail(f"{name} is locked and not installed")
        wanted = [Requirement(one) for one in requires(name) or []]
        none(
            f"{name} asks for {one}"
            for one in wanted
            if (not one.marker or one.marker.evaluate({"extra": ""}))
            and not one.specifier.contains(pins[canonicalize_name(one.name)].version)
        )


def test_every_licence_may_go_into_a_work_under_the_gpl() -> None:
    found = {
        p.name: said for p in supply.locked("test") if (said := supply.licence(p.name)) is not None
    }
    assert len(found) > 100
    unfit = {name: said for name, said in found.items() if not supply.compatible(said)}
    assert unfit == {}


@pytest.mark.parametrize(
    "expression", ["GPL-2.0-only", "MIT AND GPL-2.0-only", "CC-BY-NC-4.0 OR Apache-1.1", "BSL-1.1"]
)
def test_a_licence_that_may_not_is_seen(expression: str) -> None:
    assert not supply.compatible(expression)
    assert not supply.compatible("")
    assert supply.compatible(f"(({expression}) OR MIT) AND ISC")
    assert not supply.compatible(f"(ISC OR MIT) AND ({expression})")


def test_the_bill_names_each_package_with_its_version_and_hashes() -> None:
    packages = supply.locked("engine")
    bill = json.loads(supply.bill(packages, {"numpy": "BSD-3-Clause AND 0BSD"}))
    seen = {one["name"]: one for one in bill["components"]}
    assert seen.keys() == {"numpy", "pjsua2-python"}
    assert seen["numpy"]["licenses"][0]["expression"] == "BSD-3-Clause AND 0BSD"
    assert len(seen["pjsua2-python"]["hashes"]) == len(packages[1].hashes)
    assert seen["numpy"]["purl"].startswith("pkg:pypi/numpy@")


ANSWERED = {"name": "jinja2", "version": "3.1.4", "vulns": []}
FLAWED = {
    **ANSWERED,
    "vulns": [{"id": "PYSEC-2025-1", "fix_versions": ["3.1.5"], "aliases": [], "description": ""}],
}
SKIPPED = {"name": "h2", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "code"),
    [
        ([ANSWERED], 0),
        ([FLAWED, ANSWERED], 1),
        ([ANSWERED, SKIPPED], supply.OFFLINE),
        ([SKIPPED, FLAWED], 1),
        (None, supply.OFFLINE),
    ],
)
def test_a_package_that_nobody_answered_for_is_never_called_safe(
    packages: list[object] | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = json.dumps({"dependencies": packages, "fixes": []}) if packages is not None else ""
    assert supply.judged("test.txt", answer, "ConnectionError: no route") == code
    said = capsys.readouterr().out
    assert ("NOT CHECKED" in said) == (packages is None or SKIPPED in packages)
    assert ("VULNERABLE: jinja2 3.1.4: PYSEC-2025-1" in said) == (code == 1)


def test_who_was_not_asked_has_found_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """pip-audit says so of packages that nobody answered for."""
    answer = json.dumps({"dependencies": [SKIPPED], "fixes": []})
    assert supply.judged("test.txt", answer, "WARNING\nNo known vulnerabilities found") != 0
    assert "No known" not in capsys.readouterr().out


@pytest.mark.slow
def test_the_softphone_of_the_browser_is_rebuilt_bit_for_bit(tmp_path: Path) -> None:
    folder = ROOT / "checks" / "webrtc" / "browser"
    for name in ("bundle.sh", "package.json", "package-lock.json"):
        shutil.copy(folder / name, tmp_path)
    subprocess.run([tmp_path / "bundle.sh"], check=True, timeout=300)
    assert (tmp_path / "jssip.js").read_bytes() == (folder / "jssip.js").read_bytes()
