"""A folder that a stranger writes is backed up: whatever he exchanges meanwhile, nothing outside of
it is read, and the proof writes nothing at all.
"""

from __future__ import annotations

import ctypes
import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from checks.contract import Failed
from checks.data.backup.engines.tree import entries
from tests.loopback.backup_world import World, fault_of

SECRET = b"MARKER-root-only"
# renameat2(2): AT_FDCWD, RENAME_EXCHANGE
_HERE, _EXCHANGE = -100, 2
_ROUNDS = 12


@contextmanager
def exchanging(one: Path, other: Path) -> Iterator[Callable[[], int]]:
    """Two names change places as fast as they can; gives how often they did."""
    libc, over, times = ctypes.CDLL(None), threading.Event(), [0]

    def exchange() -> None:
        while not over.is_set():
            libc.renameat2(_HERE, bytes(one), _HERE, bytes(other), _EXCHANGE)
            times[0] += 1

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        yield lambda: times[0]
    finally:
        over.set()
        thread.join()


def read_all(root: Path) -> dict[str, bytes]:
    found = {}
    for info, descriptor in entries(root, ()):
        found[info.name] = os.read(descriptor, 100) if descriptor >= 0 else b""
    return found


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    place = tmp_path / "victim"
    place.mkdir()
    (place / "secret").write_bytes(SECRET)
    return place


def test_a_file_and_a_link_that_change_places(tmp_path: Path, victim: Path) -> None:
    root = tmp_path / "recordings"
    root.mkdir()
    (root / "call.wav").write_bytes(b"sound")
    (tmp_path / "link").symlink_to(victim / "secret")
    with exchanging(root / "call.wav", tmp_path / "link") as times:
        seen = [read_all(root) for _ in range(200)]
        # A busy host may let one of the two names stand for long.
        while len(seen) < 20_000 and seen[-1].get("call.wav") != b"sound":
            seen.append(read_all(root))
    assert times() > 0
    assert not any(SECRET in content for found in seen for content in found.values())
    assert {b"sound"} <= {found.get("call.wav") for found in seen}


def test_a_folder_and_a_link_that_change_places(tmp_path: Path, victim: Path) -> None:
    root = tmp_path / "recordings"
    (root / "d1").mkdir(parents=True)
    (root / "d1" / "call.wav").write_bytes(b"sound")
    (tmp_path / "link").symlink_to(victim)
    with exchanging(root / "d1", tmp_path / "link") as times:
        seen = [read_all(root) for _ in range(200)]
    assert times() > 0
    assert not any("secret" in name for found in seen for name in found)


def test_the_folder_itself_may_be_a_link_of_the_administrators(
    tmp_path: Path, victim: Path
) -> None:
    (tmp_path / "link").symlink_to(victim)
    assert read_all(tmp_path / "link") == {"secret": SECRET}
    if os.geteuid() == 0:
        os.lchown(tmp_path / "link", 65534, 65534)
        with pytest.raises(Failed, match="a link of another user's"):
            read_all(tmp_path / "link")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "call.wav").write_bytes(b"sound")
    assert read_all(tmp_path) == {"call.wav": b"sound"}


def test_a_backup_under_exchange_is_proven_and_writes_nothing(tmp_path: Path, victim: Path) -> None:
    root = tmp_path / "recordings"
    for folder in ("d1", "d2"):
        (root / folder).mkdir(parents=True)
        (root / folder / "secret").write_bytes(b"sound")
    (tmp_path / "link").symlink_to(victim)
    before = sorted(victim.iterdir())
    world = World(tmp_path, {"engine": "directory", "path": root})
    with exchanging(root / "d1", tmp_path / "link"):
        seen = world.take()
    assert fault_of(seen) in ("", "restore: differs")
    assert sorted(victim.iterdir()) == before
    assert SECRET not in plain(world.artefact("files."))


def plain(path: Path) -> bytes:
    data: bytes = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    return data


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            tar.addfile(info)
        return file.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        member("../outside"),
        member("/tmp/outside"),
        member("a", tarfile.LNKTYPE, "/etc/passwd"),
        member("a", tarfile.CHRTYPE),
        member("a", tarfile.FIFOTYPE),
    ],
    ids=["above", "absolute", "hard link", "device", "pipe"],
)
def test_an_archive_that_leads_out_is_wrong(tmp_path: Path, archive: bytes) -> None:
    root = tmp_path / "recordings"
    root.mkdir()
    (root / "call.wav").write_bytes(b"sound")
    world = World(tmp_path, {"engine": "directory", "path": root})
    assert fault_of(world.take()) == ""
    world.repack("files.", lambda _: archive)
    assert fault_of(world.drill()) == "restore: restore-failed"
    assert fault_of(world.restore(str(tmp_path / "back"))) == "restore: not-proven"
