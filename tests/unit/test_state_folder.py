"""The state folder is the daemon's alone, and what keeps it from being written has a name."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.service.heartbeat import Presence, heartbeat
from monitor.service.state_folder import UnsafeFolder, barrier, refuse_shared

NOW = datetime(2026, 11, 29, 22, tzinfo=UTC)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777, 0o722])
def test_a_state_folder_that_others_may_write_is_refused_with_what_is_right(
    tmp_path: Path, mode: int
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)
    with pytest.raises(UnsafeFolder, match=rf"{mode & 0o7777:04o}.*chmod go-w {state}"):
        Presence(state)


def test_nor_one_that_everybody_may_replace(tmp_path: Path) -> None:
    (tmp_path / "open" / "state").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(UnsafeFolder, match=rf"chmod o-w {tmp_path}/open$"):
        refuse_shared(tmp_path / "open" / "state")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_nor_a_strangers_own(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(UnsafeFolder, match=r"belongs to user nobody.*a `state` of its own"):
        refuse_shared(tmp_path)


def test_a_planted_link_is_never_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    presence = Presence(tmp_path / "state")
    (presence.state / "heartbeat.new").symlink_to(victim)
    presence.beat(NOW, "main-number: prompt")
    assert victim.read_text(encoding="utf-8") == "mine"
    beat = heartbeat(presence.state)
    assert beat is not None
    assert (beat.at, beat.doing) == (NOW, "main-number: prompt")
    presence.leave()
    (presence.state / "daemon.lock").unlink()
    (presence.state / "daemon.lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        Presence(presence.state)


def test_what_bars_the_state_is_said_in_words(tmp_path: Path) -> None:
    assert barrier(tmp_path) == ""
    assert "cannot be used (No such file" in barrier(tmp_path / "nowhere")
    assert "read-only" in barrier(Path("/proc/sys")) or "full" in barrier(Path("/proc/sys"))
