"""The two commands of the README on a Debian that nobody has touched: a clone, `./reveille demo`,
and the road of continuous integration; a quarter of an hour each.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT, files
from tests.systemd import fresh_root

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("machine")]

DEFAULT = {"bookworm": "3.11", "trixie": "3.13"}


@pytest.fixture(scope="module", params=DEFAULT)
def clone(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A fresh root with a clone of this checkout as it is now, at /root/reveille."""
    if lacking := fresh_root.what_is_missing():
        pytest.skip(f"no fresh root can be made here: {lacking}")
    root = tmp_path_factory.mktemp("fresh") / request.param
    fresh_root.build(root, request.param)
    for path in files():
        place = root / "root/reveille" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, place)
    for command in ("init", "add --all", "-c user.name=x -c user.email=x@example.net commit -m x"):
        git = ["git", "-C", str(root / "root/reveille"), *command.split()]
        subprocess.run(git, check=True, capture_output=True)
    try:
        yield root
    finally:
        shutil.rmtree(root.parent)


def test_the_demo_tells_its_whole_story_there(clone: Path) -> None:
    code, said = fresh_root.run(clone, "cd /root/reveille && ./reveille demo", 1500)
    assert code == 0, said
    assert "Every step was really seen." in said
    # The default installation has no browser; the engine of calls is there, or said not to be.
    assert "Left out: chat, agent-desk, agent-softphone" in said
    assert DEFAULT[clone.name] in fresh_root.run(clone, "python3 -V", 10)[1]


def test_the_road_of_integration_is_whole_and_removes_nothing(clone: Path) -> None:
    installed = "dpkg-query -W -f '${Status} ${Package}\\n' | grep '^install ok' | sort"
    before = set(fresh_root.run(clone, installed, 60)[1].splitlines())
    assert {"install ok installed exim4-base", "install ok installed systemd-timesyncd"} <= before
    tests = "tests/house/test_sources.py tests/loopback/test_mail_postfix.py"
    tests += " tests/loopback/test_sip_call.py tests/loopback/test_host_clock.py"
    code, said = fresh_root.run(clone, f"cd /root/reveille && CI=true .ci/run {tests}", 2400)
    assert code == 0, said
    for part in ("Debian peers", "Format", "Lint", "Types", "Tests"):
        assert f"{part:14} passed" in said
    assert before <= set(fresh_root.run(clone, installed, 60)[1].splitlines())
