"""What the README says to type works, and what it says to write is right.

A block marked `sh` is run by bash in a scratch folder, where `reveille` and `./reveille` are the
command, unless it starts something long (other tests do that), or its info string says after `sh`
why not (```sh on the server). A block marked `toml` must be TOML; with a [site] it must also be a
good configuration.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.source import ROOT

README = ROOT / "README.md"
LONG = {"test", "bench", "demo", "run", "lab"}
COMMAND = Path(sys.executable).with_name("reveille")


def blocks(language: str) -> list[tuple[str, str]]:
    """What follows the language on a block's first line, and the block."""
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    return re.findall(rf"^```{language}\b[ ]*([^\n]*)\n(.*?)^```", text, re.M | re.S)


def verbs(block: str) -> set[str]:
    """The verbs of a block's commands."""
    return set(re.findall(r"^(?:\./)?reveille (?:--\S+ \S+ )*([a-z][a-z-]*)", block, re.M))


def quick() -> list[str]:
    """The blocks that are run."""
    return [block for reason, block in blocks("sh") if not reason and not verbs(block) & LONG]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder in which `./reveille` is the command of this environment."""
    assert COMMAND.exists(), "this environment has no reveille in it: ./reveille makes one that has"
    (tmp_path / "reveille").symlink_to(COMMAND)
    return tmp_path


@pytest.mark.skipif(not README.exists(), reason="there is no README yet")
def test_there_is_something_to_type() -> None:
    assert quick(), "no block of the README is run"
    assert {"demo", "test"} <= {verb for _, block in blocks("sh") for verb in verbs(block)}


@pytest.mark.parametrize("block", quick())
def test_what_it_says_to_type_works(block: str, scratch: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=scratch,
        env={**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(
    "verb", sorted({verb for _, block in blocks("sh") for verb in verbs(block)} - {"test", "bench"})
)
def test_every_verb_in_it_exists(verb: str, scratch: Path) -> None:
    done = subprocess.run(
        ["./reveille", verb, "--help"], cwd=scratch, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", [block for _, block in blocks("toml")])
def test_what_it_says_to_write_is_right(block: str, scratch: Path) -> None:
    if "site" not in tomllib.loads(block):
        return
    (scratch / "reveille.toml").write_text(block, encoding="utf-8")
    checking = ["./reveille", "check-config", "--config", "reveille.toml"]
    done = subprocess.run(checking, cwd=scratch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
