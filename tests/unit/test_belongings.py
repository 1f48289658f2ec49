"""What root has typed and left is the service's: by its folder's owner, never through a trap."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.verbs.file_owners import ROOT, hand_over_within

pytestmark = pytest.mark.skipif(os.geteuid() != ROOT, reason="only root gives files away")
SERVICE = 64123


def owner(path: Path) -> int:
    return path.lstat().st_uid


def test_what_lies_in_the_services_folder_becomes_its_own(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "backups" / "orders").mkdir(parents=True)
    (state / "backups" / "orders" / ".lock").touch()
    os.chown(state, SERVICE, SERVICE)
    hand_over_within(state)
    assert {owner(path) for path in (state, *state.rglob("*"))} == {SERVICE}


def test_neither_a_link_nor_another_name_gives_away_what_lies_elsewhere(tmp_path: Path) -> None:
    secret, folder, state = tmp_path / "shadow", tmp_path / "root", tmp_path / "state"
    secret.touch()
    folder.mkdir()
    (folder / "inside").touch()
    state.mkdir()
    (state / "link").symlink_to(secret)
    (state / "way").symlink_to(folder)
    os.link(secret, state / "name")
    os.chown(state, SERVICE, SERVICE)
    hand_over_within(state)
    assert owner(secret) == owner(folder) == owner(folder / "inside") == ROOT


def test_a_folder_of_roots_own_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    hand_over_within(tmp_path)
    assert owner(tmp_path / "kept") == ROOT
    (tmp_path / "lost+found").mkdir()
    os.chown(tmp_path, SERVICE, SERVICE)
    hand_over_within(tmp_path)
    assert owner(tmp_path / "lost+found") == ROOT
