"""Folders that are odd and good: each has to be proven, and to come back by the text of its
RESTORE.md.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path


def _write(path: Path, content: bytes = b"x", at: int = 1_700_000_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at, at))
    return path


def _times(top: Path) -> None:
    for path in sorted(top.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            os.utime(path, (1_500_000_000, 1_500_000_000))
    os.utime(top, (1_400_000_000, 1_400_000_000))


def _plain(top: Path) -> None:
    _write(top / "2026-11-21/call 3 – grüße.wav", bytes(range(256)) * 99)
    (top / "empty").mkdir()
    _write(top / "empty-file", b"")


def _owners(top: Path) -> None:
    os.chown(_write(top / "spool/a.gsm"), 33, 33)
    (top / "spool").chmod(0o2770)
    _write(top / "secret").chmod(0o600)
    _write(top / "run").chmod(0o4755)
    os.chown(top, 33, 100)
    top.chmod(0o2750)


def _names(top: Path) -> None:
    for name in (
        b"caf\xe9.wav",
        b"line\nbreak",
        b"-rf",
        b" blank ",
        b"$(id)`id`'\"",
        b"n" * 255,
        b"\\",
    ):
        _write(Path(os.fsdecode(os.fsencode(top) + b"/" + name)))


def _links(top: Path) -> None:
    _write(top / "a/b")
    for name, target in (
        ("latest", "a"),
        ("dangling", "/nowhere"),
        ("loop", "loop"),
        ("up", "../.."),
    ):
        (top / name).symlink_to(target)


def _deep(top: Path) -> None:
    _write(top / "/".join(["d" * 40] * 20) / "end")


def _old_and_new(top: Path) -> None:
    _write(top / "of 1960", at=-315_619_200)
    _write(top / "of 2040", at=2_208_988_800)
    _write(top / "of 1970", at=0)


def _special(top: Path) -> None:
    _write(top / "file")
    os.mkfifo(top / "pipe")
    with closing(socket.socket(socket.AF_UNIX)) as end, suppress(OSError):
        end.bind(str(top / "s"))


def _attributes(top: Path) -> None:
    path = _write(top / "call.wav")
    os.setxattr(path, "user.caller", b"\0\xff" * 9)
    os.setxattr(path, "user.empty", b"")
    os.setxattr(path, "trusted.tag", b"x")
    # cap_net_bind_service, permitted and effective (capabilities(7)).
    os.setxattr(
        _write(top / "bin/tool"),
        "security.capability",
        bytes.fromhex("01000002" + "0004" + "00" * 14),
    )
    os.setxattr(top / "bin", "user.of-a-folder", b"1")
    os.setxattr(top, "user.of-the-top", b"1")


def _access(top: Path) -> None:
    path = _write(top / "spool/list")
    for each, kind in ((path, "access"), (top / "spool", "access"), (top / "spool", "default")):
        os.setxattr(each, f"system.posix_acl_{kind}", _acl())


def _acl() -> bytes:
    """u::rw-,u:33:r--,g::r--,m::r--,o::--- as Linux keeps it: tag, permissions, id."""
    entries = ((1, 6, -1), (2, 4, 33), (4, 4, -1), (16, 4, -1), (32, 0, -1))
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, permitted, one & 0xFFFFFFFF) for tag, permitted, one in entries
    )


def _hard_links_and_holes(top: Path) -> None:
    first = _write(top / "a/first", b"x" * 9)
    (top / "b").mkdir()
    os.link(first, top / "b/second")
    os.link(first, top / "third")
    (top / "link").symlink_to("a")
    os.link(top / "link", top / "same link", follow_symlinks=False)
    with (top / "hole").open("wb") as file:
        file.truncate(3_000_000_000)
        file.seek(1_000_000)
        file.write(b"data")
    with (top / "all hole").open("wb") as file:
        file.truncate(5_000_000)


def _odd_owners(top: Path) -> None:
    os.chown(_write(top / "far"), 4_294_967_294, 3_000_000)
    _write(top / "closed").chmod(0)
    (top / "closed-folder").mkdir(mode=0)
    _write(top / "sticky/x")
    (top / "sticky").chmod(0o1777)
    (top / "link").symlink_to("far")
    os.chown(top / "link", 33, 34, follow_symlinks=False)
    path = _write(top / "group")
    os.chown(path, 0, 33)
    path.chmod(0o2755)


def _twins(top: Path) -> None:
    for name in (
        "Call",
        "call",
        "caf\u00e9",
        "cafe\u0301",
        "...",
        "~",
        "*",
        "?",
        "a\tb",
        "{a,b}",
        "@x",
    ):
        _write(top / name, name.encode())
    (top / "target").symlink_to(os.fsdecode(b"\xff\n'"))
    (top / "far").symlink_to("x/" * 2000)
    _write(top / "--checkpoint-action=exec=x")


def _moments(top: Path) -> None:
    for name, nanoseconds in (
        ("fine", 1_700_000_000_123_456_789),
        ("before", -1),
        ("far", 8_589_934_592 * 10**9),
    ):
        os.utime(_write(top / name), ns=(nanoseconds, nanoseconds))
    (top / "link").symlink_to("fine")
    os.utime(top / "link", (1_300_000_000, 1_300_000_000), follow_symlinks=False)


def _nothing(top: Path) -> None:
    assert not list(top.iterdir())


FOLDERS: Mapping[str, Callable[[Path], None]] = {
    "plain": _plain,
    "owners-and-modes": _owners,
    "names": _names,
    "links": _links,
    "deep": _deep,
    "times": _old_and_new,
    "pipes-and-sockets": _special,
    "attributes": _attributes,
    "access-lists": _access,
    "hard-links-and-holes": _hard_links_and_holes,
    "odd-owners": _odd_owners,
    "twins": _twins,
    "moments": _moments,
    "empty": _nothing,
}


def made_folder(make: Callable[[Path], None], top: Path) -> None:
    """A folder of one row, with times of its own."""
    top.mkdir(parents=True)
    make(top)
    _times(top)
