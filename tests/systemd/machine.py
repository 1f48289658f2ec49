"""A Debian or Ubuntu of its own on this machine, with a real systemd as its first process
(mmdebstrap and systemd-nspawn).

It has the loopback network and no other. Everything it starts lives in control groups of its own,
which go with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil


class System(NamedTuple):
    """What is installed in a machine, by `python` and the words that mmdebstrap takes."""

    suite: str
    python: str
    options: tuple[str, ...] = ()
    mirror: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    """arguments of its first process"""


_UBUNTU_KEYS = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
SYSTEMS = {
    "bookworm": System("bookworm", "3.11"),
    # systemd 257 takes the control groups of version 1, which a tester's host may have, only so
    # (its NEWS, 256).
    "trixie": System("trixie", "3.13", start=("SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",)),
    # Its keys are in the package ubuntu-keyring, which Debian does not have.
    "noble": System(
        "noble",
        "3.12",
        ("--components=main,universe", f"--keyring={_UBUNTU_KEYS}"),
        ("http://archive.ubuntu.com/ubuntu",),
    ),
}
SYSTEM = SYSTEMS[os.environ.get("REVEILLE_MACHINE", "bookworm")]
"""the one to test on; another than Debian 12 where REVEILLE_MACHINE names it"""

# apt for Ubuntu, whose smallest variant is without.
_PACKAGES = "apt,systemd,systemd-sysv,dbus,python3,ca-certificates"
_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
)
_HIERARCHIES = ("systemd", "unified", "memory", "pids")


class Machine:
    """One root folder, built once, booted and powered off as often as wished."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._groups: list[Path] = []
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._first = 0

    def build(self, more: str = "") -> None:
        """Unpack a minimal system, with `more` packages. Needs a mirror; half a minute."""
        _told(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={_PACKAGES},{more}".rstrip(","),
            *SYSTEM.options,
            SYSTEM.suite,
            str(self.root),
            *SYSTEM.mirror,
        )

    def put(self, path: str, content: str, mode: int = 0o644) -> Path:
        """Write a file inside."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content, encoding="utf-8")
        place.chmod(mode)
        return place

    def set_up(self, *command: str, share: Path, **environment: str) -> str:
        """Run a command in it before it is booted, on the host's network; `share` is seen as /mnt,
        read-only.
        """
        variables = [f"--setenv={name}={value}" for name, value in environment.items()]
        options = (
            "--console=pipe",
            "--resolv-conf=copy-host",
            f"--bind-ro={share}:/mnt",
            *variables,
        )
        try:
            done = self._spawn(*options, "--", *command).wait(600)
        finally:
            self._leave()
        log = self._log.read_text(encoding="utf-8", errors="replace")
        if done:
            raise RuntimeError(log)
        return log

    def boot(self) -> None:
        """Start it, and wait until systemd has come up."""
        self._spawn("--boot", "--private-network", "--console=read-only", *SYSTEM.start)
        until(lambda: self._up() in {"running", "degraded"}, 60, "systemd to come up")

    def run(self, *command: str) -> str:
        """Run a command inside, as root who has just logged in, and give what it says. Raises
        CalledProcessError, with its words.
        """
        inside = ("nsenter", "-t", str(self._first), "-m", "-u", "-i", "-n", "-p", "-C", "--")
        # The tester's own environment (a proxy, a package index) is not the machine's.
        return _told(*inside, "/usr/bin/env", "-i", *_ENVIRONMENT, *command)

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def processes(self, part: str) -> set[int]:
        """The processes in it whose command line has this part, by the host's numbers."""
        found = set[int]()
        for process in psutil.Process(self._first).children(recursive=True):
            with suppress(psutil.Error):  # it has just ended
                if part in " ".join(process.cmdline()):
                    found.add(process.pid)
        return found

    def power_off(self) -> None:
        """Shut it down and leave nothing of it on the host."""
        if self._nspawn is None:
            return
        try:
            self.run("systemctl", "poweroff")
            self._nspawn.wait(30)
        finally:
            self._leave()

    @property
    def _log(self) -> Path:
        return self.root.parent / "nspawn.log"

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        """nspawn, in control groups of its own: otherwise some of its stay among the host's."""
        self._groups = _groups(f"reveille-{os.getpid()}")
        joining = " ".join(f"echo $$ > '{group}/cgroup.procs';" for group in self._groups)
        spawning = f'{joining} exec systemd-nspawn --quiet --register=no --keep-unit "$@"'
        with self._log.open("wb") as log:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", spawning, "nspawn", "-D", str(self.root), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._nspawn

    def _leave(self) -> None:
        if self._nspawn is not None:
            self._nspawn.kill()
            self._nspawn.wait()
        self._nspawn = None
        for group in self._groups:
            _remove(group)
        self._groups = []

    def _up(self) -> str:
        if self._nspawn is None or self._nspawn.poll() is not None:
            raise RuntimeError(self._log.read_text(encoding="utf-8", errors="replace"))
        self._first = next((child.pid for child in psutil.Process(self._nspawn.pid).children()), 0)
        if not self._first:
            return ""
        try:
            return self.run("systemctl", "is-system-running").strip()
        except subprocess.CalledProcessError as error:
            return str(error.stdout).strip()


def until(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Ask until it is so; gives how long that took. Raises TimeoutError."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.1)  # another machine's state: nothing to wait on
    return time.monotonic() - began


def what_is_missing() -> str:
    """Why no machine can be booted here; "" when one can."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    tools: Sequence[str] = ("mmdebstrap", "systemd-nspawn", "nsenter")
    return ", ".join(tool for tool in tools if shutil.which(tool) is None)


def _told(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        error.add_note(done.stdout + done.stderr)
        raise error
    return done.stdout


def _groups(name: str) -> list[Path]:
    """A control group of that name in every hierarchy: one in version 2, several in version 1."""
    mounted = Path("/sys/fs/cgroup")
    parents = [
        mounted / hierarchy
        for hierarchy in _HIERARCHIES
        if (mounted / hierarchy / "cgroup.procs").exists()
    ]
    groups = [parent / name for parent in parents or [mounted]]
    for group in groups:
        group.mkdir()
    return groups


def _remove(group: Path) -> None:
    """Groups within groups, the innermost first; the last process may take a moment to go."""
    for inner in sorted(
        (path for path in group.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)
    ):
        inner.rmdir()
    group.rmdir()
