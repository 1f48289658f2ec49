"""Going through folders: sorted, without following links, on local file systems only, within the
time budget.

A file's state is one text: mode, owner, size, the first half of its SHA-256, and the package that
brings it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.packages import Packages

# Network file systems belong to another host and may hang; the kernel's own hold no files.
_NOT_HERE = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "fuse.sshfs",
    "ceph",
    "9p",
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "autofs",
}
_ASK_EVERY = 256
# O_NONBLOCK: a pipe that took a file's name since it was looked at would be waited for.
_PLAINLY = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# No program and no table of a scheduler is so large. A hole of a terabyte is made by one command,
# and would be read for ten minutes.
_MOST_HASHED = 512 << 20
Entry = tuple[str, os.stat_result]
"""a path as the host knows it, and what lstat(2) tells"""


def walk(at: Look, top: str, passed: Callable[[str], bool] | None = None) -> Iterator[Entry]:
    """Everything under a path of the host that is not a folder. Raises NotLooked when the budget is
    over.
    """
    root = Path(at.settings["root"])
    away = _elsewhere(root)
    start = str(root / top.lstrip("/"))
    prefix = len(str(root).rstrip("/"))
    folders, count = [start], 0
    if not os.path.lexists(start) or stat.S_ISLNK(os.lstat(start).st_mode):
        return  # /bin, where it is a link to /usr/bin, is looked at there
    if not os.path.isdir(start):  # noqa: PTH112 - in step with os.scandir, for speed
        yield start[prefix:], os.lstat(start)
        return
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            count += 1
            if count % _ASK_EVERY == 0 and at.left() <= 0:
                raise NotLooked(
                    f"the time budget was over at {entry.path[prefix:]}, after {count} files"
                )
            path = entry.path[prefix:]
            if passed is not None and passed(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.path not in away:
                    folders.append(entry.path)
                continue
            try:
                yield path, entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue


def state(root: Path, path: str, known: os.stat_result, packages: Packages) -> str:
    """The state of a file as one text."""
    real = root / path.lstrip("/")
    kind = stat.S_IFMT(known.st_mode)
    owner = f"{stat.S_IMODE(known.st_mode):04o} {known.st_uid}:{known.st_gid}"
    try:
        if kind == stat.S_IFLNK:
            return f"link to {real.readlink()}"
        if kind != stat.S_IFREG:
            return f"special {kind >> 12:o} {owner}"
        if known.st_size > _MOST_HASHED:
            # Whoever writes into it may set its mtime, and not its ctime.
            return f"{owner} {known.st_size} not read, changed {known.st_ctime:.0f}"
        # 128 bits of SHA-256: no one makes another file with the same ones, and ten thousand of
        # them fit into a body of the ledger.
        return f"{owner} {known.st_size} {sha256(real)[:32]} {packages.owner(path)}".rstrip()
    except FileNotFoundError:
        return "gone while it was looked at"
    except PermissionError:
        return f"{owner} {known.st_size} not readable"
    except OSError as problem:
        # A link took its name, or a socket: it is not what it was.
        if problem.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        return "exchanged while it was looked at"


def owner_in(before: object) -> str:
    """The package in a file's accepted state; "" for none."""
    words = str(before or "").split()
    return words[4] if len(words) == 5 else ""


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits. Raises OSError."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def opened(path: Path, links: bool = False) -> BufferedReader:
    """A file that somebody else may exchange meanwhile: for a pipe or device, which would hold the
    look, or for a link, unless `links`. Raises FileNotFoundError for what is no file now, OSError.
    """
    descriptor = os.open(path, _PLAINLY | (0 if links else os.O_NOFOLLOW))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "it is no file any more", str(path))
    return os.fdopen(descriptor, "rb")


def _elsewhere(root: Path) -> set[str]:
    """Mount points that are not to be walked into."""
    try:
        lines = (
            Path("/proc/self/mounts")
            .read_text(encoding="utf-8", errors="surrogateescape")
            .splitlines()
        )
    except OSError:
        return set()
    mounts = [line.split() for line in lines]
    return {field[1] for field in mounts if field[2] in _NOT_HERE and field[1] != str(root)}
