"""SQLite files and directories: backed up while they are written to, proven, copied, restored."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pyrage
import pytest
from pydantic import ValidationError

from checks.data.backup.check import Backup
from tests.loopback.backup_world import World, fault_of, observe, peers_missing, sqlite_world

pytestmark = pytest.mark.xdist_group("backup")  # some of them kill workers, and know them by name


def test_the_programs_that_a_backup_meets_are_here() -> None:
    assert peers_missing() == []


def test_a_sqlite_file_is_copied_in_one_moment_while_it_is_written_to(tmp_path: Path) -> None:
    world = sqlite_world(tmp_path / "world")
    path = world.settings["path"]
    done, some, count = threading.Event(), threading.Event(), [0]

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=30)) as database:
            database.execute("CREATE TABLE pair (a INT)")
            while not done.is_set():
                with database:
                    database.executemany("INSERT INTO pair VALUES (?)", [(1,), (2,)])
                count[0] += 2
                some.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert some.wait(20)
    seen = world.take()
    done.set()
    thread.join()
    assert seen.fault is None
    rows = world.manifest()["tables"]["pair"]["rows"]
    assert 0 < rows < count[0]
    assert rows % 2 == 0


def test_a_sqlite_file_goes_back_and_the_old_one_is_kept(tmp_path: Path) -> None:
    world = sqlite_world(tmp_path / "world")
    path = world.settings["path"]
    assert world.take().fault is None
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM cdr")
        database.commit()
    assert fault_of(world.restore()) == "restore: exists"
    assert world.restore(overwrite=True).fault is None
    asides = [p for p in path.parent.iterdir() if p.name.startswith("cdr.sqlite.before-")]
    [aside] = [p for p in asides if not p.name.endswith(("-wal", "-shm"))]
    for file, rows in ((path, 20_000), (aside, 0)):
        with closing(sqlite3.connect(file)) as database:
            assert database.execute("SELECT count(*) FROM cdr").fetchone() == (rows,)


def test_what_was_found_wrong_is_passed_over_on_the_way_back(tmp_path: Path) -> None:
    world = sqlite_world(tmp_path / "world", records=100)
    assert world.take().fault is None
    with closing(sqlite3.connect(world.settings["path"])) as database:
        database.execute("DELETE FROM cdr WHERE id > 50")
        database.commit()
    assert world.take(prove=False).fault is None
    world.artefact("database.").write_bytes(b"")
    assert fault_of(world.drill()) == "restore: empty"
    assert (
        fault_of(world.restore(to=str(tmp_path / "again"), at=world.newest().name))
        == "restore: missing"
    )
    assert world.restore(to=str(tmp_path / "again")).fault is None
    with closing(sqlite3.connect(tmp_path / "again")) as database:
        assert database.execute("SELECT count(*) FROM cdr").fetchone() == (100,)


def recordings(folder: Path) -> Path:
    tree = folder / "recordings"
    for day in ("2026-11-20", "2026-11-21"):
        (tree / day).mkdir(parents=True)
        for number in range(20):
            (tree / day / f"call {number} – grüße.wav").write_bytes(
                bytes(range(256)) * (number + 1)
            )
    (tree / "latest").symlink_to("2026-11-21")
    (tree / "spool.tmp").write_text("left out")
    return tree


def test_a_directory_that_is_gone_is_missing_and_no_matter_of_rights(tmp_path: Path) -> None:
    for gone in (tmp_path / "files", tmp_path / "no" / "files"):
        (scratch := tmp_path / f"look-{gone.parent.name}").mkdir()
        check = Backup(engine="directory", path=gone, folder=tmp_path / "backups")
        seen = observe(check, scratch)
        assert fault_of(seen) == "dump: directory-missing", seen
        assert seen.fault and str(gone) in seen.fault.text


def test_a_directory_is_encrypted_copied_and_restored(tmp_path: Path) -> None:
    """To a second disk and by rclone; then by the commands beside it, then by the verb."""
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(str(key))
    (tmp_path / "disk").mkdir()
    tree = recordings(tmp_path)
    world = World(
        tmp_path / "world",
        {
            "engine": "directory",
            "path": tree,
            "exclude": ("*.tmp",),
            "recipients": (str(key.to_public()),),
            "identity": {"file": tmp_path / "key"},
            "copies": ({"folder": tmp_path / "disk"}, {"rclone": str(tmp_path / "cloud")}),
        },
    )
    seen = world.take()
    assert seen.fault is None
    assert seen.measures["copies"] == 2
    name = world.newest().name
    for place in (tmp_path / "disk" / name, tmp_path / "cloud" / name):
        assert (place / "manifest.json").read_bytes() == (
            world.newest() / "manifest.json"
        ).read_bytes()

    copied = tmp_path / "cloud" / name
    (copied / "KEY.txt").write_text(str(key))
    commands = [
        line for line in (copied / "RESTORE.md").read_text().splitlines() if line.startswith("    ")
    ]
    by_hand = ["bash", "-ec", "\n".join(commands)]
    tree.rename(tmp_path / "aside")
    subprocess.run(by_hand, cwd=copied, check=True, capture_output=True)
    assert (tree / "latest" / "call 3 – grüße.wav").read_bytes() == bytes(range(256)) * 4
    assert not (tree / "spool.tmp").exists()
    # What is there already stays as it is.
    shutil.rmtree(copied / "plain")
    assert subprocess.run(by_hand, cwd=copied, check=False, capture_output=True).returncode

    (tree / "2026-11-21" / "call 3 – grüße.wav").unlink()
    assert world.restore(overwrite=True).fault is None
    assert (tree / "2026-11-21" / "call 3 – grüße.wav").exists()


def test_a_wrong_key_is_the_hosts_fault_and_not_the_backups(tmp_path: Path) -> None:
    key, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    for name, identity in (("key", key), ("other", other)):
        (tmp_path / name).write_text(str(identity))
    world = sqlite_world(tmp_path / "world", records=100)
    world.settings |= {
        "recipients": (str(key.to_public()),),
        "identity": {"file": tmp_path / "other"},
    }
    assert fault_of(world.take()) == "restore: wrong-key"
    assert world.backups()[0].fault == ""
    assert fault_of(world.drill(identity={"file": tmp_path / "key"})) == ""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"engine": "postgresql"}, "needs the name of a database"),
        ({"engine": "sqlite"}, "needs a path"),
        (
            {"engine": "directory", "path": "x", "recipients": ["age1x"]},
            "cannot be proven without an identity",
        ),
        (
            {"engine": "directory", "path": "x", "copies": [{"folder": "a", "restic": "b"}]},
            "name one place",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_once(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Backup(folder="kept", **settings)
