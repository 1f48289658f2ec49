"""A line that is counted upon is on the disk, and so is its file's name."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from checks.counted_lines import blank_lines, put_line


def test_lines_follow_each_other_and_the_file_is_this_users(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    assert put_line(file, b"one") and put_line(file, b"two")
    assert file.read_bytes() == b"one\ntwo\n" and file.stat().st_mode & 0o777 == 0o600


def test_after_one_that_was_cut_off_the_next_has_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\ncut o")
    assert put_line(file, b"two")
    assert file.read_bytes() == b"one\ncut o\ntwo\n"


def test_one_for_which_there_is_no_room_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    assert put_line(file, b"one", 4)
    assert not put_line(file, b"two", 7)
    assert file.read_bytes() == b"one\n"


def test_lines_are_blanked_between_two_places(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\ntwo\nthree\n")
    blank_lines(file, 4, 8)
    assert file.read_bytes() == b"one\n   \nthree\n"


def test_a_disk_that_is_full_is_said() -> None:
    with pytest.raises(OSError) as full:
        put_line(Path("/dev/full"), b"one")
    assert full.value.errno in (errno.ENOSPC, errno.EACCES, errno.EINVAL, errno.ESPIPE)


def test_the_folder_is_put_on_the_disk_with_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, really = list[str](), os.fsync

    def watched(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    put_line(tmp_path / "lines", b"one")
    assert synced == [str(tmp_path / "lines"), str(tmp_path)]
