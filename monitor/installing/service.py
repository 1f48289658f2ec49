"""The service as systemd sees it: started, ready or not, and why not."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from monitor.installing.layout import UNIT
from monitor.installing.program import ProgramFault, asked, run

# sd_booted(3): the folder is there where systemd is the first process, and nowhere else.
_BOOTED = Path("/run/systemd/system")
# Where systemd hands a service its credentials, at its start alone (systemd.exec(5)).
_HANDED = Path("/run/credentials")
# A broken configuration ends the daemon after a second, and systemd starts it again 5 s later:
# that often is no mishap any more.
_RESTARTS = 2
_ASK_SECONDS = 0.25
_PROPERTIES = ("ActiveState", "SubState", "MainPID", "NRestarts", "Result", "StatusText")


@dataclass(frozen=True, slots=True)
class State:
    """What systemd says of the service."""

    active: str
    sub: str
    pid: int
    restarts: int
    result: str
    status: str

    @property
    def ready(self) -> bool:
        """READY=1 was said: configuration read, ledger open."""
        return self.active in ("active", "reloading")


def booted() -> bool:
    """Whether a systemd runs this host."""
    return _BOOTED.is_dir()


def state(unit: str = UNIT) -> State:
    """As it is now. Raises ProgramFault."""
    said = run("systemctl", "show", "--property", ",".join(_PROPERTIES), unit, seconds=30)
    found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    return State(
        found.get("ActiveState", ""),
        found.get("SubState", ""),
        int(found.get("MainPID") or 0),
        int(found.get("NRestarts") or 0),
        found.get("Result", ""),
        found.get("StatusText", ""),
    )


def reread() -> None:
    """Have systemd read the units again. Raises ProgramFault."""
    run("systemctl", "daemon-reload", seconds=60)


def enable(unit: str = UNIT) -> None:
    """From the next boot on it starts by itself. Raises ProgramFault."""
    run("systemctl", "enable", "--quiet", unit, seconds=60)


def stop(unit: str = UNIT) -> None:
    """End it; it hangs up its calls. Raises ProgramFault."""
    run("systemctl", "stop", unit, seconds=60)


def ended(action: str, unit: str = UNIT) -> None:
    """stop or disable it; a unit that systemd does not know is off. Raises ProgramFault."""
    if asked("systemctl", "cat", unit, seconds=30).status == 0:
        run("systemctl", action, "--quiet", unit, seconds=60)


def start(within: float, unit: str = UNIT) -> str:
    """Start it anew and wait until it is ready: "", or why it is not. Raises ProgramFault."""
    # A count of restarts from before would be taken for this start's.
    asked("systemctl", "reset-failed", unit, seconds=30)
    run("systemctl", "--no-block", "restart", unit, seconds=30)
    ends = time.monotonic() + within
    while True:
        seen = state(unit)
        if seen.ready and seen.sub == "running":
            return ""
        if seen.restarts >= _RESTARTS:
            return f"it ended {seen.restarts + 1} times while it started ({seen.result})"
        if time.monotonic() > ends:
            return f"it was not ready within {within:g} s"
        time.sleep(_ASK_SECONDS)


def stale(folders: Iterable[Path], secrets: Iterable[Path]) -> bool:
    """Whether what runs was started before a folder that it writes into was there, or before a
    secret was written: a start gives it both, a reload neither (systemd.exec(5)).
    """
    seen = state()
    try:
        mounts = Path(f"/proc/{seen.pid}/mountinfo").read_text(encoding="utf-8")
        handed = (_HANDED / UNIT).stat().st_mtime if (_HANDED / UNIT).exists() else 0.0
    except OSError:
        return False
    # Field 5 of a line is the mount point, spaces as \040 (proc(5)).
    points = {line.split()[4].replace("\\040", " ") for line in mounts.splitlines()}
    there = (folder for folder in folders if folder.is_dir())
    return any(str(folder) not in points for folder in there) or any(
        secret.stat().st_mtime > handed for secret in secrets
    )


def reload(unit: str = UNIT) -> str:
    """Have it read its configuration again: "", or what it says against it."""
    try:
        run("systemctl", "reload", unit, seconds=60)
    except ProgramFault as problem:
        return str(problem)
    return ""


def last_words(unit: str = UNIT, lines: int = 8) -> list[str]:
    """The end of its journal: the daemon's own words, or systemd's where it has said nothing."""
    reading = ("journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-b")
    try:
        own = asked(*reading, f"_SYSTEMD_UNIT={unit}").text.splitlines()
        return own or asked(*reading, "-u", unit).text.splitlines()
    except ProgramFault as problem:
        return [str(problem)]
