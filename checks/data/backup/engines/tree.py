"""A folder that others write, read without being led elsewhere: every name is opened below the
descriptor of its own folder, no link is followed, and what a thing is is asked of what was opened.

Between a look at a name and its opening the name may come to mean something else; a descriptor
cannot. What has gone meanwhile, or has become of another kind, is left out and said.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from checks.contract import Failed

# O_NONBLOCK: a pipe that took a file's name would be waited for until somebody writes to it.
# O_NOFOLLOW: a link that took it is an error (ELOOP), and so is one in O_DIRECTORY.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# To pass through, without the right to list.
_WAY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# As many as the kernel follows (path_resolution(7)).
_MOST_LINKS = 40
_GONE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO)
_NANOSECONDS = 10**9
# A folder in a folder holds one descriptor open; deeper than this nobody keeps recordings.
_DEEPEST = 200

ATTRIBUTE = "SCHILY.xattr."
"""what GNU tar puts before the name of an extended attribute (tar(5), pax headers)"""
Noted = Callable[[str], None]


def entries(
    root: Path, exclude: tuple[str, ...], noted: Noted = lambda _: None
) -> Iterator[tuple[tarfile.TarInfo, int]]:
    """Everything below a folder that a tar can hold, in the order of names, a folder before what is
    in it; of a file its descriptor, which is closed with the next entry, else -1. Raises Failed.
    """
    top = _entered(root)
    try:
        yield from _below(top, "", exclude, noted, 0)
    finally:
        os.close(top)


def refuse_within(top: Path, places: Iterable[Path], exclude: tuple[str, ...]) -> None:
    """Raises ValueError where backups would lie in what they are of: each would hold all those
    before it.
    """
    root = top.resolve()
    for place in places:
        here = place.resolve()
        within = here.relative_to(root).parts if here.is_relative_to(root) else None
        if within is not None and not any(
            left_out("/".join(within[: at + 1]), part, exclude) for at, part in enumerate(within)
        ):
            raise ValueError(
                f"{place} lies in {top}, which is backed up: every backup would hold the ones"
                " before; put folder, scratch and copies elsewhere, or exclude it"
            )


def _entered(root: Path) -> int:
    """A descriptor of the folder. Raises Failed: it is not there, or may not be entered."""
    try:
        return _top(root)
    except OSError as problem:
        if problem.errno in (errno.ENOENT, errno.ENOTDIR):
            raise Failed("directory-missing", f"there is no directory {root}") from problem
        raise _unreadable(str(root), problem) from problem


def _top(root: Path) -> int:
    """The folder itself, which may be reached by links: the administrator's (or ours), and those of
    the folder's own owner. A link of anybody else's would choose what is read. Raises OSError.
    """
    here = os.open("/", _WAY)
    left, owners = list(reversed(root.absolute().parts[1:])), [0, os.geteuid()]
    makers = list[int]()
    try:
        while left:
            name = left.pop()
            try:
                there = os.open(name, _WAY, dir_fd=here)
            except NotADirectoryError:
                status = os.stat(name, dir_fd=here, follow_symlinks=False)
                if not stat.S_ISLNK(status.st_mode) or len(makers) >= _MOST_LINKS:
                    raise
                makers.append(status.st_uid)
                target = Path(os.readlink(name, dir_fd=here))
                left += reversed(target.parts[1:] if target.is_absolute() else target.parts)
                there = os.open("/" if target.is_absolute() else ".", _WAY, dir_fd=here)
            os.close(here)
            here = there
        owners.append(os.fstat(here).st_uid)
        if any(maker not in owners for maker in makers):
            raise PermissionError(errno.EPERM, "a link of another user's leads there")
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)


def top_of(root: Path) -> tarfile.TarInfo:
    """The folder itself, as an entry named `.`. Raises Failed."""
    top = _entered(root)
    try:
        return _of(".", os.fstat(top), tarfile.DIRTYPE, top)
    finally:
        os.close(top)


def _below(
    folder: int, path: str, exclude: tuple[str, ...], noted: Noted, depth: int
) -> Iterator[tuple[tarfile.TarInfo, int]]:
    if depth > _DEEPEST:
        # The reason first: what is too long is cut at its end.
        raise Failed("permission", f"deeper than {_DEEPEST} folders: {path}", origin="local")
    names = os.listdir(folder)
    folders = []
    for name in sorted(names):
        below = f"{path}/{name}" if path else name
        if left_out(below, name, exclude):
            continue
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            noted(f"{below} vanished before it was read")
            continue
        if stat.S_ISREG(status.st_mode):
            yield from _file(folder, name, below, noted)
        elif stat.S_ISLNK(status.st_mode):
            yield from _link(folder, name, below, status, noted)
        elif stat.S_ISDIR(status.st_mode):
            folders.append((name, below))
    for name, below in folders:
        try:
            inner = os.open(name, _FOLDER, dir_fd=folder)
        except OSError as problem:
            _gone_or_refused(below, problem, noted)
            continue
        try:
            yield _of(below, os.fstat(inner), tarfile.DIRTYPE, inner), -1
            yield from _below(inner, below, exclude, noted, depth + 1)
        finally:
            os.close(inner)


def _file(
    folder: int, name: str, below: str, noted: Noted
) -> Iterator[tuple[tarfile.TarInfo, int]]:
    try:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    except OSError as problem:
        _gone_or_refused(below, problem, noted)
        return
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            noted(f"{below} was exchanged while it was read: it is left out")
            return
        info = _of(below, status, tarfile.REGTYPE, descriptor)
        info.size = status.st_size
        yield info, descriptor
    finally:
        os.close(descriptor)


def _link(
    folder: int, name: str, below: str, status: os.stat_result, noted: Noted
) -> Iterator[tuple[tarfile.TarInfo, int]]:
    info = _of(below, status, tarfile.SYMTYPE)
    try:
        info.linkname = os.readlink(name, dir_fd=folder)
    except OSError as problem:
        # EINVAL: it is no link any more.
        if problem.errno not in (*_GONE, errno.EINVAL):
            raise _unreadable(below, problem) from problem
        noted(f"{below} was exchanged while it was read: it is left out")
        return
    yield info, -1


def _of(
    name: str, status: os.stat_result, kind: bytes, descriptor: int | None = None
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    # Times of links and folders are kept, and are no part of what is compared: they change with
    # whatever is written in them.
    info.type, info.mode = kind, stat.S_IMODE(status.st_mode)
    info.uid, info.gid = status.st_uid, status.st_gid
    info.mtime, fraction = divmod(status.st_mtime_ns, _NANOSECONDS)
    info.pax_headers = {"mtime": _decimal(status.st_mtime_ns)} if fraction else {}
    if descriptor is not None:
        info.pax_headers |= {
            f"{ATTRIBUTE}{name}": value.decode("utf-8", "surrogateescape")
            for name, value in _attributes(descriptor)
        }
    return info


def _decimal(nanoseconds: int) -> str:
    """Seconds as a pax header has them, exactly: a float would round them (pax, mtime)."""
    whole, part = divmod(abs(nanoseconds), _NANOSECONDS)
    return f"{'-' if nanoseconds < 0 else ''}{whole}.{part:09}".rstrip("0")


def _attributes(descriptor: int) -> Iterator[tuple[str, bytes]]:
    """Extended attributes, an ACL among them (system.posix_acl_…, acl(5))."""
    try:
        for name in os.listxattr(descriptor):
            # The label is the policy's of the host that it comes back to.
            if name != "security.selinux":
                yield name, os.getxattr(descriptor, name)
    except OSError:  # a file system without any, or one that was taken away meanwhile
        return


def _gone_or_refused(below: str, problem: OSError, noted: Noted) -> None:
    if problem.errno not in _GONE:
        raise _unreadable(below, problem) from problem
    noted(f"{below} vanished or was exchanged before it was read")


def _unreadable(path: str, problem: OSError) -> Failed:
    return Failed("permission", f"{path}: {problem.strerror}", origin="local")


def left_out(relative: str, name: str, exclude: tuple[str, ...]) -> bool:
    """Whether one of the patterns means this path below the top, or this name."""
    return any(fnmatch(relative, pattern) or fnmatch(name, pattern) for pattern in exclude)
