"""Files that a user of the host makes as he likes, and exchanges while they are looked at: they
hold no look, and take no memory.
"""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from checks.host.collectors.accounts import keys
from checks.host.collectors.collector import Look
from checks.host.collectors.delta import Delta
from checks.host.collectors.packages import Packages
from checks.host.collectors.tree_walk import opened, state
from monitor.service.control_protocol import short

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("anna:x:1000:1000::/home/anna:/bin/sh\n")
    (tmp_path / "home/anna/.ssh").mkdir(parents=True)
    return tmp_path


def looked(root: Path) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    settings = {"root": str(root), "areas": ["keys"]}
    job = {"settings": settings, "recalled": {}, "accepted": {}, "now": 1.7e9, "seconds": 60,
           "monitor": 1}  # fmt: skip
    at = Look(job, lambda **facts: said.append(facts))
    delta = Delta(at, Packages(root))
    with at.stage("keys"):
        keys(at, delta)
    delta.conclude()
    return said


def test_keys_of_a_terabyte_are_read_as_far_as_keys_go_and_that_is_said(root: Path) -> None:
    file = root / "home/anna/.ssh/authorized_keys"
    file.write_text(f"{KEY} anna\n")
    os.truncate(file, 1 << 40)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = str(looked(root))
    assert "anna SHA256:" in said
    assert f"not read to its end: {file} has more than 64 MiB" in said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 512 << 10


def test_keys_that_are_no_file_are_said_and_waited_for_by_nobody(root: Path) -> None:
    file = root / "home/anna/.ssh/authorized_keys"
    file.symlink_to("/proc/self/mem")
    assert "not looked at" in str(looked(root))


def test_a_file_too_large_for_what_it_is_is_told_by_its_change(root: Path) -> None:
    file = root / "home/anna/.profile"
    file.touch()
    os.truncate(file, 1 << 40)
    told = state(root, "/home/anna/.profile", file.lstat(), Packages(root))
    assert told.endswith(f" {1 << 40} not read, changed {file.lstat().st_ctime:.0f}")


@pytest.mark.parametrize("by", ["a pipe", "a link", "a socket", "a folder", "nothing"])
def test_what_took_the_name_of_a_file_is_not_read(root: Path, by: str) -> None:
    file = root / "home/anna/.profile"
    file.write_text("true\n")
    before = file.lstat()
    file.unlink()
    with socket.socket(socket.AF_UNIX) as bound:
        match by:
            case "a pipe":
                os.mkfifo(file)
            case "a link":
                file.symlink_to("/etc/passwd")
            case "a socket":
                with short(file) as name:
                    bound.bind(name)
            case "a folder":
                file.mkdir()
        with pytest.raises(OSError, match=r"file|levels|device"):
            opened(file)
        told = state(root, "/home/anna/.profile", before, Packages(root))
    assert told in ("gone while it was looked at", "exchanged while it was looked at")
