"""Whether the service's own user could read a file: `reveille.service` runs with DynamicUser=, and
a file that root alone may read makes it start again and again.

Rule: only what the unit on this host says is used. Where no unit is installed, it reads another
file, or an access list decides (acl(5)), nothing is said.
"""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

UNIT = "reveille.service"
# systemd.unit(5): the administrator's units come before those of packages.
PLACES = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
_READS_ALL = "CAP_DAC_READ_SEARCH"
_TRUE = ("yes", "true", "on", "1")
_ACCESS_LIST = "system.posix_acl_access"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit and its drop-ins say of the user that it runs as."""

    file: Path
    says: dict[str, list[str]] = field(default_factory=dict)

    def last(self, key: str, default: str = "") -> str:
        """The setting that holds: the last."""
        return (self.says.get(key) or [default])[-1]

    @property
    def user(self) -> str:
        """The user's name; a dynamic one without a name has that of the unit (systemd.exec(5))."""
        dynamic = self.last("DynamicUser").lower() in _TRUE
        return self.last("User") or (self.file.stem if dynamic else "root")

    def reads_all(self) -> bool:
        """Whether a drop-in of an administrator's own lets it read the whole host."""
        return _READS_ALL in " ".join(self.says.get("AmbientCapabilities", ())).split()

    def configurations(self) -> Iterator[Path]:
        """The files that ExecStart= names after --config."""
        words = shlex.split(self.last("ExecStart"))
        for option, value in pairwise(words):
            if option == "--config":
                yield Path(value)


def unit(places: Sequence[Path] = PLACES) -> Unit | None:
    """The unit that is installed here, drop-ins and all; None where none is, or may be read."""
    file = next((place / UNIT for place in places if (place / UNIT).is_file()), None)
    if file is None:
        return None
    found = Unit(file)
    drop_ins = sorted(
        (path for place in places for path in (place / f"{UNIT}.d").glob("*.conf")),
        key=lambda path: path.name,
    )
    try:
        for path in (file, *drop_ins):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                key, equals, value = line.strip().partition("=")
                if equals and not key.startswith(("#", ";")):
                    found.says.setdefault(key.strip(), []).append(value.strip())
    except OSError:
        return None
    return found


def kept_out(
    file: Path, places: Sequence[Path] = PLACES, named: Path | None = None
) -> tuple[str, str] | None:
    """What keeps the service's user from its configuration, or from a file that is `named` in it,
    and what would be right; None where nothing does, or nothing is known of it.
    """
    installed = unit(places)
    if installed is None or installed.reads_all():
        return None
    if file.absolute() not in [path.absolute() for path in installed.configurations()]:
        return None
    try:
        user, groups = _identity(installed)
        wanted = named or file
        for path, bit in (*((p, stat.S_IXOTH) for p in wanted.absolute().parents), (wanted, 4)):
            known = path.stat()
            if _ACCESS_LIST in os.listxattr(path):
                return None
            if not _may(known, user, groups, bit):
                mode = f"{stat.S_IMODE(known.st_mode):04o}"
                wrong = (
                    f"the user of {installed.file} ({installed.user}) cannot"
                    f" {'read' if bit == 4 else 'enter'} {path} (mode {mode}, user {known.st_uid})"
                )
                right = f"chmod {'a+r' if bit == 4 else 'a+x'} {path}"
                # What is named may be a secret, which is for nobody but that user.
                return wrong, right if named is None else "give that user alone the right to it"
    except OSError:
        return None
    return None


def _identity(installed: Unit) -> tuple[int | None, set[int]]:
    """Number and groups of the user; a dynamic one has none before it runs."""
    try:
        known = pwd.getpwnam(installed.user)
    except KeyError:
        return None, set()
    return known.pw_uid, set(os.getgrouplist(known.pw_name, known.pw_gid))


def _may(known: os.stat_result, user: int | None, groups: set[int], bit: int) -> bool:
    """By the bits of the owner, else of the group, else of the others (path_resolution(7))."""
    if user == 0:
        return True
    if user is not None and known.st_uid == user:
        return bool(known.st_mode & bit << 6)
    if known.st_gid in groups:
        return bool(known.st_mode & bit << 3)
    return bool(known.st_mode & bit)
