"""A backup that rots where it lies is proven no more, whoever says so: the list, the report, an
image, retention, the cleaning; and the night finds what keeps its size.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.contract import Failed, Observation, Trace
from checks.data.backup.check import Backup
from checks.data.backup.job import Do
from checks.data.backup.listing import kept, newest_proven
from checks.data.backup.run.parent import converse
from checks.data.backup.store.repository import Repository

Rot = Callable[[Path], None]


def gone(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def emptied(file: Path) -> None:
    os.truncate(file, 0)


def a_link_to_a_file_of_its_size(file: Path) -> None:
    other = file.with_name("other")
    file.rename(other)
    file.symlink_to(other)


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


async def done(check: Backup, folder: Path, do: Do | None = None, to: str = "") -> Observation:
    trace = Trace(time.monotonic, folder)
    try:
        await converse(check.job(do, to=to), trace)
    except Failed as refused:
        return trace.observation(refused)
    return trace.observation()


@pytest.fixture
async def check(tmp_path: Path) -> Backup:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "call.wav").write_bytes(os.urandom(5000))
    made = Backup(engine="directory", path=tmp_path / "records", folder=tmp_path / "backups")
    seen = await done(made, tmp_path)
    assert seen.fault is None, seen
    assert newest_proven(made.folder) is not None
    return made


def artefact(check: Backup) -> Path:
    (backup,) = Repository(check.folder).backups()
    assert backup.manifest is not None
    return backup.folder / backup.manifest.artefacts[0].name


@pytest.mark.parametrize("rot", [gone, cut, emptied, a_link_to_a_file_of_its_size])
def test_what_is_lost_is_proven_no_more_and_says_what_is_wrong(check: Backup, rot: Rot) -> None:
    rot(artefact(check))
    (backup,) = kept(check.folder)
    assert backup.proven_at is None
    assert artefact(check).name in backup.fault
    assert newest_proven(check.folder) is None


async def test_a_restore_that_fails_on_the_backup_itself_is_its_newest_proof(
    check: Backup, tmp_path: Path
) -> None:
    flipped(artefact(check))
    assert newest_proven(check.folder) is not None, "the size alone tells nothing"
    seen = await done(check, tmp_path, "restore", str(tmp_path / "restored"))
    assert seen.fault is not None
    assert seen.fault.code == "damaged"
    (backup,) = kept(check.folder)
    assert backup.proven_at is None
    assert backup.fault.startswith("damaged")


def test_an_image_takes_nothing_whose_hash_differs(check: Backup) -> None:
    assert newest_proven(check.folder, hashed=True) is not None
    flipped(artefact(check))
    assert newest_proven(check.folder, hashed=True) is None


async def test_the_night_hashes_what_was_proven_before(check: Backup, tmp_path: Path) -> None:
    (old,) = Repository(check.folder).backups()
    flipped(artefact(check))
    days_ago = time.time() - 3 * 86400
    os.utime(old.folder / "proof.json", (days_ago, days_ago))
    seen = await done(check, tmp_path)
    assert seen.fault is not None
    assert (seen.fault.stage, seen.fault.code) == ("compare", "damaged")
    assert any(old.id in note and "SHA-256" in note for note in seen.notes), seen.notes
    (newest,) = kept(check.folder)
    assert newest.proven_at is not None, "the rotten one made room, as a failed one does"
