"""What the README says to type works, and what it says to write is right.

A block marked `sh` is run by bash in a scratch folder, where `./reveille` is the command, unless its info string says
after `sh` why not (```sh takes a minute). A block marked `toml` must be TOML; with a [site] it must also be a good
configuration.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT

README = ROOT / "README.md"
COMMAND = Path(sys.executable).with_name("reveille")


def blocks(language: str) -> list[tuple[str, str]]:
    """What follows the language on a block's first line, and the block."""
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    return re.findall(rf"^```{language}\b[ ]*([^\n]*)\n(.*?)^```", text, re.M | re.S)


def commands() -> Iterator[str]:
    """Every `./reveille …` of every sh block, run or not."""
    for _, block in blocks("sh"):
        yield from re.findall(r"^\./reveille ([a-z][a-z-]*)", block, re.M)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder in which `./reveille` is the command of this environment."""
    assert COMMAND.exists(), "this environment has no reveille in it: ./reveille makes one that has"
    (tmp_path / "reveille").symlink_to(COMMAND)
    return tmp_path


@pytest.mark.skipif(not README.exists(), reason="there is no README yet")
def test_there_is_something_to_type() -> None:
    assert [block for reason, block in blocks("sh") if not reason], "no block of the README is run"
    assert {"demo", "test"} <= set(commands())


@pytest.mark.parametrize("block", [block for reason, block in blocks("sh") if not reason])
def test_what_it_says_to_type_works(block: str, scratch: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=scratch,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("verb", sorted(set(commands()) - {"test", "bench"}))
def test_every_verb_in_it_exists(verb: str, scratch: Path) -> None:
    done = subprocess.run(["./reveille", verb, "--help"], cwd=scratch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", [block for _, block in blocks("toml")])
def test_what_it_says_to_write_is_right(block: str, scratch: Path) -> None:
    if "site" not in tomllib.loads(block):
        return
    (scratch / "reveille.toml").write_text(block, encoding="utf-8")
    checking = ["./reveille", "check-config", "--config", "reveille.toml"]
    done = subprocess.run(checking, cwd=scratch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
