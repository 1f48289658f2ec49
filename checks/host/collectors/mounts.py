"""The file systems of the host, each device once, as proc_pid_mountinfo(5) tells of them:

    27 1 254:0 / /     ro,relatime  shared:1   -  ext4 /dev/vda  rw,discard
    id parent device root mount point, options    type source  options of the super block

Rules: what a mount point says (`ro` here) may be this process's own cage: systemd binds `/`
read-only over itself for ProtectSystem=strict. Only the super block says what the device is. The
mounts of process 1 are the host's; where they may not be seen (ProtectProc=invisible), one's own
are, and that is said. Any mount of a device tells how full it is, so one that a sandbox covers is
looked at by another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from checks.host.collectors.collector import NotLooked

_OCTAL = re.compile(r"\\([0-7]{3})")
_LEAST_FIELDS = 10
# ZFS stands among the types without a device, since it takes its disks from a pool of its own.
_ON_DISKS_TOO = {"zfs"}


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo. `within` is the folder of the file system that is mounted here."""

    number: int
    parent: int
    device: str
    within: str
    point: str
    kind: str
    source: str
    super_options: frozenset[str]

    @property
    def read_only(self) -> bool:
        """Whether the file system itself takes no writes, wherever it is mounted."""
        return "ro" in self.super_options


@dataclass(frozen=True, slots=True)
class View:
    """The mounts of the host as far as they are seen, and those that this process can walk to."""

    mounts: tuple[Mount, ...]
    own: tuple[Mount, ...]
    of_the_host: bool
    root: Path | None = None
    """the host's own root, where this process may go there"""

    def way(self, mount: Mount) -> Path | None:
        """A path to the file system; None where the sandbox covers all of them."""
        if self.root is not None:
            return self.root / mount.point.lstrip("/")
        reached = reached_in(self.own)
        ways = [one for one in self.own if one.device == mount.device and one.number in reached]
        ways.sort(key=lambda one: (one.point != mount.point, one.within != "/", len(one.point)))
        return next((path for one in ways if (path := Path(one.point)).is_dir()), None)

    def disks(self) -> list[Mount]:
        """The file systems on disks, each device once: where it can be reached before where another
        mount covers it, the whole before a bound part of it, a short path before a long one."""
        on_disks, reached = _types_on_disks(), reached_in(self.mounts)
        chosen: dict[str, tuple[tuple[bool, bool, int], Mount]] = {}
        for one in self.mounts:
            rank = one.number not in reached, one.within != "/", len(one.point)
            known = chosen.get(one.device)
            if one.kind in on_disks and (known is None or rank < known[0]):
                chosen[one.device] = rank, one
        return sorted((one for _, one in chosen.values()), key=lambda one: one.point)

    def at(self, point: str) -> Mount | None:
        """What is mounted there by the host; None: nothing. A folder that is bound upon itself, as
        ReadWritePaths= and StateDirectory= do, is no mount of the host's."""
        by_number = {one.number: one for one in self.mounts}
        for one in reversed(self.mounts):
            if one.point == point and not _upon_itself(one, by_number.get(one.parent)):
                return one
        return None


def view() -> View:
    """What this process sees of the host. Raises NotLooked: not even its own mounts."""
    own, host = _of("self"), _of("1")
    if own is None:
        raise NotLooked("/proc/self/mountinfo cannot be read, so no file system is known")
    return View(host or own, own, host is not None, _root_of_the_host() if host else None)


def _of(process: str) -> tuple[Mount, ...] | None:
    try:
        text = Path(f"/proc/{process}/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    return tuple(mounts_in(text))


def _root_of_the_host() -> Path | None:
    """The root of process 1; None where ptrace(2)'s rules forbid it (CAP_SYS_PTRACE is needed)."""
    root = Path("/proc/1/root")
    try:
        os.statvfs(root)
    except OSError:
        return None
    return root


def reached_in(mounts: Sequence[Mount]) -> set[int]:
    """The numbers of the mounts that no other covers."""
    by_number = {one.number: one for one in mounts}
    # What is mounted upon "/" covers nothing for a process whose root lies below it.
    upon = {(one.parent, one.point) for one in mounts if one.point != "/"}
    return {
        one.number
        for one in mounts
        if (one.number, one.point) not in upon and not _covered(one, by_number, upon)
    }


def mounts_in(mountinfo: str) -> Iterator[Mount]:
    """Each mount of a /proc/PID/mountinfo."""
    for line in mountinfo.split("\n"):
        head, _, tail = line.partition(" - ")
        fields, of_super = head.split(" "), tail.split(" ")
        if len(fields) + len(of_super) + 1 >= _LEAST_FIELDS and len(of_super) > 2:
            number, parent, device, within, point = fields[:5]
            yield Mount(
                int(number),
                int(parent),
                device,
                _plain(within),
                _plain(point),
                of_super[0],
                _plain(of_super[1]),
                frozenset(of_super[2].split(",")),
            )


def _plain(field: str) -> str:
    """A space, a tab, a newline and a backslash are written as octal numbers."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)


def _upon_itself(one: Mount, below: Mount | None) -> bool:
    if below is None or below.device != one.device:
        return False
    inside = one.point.removeprefix(below.point.rstrip("/"))
    return one.within == (below.within.rstrip("/") + inside or "/")


def _covered(one: Mount, by_number: Mapping[int, Mount], upon: Set[tuple[int, str]]) -> bool:
    """Whether another lies upon a folder above it: beside it, or beside what it is mounted in."""
    for _ in by_number:
        above = (str(folder) for folder in PurePosixPath(one.point).parents)
        if any((one.parent, folder) in upon for folder in above):
            return True
        below = by_number.get(one.parent)
        if below is None or below is one:
            return False
        one = below
    return False


def _types_on_disks() -> set[str]:
    """The types that this kernel puts on block devices (`nodev` stands before the others)."""
    try:
        lines = Path("/proc/filesystems").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        raise NotLooked("/proc/filesystems cannot be read, so disks are not known") from None
    return {line.strip() for line in lines if not line.startswith("nodev")} | _ON_DISKS_TOO
