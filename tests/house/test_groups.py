"""Tests of one group run one after the other in one process: they share servers, or would hear each
other. A runner that forgets that makes calls fail now and then.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import os
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", range(8))
@pytest.mark.xdist_group("one at a time")
def test_of_a_group(number):
    Path("workers", f"{number}-" + os.environ["PYTEST_XDIST_WORKER"]).touch()
"""


def test_a_group_of_tests_stays_together(tmp_path: Path) -> None:
    (tmp_path / "test_grouped.py").write_text(TESTS)
    (tmp_path / "workers").mkdir()
    words = ["-q", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider", "--rootdir=."]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "test_grouped.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    workers = [path.name.partition("-")[2] for path in (tmp_path / "workers").iterdir()]
    assert len(workers) == 8
    assert len(set(workers)) == 1
