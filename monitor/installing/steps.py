"""The steps of which an installation is made: each says in a line what it is, whether it is so
already, and makes it so.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from monitor.installing.program import run

ROOT = "root:root"
# Of a user that nobody logs in as; Debian's adduser(8) gives system users the first.
_NO_LOGIN = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false")


class Step(Protocol):
    """Something that is to be so on this host."""

    def is_so(self) -> bool:
        """Whether nothing is left to do."""

    def take(self) -> None:
        """Make it so. Raises OSError, ProgramFault."""


class Barred(Exception):
    """The host has something in the way that is somebody else's; its text says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the system's, with a group of its own name; nobody logs in as it."""

    name: str
    home: Path

    def __str__(self) -> str:
        return f"user and group {self.name}, of the system, without login"

    def is_so(self) -> bool:
        """Raises Barred where the name is a person's."""
        try:
            known = pwd.getpwnam(self.name)
        except KeyError:
            return False
        if known.pw_shell not in _NO_LOGIN and known.pw_uid != 0:
            raise Barred(
                f"there is a user {self.name} already, who can log in ({known.pw_shell}): the"
                f" service needs that name; rename him (usermod --login) or bar his login"
                f" (usermod --shell {_NO_LOGIN[0]} {self.name})"
            )
        return True

    def take(self) -> None:
        """By the programs of Debian's own `passwd` package, which every installation has."""
        try:
            grp.getgrnam(self.name)
        except KeyError:
            run("groupadd", "--system", self.name)
        run(
            "useradd", "--system", "--gid", self.name, "--home-dir", str(self.home),
            "--no-create-home", "--shell", _NO_LOGIN[0], self.name,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """A person who may speak with the daemon: status, tickets, drills."""

    person: str
    group: str

    def __str__(self) -> str:
        return f"{self.person} in the group {self.group}"

    def is_so(self) -> bool:
        """Raises Barred where there is no such person."""
        try:
            return self.person in grp.getgrnam(self.group).gr_mem
        except KeyError:
            return False
        finally:
            _known(self.person)

    def take(self) -> None:
        """Effective when the person logs in the next time."""
        run("usermod", "--append", "--groups", self.group, self.person)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with its rights, whatever is in it."""

    path: Path
    mode: int
    owner: str = ROOT

    def __str__(self) -> str:
        return f"folder {self.path}, {self.mode:04o} {self.owner}"

    def is_so(self) -> bool:
        """Whether it is there, with these rights."""
        return self.path.is_dir() and _has(self.path, self.mode, self.owner)

    def take(self) -> None:
        """Made, or given its rights; what is in it is left alone."""
        self.path.mkdir(parents=True, exist_ok=True)
        _give(self.path, self.mode, self.owner)


@dataclass(frozen=True, slots=True)
class Rights:
    """A file that is there, and who may read it."""

    path: Path
    mode: int
    owner: str = ROOT

    def __str__(self) -> str:
        return f"rights of {self.path}: {self.mode:04o} {self.owner}"

    def is_so(self) -> bool:
        """Whether it has them."""
        return _has(self.path, self.mode, self.owner)

    def take(self) -> None:
        """Its content is left alone."""
        _give(self.path, self.mode, self.owner)


@dataclass(frozen=True, slots=True)
class Text:
    """A file of ours, with this text."""

    path: Path
    text: str
    ours: str = ""
    """how a file of ours begins: another's that has the name is kept beside it"""

    def __str__(self) -> str:
        kept = f", what is there is kept as {self._old.name}" if self._foreign() else ""
        return f"file {self.path}{kept}"

    def is_so(self) -> bool:
        """Whether it says this."""
        try:
            return self.path.read_text(encoding="utf-8") == self.text
        except (OSError, UnicodeDecodeError):
            return False

    def take(self) -> None:
        """By a rename: systemd reads the old one or this one, and never half of one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._foreign():
            self.path.rename(self._old)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self.path.parent, prefix=".reveille-", delete=False
        ) as file:
            file.write(self.text)
        os.chmod(file.name, 0o644)  # noqa: PTH101 - a unit is for everybody to read
        Path(file.name).replace(self.path)

    @property
    def _old(self) -> Path:
        return self.path.with_name(f"{self.path.name}.old")

    def _foreign(self) -> bool:
        return self.path.is_file() and not self.path.read_bytes().startswith(self.ours.encode())


@dataclass(frozen=True, slots=True)
class Link:
    """A name under which the host finds something of the program's."""

    path: Path
    target: Path

    def __str__(self) -> str:
        return f"{self.path} -> {self.target}"

    def is_so(self) -> bool:
        """Raises Barred where another's file has the name."""
        if self.path.exists() and not self.path.is_symlink():
            raise Barred(f"{self.path} is there already and is no link of ours: move it away first")
        return self.path.is_symlink() and self.path.readlink() == self.target

    def take(self) -> None:
        """Any link that was there goes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(self.target)


@dataclass(frozen=True, slots=True)
class Gone:
    """Something of ours that is not to be there, a folder with all that is in it."""

    path: Path

    def __str__(self) -> str:
        return f"remove {self.path}"

    def is_so(self) -> bool:
        """Whether there is nothing."""
        return not self.path.is_symlink() and not self.path.exists()

    def take(self) -> None:
        """A link is removed, and never what it leads to."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class NoAccount:
    """The user and its group are not to be there any more."""

    name: str

    def __str__(self) -> str:
        return f"remove the user and group {self.name}"

    def is_so(self) -> bool:
        """Whether neither is known."""
        return not any(entry.pw_name == self.name for entry in pwd.getpwall()) and not any(
            entry.gr_name == self.name for entry in grp.getgrall()
        )

    def take(self) -> None:
        """userdel(8) takes the user's own group along, unless others are in it."""
        if any(entry.pw_name == self.name for entry in pwd.getpwall()):
            run("userdel", self.name)
        if any(entry.gr_name == self.name for entry in grp.getgrall()):
            run("groupdel", self.name)


def left(steps: Sequence[Step]) -> list[Step]:
    """Those that are still to be taken. Raises Barred."""
    return [step for step in steps if not step.is_so()]


def _known(person: str) -> None:
    try:
        pwd.getpwnam(person)
    except KeyError:
        raise Barred(f"there is no user {person} on this host: adduser {person}") from None


def _has(path: Path, mode: int, owner: str) -> bool:
    try:
        known = path.stat()
    except OSError:
        return False
    return stat.S_IMODE(known.st_mode) == mode and (known.st_uid, known.st_gid) == _numbers(owner)


def _give(path: Path, mode: int, owner: str) -> None:
    # The owner first: chown(2) may take bits of the mode away.
    os.chown(path, *(number for number in _numbers(owner) if number is not None))
    path.chmod(mode)


def _numbers(owner: str) -> tuple[int | None, int | None]:
    """The numbers of "user:group"; None for one that is not there yet."""
    user, _, group = owner.partition(":")
    try:
        return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError:
        return None, None
