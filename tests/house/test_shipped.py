"""What is shipped beside the program is what the command line says now, and each reader of it takes
it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.shipped import shipped
from tests.house.source import ROOT

BASH = "share/bash-completion/completions/reveille"


@pytest.mark.parametrize("path", shipped())
def test_it_is_made_of_the_command_line_as_it_is(path: str) -> None:
    """If not: python -m tests.house.shipped --write"""
    assert (ROOT / path).read_text(encoding="utf-8") == shipped()[path]


def test_the_page_pleases_a_strict_reader() -> None:
    said = subprocess.run(
        ["mandoc", "-Tlint", "share/man/man1/reveille.1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.stdout, said.stderr, said.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("reveille tick", ["tickets"]),
        ("reveille tickets re", ["reclassify", "resolve"]),
        ("reveille report show --format t", ["text"]),
        ("reveille lab --break frozen", ["frozen"]),
        ("reveille help check", ["check-config", "checklist"]),
        ("reveille reference outb", ["outbound-dialer"]),
        ("reveille once main", ["main-number"]),
        ("reveille backup drill tru", ["trunk"]),
    ],
)
def test_bash_completes(typed: str, offered: list[str], tmp_path: Path) -> None:
    """Asked of bash itself, as a Tab asks it; the names of checks are those of the configuration
    that lies here."""
    script = """
        source "$1"; shift
        printf '[checks.main-number]\\n[checks.trunk]\\n[checks.trunk.expect]\\n[lines.trap]\\n' \\
            >reveille.toml
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
        _shtab_reveille
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    asked = ["bash", "-euc", script, "bash", str(ROOT / BASH), *typed.split()]
    done = subprocess.run(
        asked,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted(done.stdout.split()) == offered, done.stderr


def test_zsh_reads_its_completion() -> None:
    read = subprocess.run(
        ["zsh", "-n", "share/zsh/site-functions/_reveille"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (read.stderr, read.returncode) == ("", 0)


def test_a_change_of_the_command_line_is_seen() -> None:
    """The command that says so, and writes it anew."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.house.shipped"], cwd=ROOT, capture_output=True, check=False
    )
    assert (said.returncode, said.stderr) == (0, b"")
