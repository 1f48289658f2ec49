"""Files and folders as they lie about: what belongs to the top, paths that lie within one another,
an application that goes on writing, and how much is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tarfile
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import zstandard

from checks.data.backup.check import Backup
from checks.data.backup.engine import Work, found_of
from checks.data.backup.engines.directory_restore_test import restored
from checks.data.backup.events import BackupEvents
from checks.data.backup.instructions import RESTORE_STEP, commands
from checks.data.backup.store.manifest import read_manifest, sha256
from checks.data.backup.store.throttle import Throttle
from monitor.cli import main
from tests.field.story import NAME, SITE, Story, comes_out, once, table
from tests.loopback.backup_world import World, fault_of

pytestmark = pytest.mark.xdist_group("backup")

WWW_DATA = 33


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def directory(tmp_path: Path, path: Path, folder: Path | None = None) -> World:
    """Backups of this folder."""
    settings = {"engine": "directory", "path": path}
    world = World(tmp_path / "world", settings)
    if folder is not None:
        world.repository = folder
    return world


@as_root
def test_owner_mode_and_times_come_back_after_a_total_loss(tmp_path: Path) -> None:
    top = tmp_path / "rec"
    (top / "old").mkdir(parents=True)
    (top / "a.wav").write_text("a")
    for path in (top, top / "a.wav", top / "old"):
        os.chown(path, WWW_DATA, WWW_DATA)
    top.chmod(0o2770)
    os.utime(top / "old", (1735689600, 1735689600))
    before = like(top)
    world = directory(tmp_path, top)
    assert fault_of(world.take()) == ""
    shutil.rmtree(top)
    assert fault_of(world.restore()) == ""
    assert like(top) == before


def like(top: Path) -> list[tuple[str, str, int, int]]:
    """Mode, owner and time of each; the times of folders that were filled are not looked at."""
    found = [top, *sorted(top.rglob("*"))]
    return [
        (path.name, oct(path.stat().st_mode), path.stat().st_uid, int(path.stat().st_mtime))
        for path in found
    ]


@as_root
def test_a_sqlite_file_goes_back_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table cdr(x)")
    os.chown(path, WWW_DATA, WWW_DATA)
    path.chmod(0o660)
    world = World(tmp_path / "world", {"engine": "sqlite", "path": path})
    assert fault_of(world.take()) == ""
    path.unlink()
    assert fault_of(world.restore()) == ""
    assert (path.stat().st_uid, oct(path.stat().st_mode)) == (WWW_DATA, "0o100660")


def test_links_holes_and_attributes_are_kept(tmp_path: Path) -> None:
    top = tmp_path / "rec"
    (top / "later").mkdir(parents=True)
    (top / "a").write_text("a")
    os.link(top / "a", top / "b")
    os.link(top / "a", top / "later" / "c")
    with (top / "hole").open("wb") as hole:
        hole.truncate(20_000_000)
    with (top / "later" / "pieces \udcff").open("wb") as pieces:
        for place in (0, 1_000_001, 9_000_000):
            pieces.seek(place)
            pieces.write(b"data" * 1500)
        pieces.truncate(12_345_678)
    os.setxattr(top / "a", "user.origin", b"trunk\0\xff")
    os.setxattr(top / "later", "system.posix_acl_access", ACL)
    os.setxattr(top / "later", "system.posix_acl_default", ACL)
    before = {path.relative_to(top): kept_of(path) for path in sorted(top.rglob("*"))}
    world = directory(tmp_path, top)
    seen = world.take()
    assert fault_of(seen) == ""
    assert (world.newest() / "files.tar.zst").stat().st_size < 20_000
    proof = json.loads((world.newest() / "proof.json").read_text())
    assert proof["not_run"] == []
    shutil.rmtree(top)
    assert fault_of(world.restore()) == ""
    assert {path.relative_to(top): kept_of(path) for path in sorted(top.rglob("*"))} == before


# acl(5): owner rwx, user 33 r-x, group r-x, mask r-x, others nothing; version 2.
ACL = bytes.fromhex(
    "02000000 01000700ffffffff 0200050021000000 04000500ffffffff 10000500ffffffff 20000000ffffffff"
)


def kept_of(path: Path) -> tuple[object, ...]:
    """Names, holes and attributes; what was in it."""
    status = path.stat()
    attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    data = path.read_bytes() if path.is_file() else b""
    names = status.st_nlink if path.is_file() else 0
    return names, status.st_blocks * 512 < len(data) / 2, sha256(data), sorted(attributes.items())


def test_backups_inside_of_their_source_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """duplicati#61, rbme#3."""
    top = tmp_path / "self"
    top.mkdir()
    file = tmp_path / "reveille.toml"
    settings = {"kind": "backup", "engine": "directory", "path": top, "folder": top / "backups"}
    file.write_text(SITE + table(f"checks.{NAME}", settings))
    assert main(["check-config", "--config", str(file)]) != 0
    assert "folder" in capsys.readouterr().err


