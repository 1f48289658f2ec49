"""What README, CONTRIBUTING, SECURITY and docs/ say to type works, and what they say to write is
right.

A page's blocks marked `sh` are run by bash, one after the other, in one scratch folder of the
page's own, where `reveille` and `./reveille` are the command. Left out are those that start
something long (other tests do that), and those whose info string says after `sh` why they are not
run (```sh on the server): these are read by `bash -n`. A block marked `toml` must be TOML; with a
[site] it must also be a good configuration. Every link leads somewhere. The three how-tos have a
test of their own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.source import ROOT, files, none

README = "README.md"
LONG = {"test", "bench", "demo", "run", "lab"}
LAUNCHERS_OWN = {"test", "bench", "package", "lock", "supply"}
COMMAND = Path(sys.executable).with_name("reveille")
ENVIRONMENT = {**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}


def pages() -> list[str]:
    """Every page for people, but for the how-tos and the changelog."""
    return [
        path
        for path in files()
        if re.fullmatch(r"[A-Z]+\.md|docs/[^/]+\.md", path)
        and path != "CHANGELOG.md"
        and not path.startswith("docs/how-to-")
    ]


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(language: str, page: str) -> list[tuple[str, str]]:
    """What follows the language on a block's first line, and the block."""
    return re.findall(rf"^```{language}\b[ ]*([^\n]*)\n(.*?)^```", text(page), re.M | re.S)


def verbs(block: str) -> set[str]:
    """The verbs of a block's commands."""
    return set(re.findall(r"^(?:\./)?reveille (?:--\S+ \S+ )*([a-z][a-z-]*)", block, re.M))


def quick(page: str) -> list[str]:
    """The blocks that are run."""
    return [block for reason, block in blocks("sh", page) if not reason and not verbs(block) & LONG]


def every(language: str) -> list[str]:
    return [block for page in pages() for _, block in blocks(language, page)]


def is_there(path: str) -> bool:
    return (ROOT / path).exists()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder in which `./reveille` is the command of this environment."""
    assert COMMAND.exists(), "this environment has no reveille in it: ./reveille makes one that has"
    (tmp_path / "reveille").symlink_to(COMMAND)
    return tmp_path


def test_there_is_something_to_type() -> None:
    assert {"demo", "test"} <= {verb for _, block in blocks("sh", README) for verb in verbs(block)}
    assert len([block for page in pages() for block in quick(page)]) >= 2


@pytest.mark.parametrize("page", [page for page in pages() if quick(page)])
def test_what_it_says_to_type_works(page: str, scratch: Path) -> None:
    for block in quick(page):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=scratch,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", pages())
def test_what_is_not_run_is_at_least_a_script(page: str) -> None:
    for reason, block in blocks("sh", page):
        read = subprocess.run(
            ["bash", "-n"], input=block, capture_output=True, text=True, check=False
        )
        assert (read.returncode, read.stderr) == (0, ""), (reason, block)


@pytest.mark.parametrize(
    "verb", sorted({verb for block in every("sh") for verb in verbs(block)} - LAUNCHERS_OWN)
)
def test_every_verb_in_it_exists(verb: str, scratch: Path) -> None:
    done = subprocess.run(
        ["./reveille", verb, "--help"], cwd=scratch, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", every("toml"))
def test_what_it_says_to_write_is_right(block: str, scratch: Path) -> None:
    if "site" not in tomllib.loads(block):
        return
    (scratch / "reveille.toml").write_text(block, encoding="utf-8")
    checking = ["./reveille", "check-config", "--config", "reveille.toml"]
    done = subprocess.run(checking, cwd=scratch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text(page))
    folder = (ROOT / page).parent
    local = [os.path.relpath(folder / target, ROOT) for target in targets if "://" not in target]
    none(path for path in local if not is_there(path))


def test_every_page_is_reached_from_the_index() -> None:
    index = text("docs/README.md")
    none(
        page
        for page in pages()
        if page != "docs/README.md" and f"{Path(page).name})" not in index + text(README)
    )


def test_every_picture_is_small_and_shown() -> None:
    pictures = [path for path in files() if path.startswith("docs/pictures/")]
    shown = "".join(map(text, pages()))
    assert pictures
    none(path for path in pictures if path.removeprefix("docs/") not in shown)
    none(path for path in pictures if (ROOT / path).stat().st_size > 150_000)


def test_a_file_that_a_page_names_is_there() -> None:
    """In backquotes, with a folder or an ending of ours: `monitor/cli.py`, `tests/scenes`."""
    named = re.compile(r"`((?:checks|monitor|reports|lab|tests|systemd|docs|share)/[\w./-]+)`")
    none(
        f"{page}: {path}"
        for page in pages()
        for path in named.findall(text(page))
        if not is_there(path)
    )