def test_a_link_at_the_top_is_followed_back(tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.mkdir()
    (big / "a").write_text("a")
    link = tmp_path / "rec"
    link.symlink_to(big)
    world = directory(tmp_path, link)
    assert fault_of(world.take()) == ""
    assert fault_of(world.restore(overwrite=True)) == ""
    assert link.is_symlink()


def test_a_restore_under_a_live_writer_is_refused_or_said(tmp_path: Path) -> None:
    """litestream and its like."""
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as application:
        application.execute("pragma journal_mode=wal")
        application.execute("create table cdr(id integer primary key, src text)")
        world = World(tmp_path / "world", {"engine": "sqlite", "path": path})
        assert fault_of(world.take()) == ""
        seen = world.restore(overwrite=True)
        assert fault_of(seen) != "" or "open" in " ".join(seen.notes)


def test_a_second_disk_keeps_what_the_first_keeps_with_its_proof(tmp_path: Path) -> None:
    top, disk = tmp_path / "src", tmp_path / "disk2"
    top.mkdir()
    disk.mkdir()
    (top / "a").write_text("a")
    world = directory(tmp_path, top)
    for _night in range(3):
        assert fault_of(world.take(copies=[{"folder": str(disk)}])) == ""
    local = [backup.folder.name for backup in world.backups()]
    there = sorted(path.parent.name for path in disk.rglob("manifest.json"))
    assert there == sorted(local)
    assert len(list(disk.rglob("proof.json"))) == len(local)


def test_a_day_of_the_site_is_the_night_that_the_list_shows(tmp_path: Path) -> None:
    top = tmp_path / "src"
    top.mkdir()
    world = directory(tmp_path, top)
    for day in (21, 22):  # 04:00 in India is 22:30 of the day before in UTC
        (top / "x").write_text(f"the night of {day} November")
        assert fault_of(world.take()) == ""
        moved(world, f"202611{day - 1}T223000.000Z-abcd{day:02}", day - 1)
    file = tmp_path / "reveille.toml"
    settings = {**world.settings, "folder": world.repository}
    file.write_text(SITE + table(f"checks.{NAME}", {"kind": "backup", **settings}))
    again = tmp_path / "again"
    words = ["backup", "--config", str(file), "restore", NAME, "--at", "2026-11-21"]
    assert main([*words, "--to", str(again)]) == 0
    assert (again / "x").read_text() == "the night of 21 November"


def moved(world: World, name: str, day: int) -> None:
    """The newest backup as if it were of that night."""
    folder = world.newest()
    body = json.loads((folder / "manifest.json").read_text())
    body |= {"id": name, "data_as_of": f"2026-11-{day:02}T22:30:00.000000Z"}
    (folder / "manifest.json").write_text(json.dumps(body))
    # Its proof is of this manifest still: what is not proven makes room for the next night.
    proof = json.loads((folder / "proof.json").read_text())
    proof["manifest_sha256"] = sha256((folder / "manifest.json").read_bytes())
    (folder / "proof.json").write_text(json.dumps(proof))
    folder.rename(folder.parent / name)


async def test_a_recording_that_comes_late_is_archived(tmp_path: Path) -> None:
    month = datetime.now(ZoneInfo("Asia/Kolkata")).replace(day=1) - timedelta(days=1)
    there, archive = tmp_path / f"monitor/{month:%Y/%m}", tmp_path / "archive"
    there.mkdir(parents=True)
    for number in range(3):
        (there / f"c{number}.wav").write_text(str(number))
    settings = {"recordings": str(tmp_path / "monitor/%Y/%m"), "folder": archive}
    seen = await once(tmp_path, "voice-log-archive", **settings)
    comes_out(seen, Story("first", None, "three recordings"))
    (there / "c0.wav").unlink()
    (there / "late.wav").write_text("late")
    seen = await once(tmp_path, "voice-log-archive", **settings)
    assert archived(archive, "late.wav")
    assert archived(archive, "c0.wav"), "what has gone since is in the archive before"


def archived(folder: Path, name: str) -> bool:
    """Whether any archive holds this file."""
    return any(name in names_of(packed) for packed in folder.rglob("files.tar.zst"))


def names_of(packed: Path) -> list[str]:
    with (
        packed.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        return tar.getnames()


@as_root
def test_a_tree_of_several_owners_comes_back_to_each(tmp_path: Path) -> None:
    top = tmp_path / "rec"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "link").symlink_to("b")
    os.chown(top / "a", WWW_DATA, WWW_DATA)
    os.lchown(top / "a" / "link", WWW_DATA, WWW_DATA)
    (top / "a").chmod(0o3775)
    os.utime(top / "a" / "b", (1700000000, 1700000000))
    world = directory(tmp_path, top)
    assert fault_of(world.take()) == ""
    shutil.rmtree(top)
    assert fault_of(world.restore()) == ""
    assert (top / "a").stat().st_mode & 0o7777 == 0o3775
    assert (top / "a" / "link").lstat().st_uid == WWW_DATA
    assert (top / "a" / "b").stat().st_mtime == 1700000000


@as_root
def test_what_its_own_owner_may_not_open_is_restored_and_proven(tmp_path: Path) -> None:
    """The drill is nobody, and reads what it has unpacked itself."""
    top = tmp_path / "etc"
    (top / "closed" / "within").mkdir(parents=True)
    (top / "closed" / "within" / "gshadow").write_text("x")
    (top / "closed" / "within" / "gshadow").chmod(0)
    (top / "closed").chmod(0o300)
    (top / "group").mkdir()
    (top / "group").chmod(0o2770)
    world = directory(tmp_path, top)
    assert fault_of(world.take()) == ""
    proof = json.loads((world.newest() / "proof.json").read_text())
    assert proof["not_run"] == ["set-id or sticky bits of 1 entries"]
    shutil.rmtree(top)
    assert fault_of(world.restore()) == ""
    assert [(top / name).stat().st_mode & 0o7777 for name in ("closed", "group")] == [0o300, 0o2770]


def test_a_text_that_brings_nothing_back_proves_nothing(tmp_path: Path) -> None:
    """The proof is what the text does: without its last step there is nothing to compare."""
    (top := tmp_path / "rec").mkdir()
    (top / "a.wav").write_text("x")
    world = directory(tmp_path, top)
    assert fault_of(world.take()) == ""
    manifest = read_manifest((world.newest() / "manifest.json").read_bytes())
    [*before, unpacking] = commands(manifest, RESTORE_STEP).splitlines()
    assert unpacking.startswith("tar ")
    plain = tmp_path / "plain"
    plain.mkdir()
    with zstandard.open(world.newest() / "files.tar.zst") as packed:
        (plain / "files.tar").write_bytes(packed.read())
    work = Work(BackupEvents(lambda **_: None), Throttle(None))
    for text, equal in ((before, False), ([*before, unpacking], True)):
        (scratch := tmp_path / f"scratch-{equal}").mkdir()
        task = {"commands": "\n".join(text)}
        told = restored(task, lambda: plain, scratch, work)
        assert (found_of(told).tables == manifest.tables) is equal


def test_what_is_excluded_may_hold_the_backups(tmp_path: Path) -> None:
    settings = {"engine": "directory", "path": tmp_path, "folder": tmp_path / "kept" / "here"}
    Backup(**settings, exclude=("kept",))
    for more in ({}, {"exclude": ("other",)}):
        with pytest.raises(ValueError, match="every backup would hold"):
            Backup(**settings, **more)
    (tmp_path / "by-a-link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="every backup would hold"):
        Backup(**{**settings, "folder": tmp_path / "by-a-link" / "x"}, exclude=("by-a-link",))


def test_two_sources_on_one_disk_take_no_place_from_each_other(tmp_path: Path) -> None:
    disk = tmp_path / "disk2"
    disk.mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
        world = World(tmp_path / f"world-{name}", {"engine": "directory", "path": tmp_path / name})
        for _night in range(2):
            assert fault_of(world.take(copies=[{"folder": str(disk)}])) == ""
    manifests = [json.loads(file.read_text()) for file in disk.glob("*/manifest.json")]
    assert sorted(Path(body["source"]).name for body in manifests) == ["one", "two"]


def test_a_copy_outlives_the_loss_of_the_first_disk(tmp_path: Path) -> None:
    """An empty folder where the backups were is no reason to empty the other."""
    top, disk = tmp_path / "src", tmp_path / "disk2"
    top.mkdir()
    disk.mkdir()
    (top / "a").write_text("a")
    world = directory(tmp_path, top)
    assert fault_of(world.take(copies=[{"folder": str(disk)}])) == ""
    [before] = [path.name for path in disk.iterdir()]
    older = f"20200101T000000.000Z{before[-7:]}"
    (disk / before).rename(disk / older)
    shutil.rmtree(world.repository)
    assert fault_of(world.take(copies=[{"folder": str(disk)}])) == ""
    assert len(list(disk.glob("*/manifest.json"))) == 2


def test_times_come_back_to_the_nanosecond(tmp_path: Path) -> None:
    """What compares times (make, rsync, a recorder's index) takes a rounded one for a change."""
    top = tmp_path / "top"
    top.mkdir()
    moments = {"fine": 1_700_000_000_123_456_789, "last": 1_700_000_000_999_999_999, "old": -1}
    for name, moment in moments.items():
        (top / name).write_text(name)
        os.utime(top / name, ns=(moment, moment))
    (top / "link").symlink_to("fine")
    os.utime(top / "link", ns=(5, 1_300_000_000_000_000_001), follow_symlinks=False)
    os.utime(top, ns=(7, 1_600_000_000_000_000_100))
    world = directory(tmp_path, top)
    assert fault_of(world.take()) == ""
    back = tmp_path / "again"
    assert fault_of(world.restore(to=str(back))) == ""
    assert {name: (back / name).stat().st_mtime_ns for name in moments} == moments
    assert (back / "link").lstat().st_mtime_ns == 1_300_000_000_000_000_001
    assert back.stat().st_mtime_ns == 1_600_000_000_000_000_100
