"""Looks for pending updates; nothing is downloaded and nothing is changed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked, listed
from checks.host.collectors.program import run

STAGES = ("lists", "updates", "restart")
_DAY_SECONDS = 86400.0
_SECONDS = 100.0
# Of apt, dnf and dnf5: the age of the newest file is that of the last `update`.
_LISTS = (Path("/var/lib/apt/lists"), Path("/var/cache/dnf"), Path("/var/cache/libdnf5"))
# Written by the scripts of update-notifier and unattended-upgrades on Debian and Ubuntu.
_RESTART = (Path("/run/reboot-required"), Path("/var/run/reboot-required"))


def look(at: Look) -> None:
    """Look at the lists' age, the waiting updates and a restart that is due."""
    with at.stage("lists"):
        lists(at)
    with at.stage("updates"):
        updates(at)
    with at.stage("restart"):
        restart(at)


def lists(at: Look) -> None:
    """How old the package manager's knowledge is."""
    files = [
        file.stat().st_mtime for folder in _LISTS if folder.is_dir() for file in folder.iterdir()
    ]
    if not files:
        raise NotLooked("there are no lists of packages: nobody has ever asked for updates")
    age = max(0.0, at.now - max(files))
    at.measure("lists_days", age / _DAY_SECONDS)
    if age > at.settings["lists_age"]:
        at.fault("stale-lists", f"the lists of packages are {age / _DAY_SECONDS:.0f} days old")


def updates(at: Look) -> None:
    """What waits, and since when it was seen to."""
    if shutil.which("apt-get"):
        every, security = _of_apt(
            # -s only simulates, and needs no rights; dist-upgrade, since a new kernel is a new
            # package and no upgrade of one.
            run(["apt-get", "-s", "-qq", "dist-upgrade"], min(_SECONDS, at.left())).output
        )
    elif shutil.which("dnf"):
        every, security = _of_dnf(at)
    else:
        raise NotLooked("this host has neither apt-get nor dnf")
    at.measure("updates", len(every))
    at.measure("security_updates", len(security))
    wait(at, security)


def wait(at: Look, security: list[str]) -> None:
    """Since when each was seen to wait."""
    before = at.recalled.get("waiting", {})
    waiting = {name: before.get(name, at.now) for name in security}
    at.remember("waiting", waiting)
    if not security:
        return
    longest = at.now - min(waiting.values())
    at.measure("longest_wait_days", longest / _DAY_SECONDS)
    text = (
        f"{len(security)} security updates wait, the oldest for {longest / _DAY_SECONDS:.0f} days:"
        f" {listed(security)}"
    )
    if longest > at.settings["patience"]:
        at.fault("security-updates", text)
    else:
        at.warning(text)


def restart(at: Look) -> None:
    """Whether an update waits for a restart."""
    due = any(path.exists() for path in _RESTART)
    if not due and shutil.which("needs-restarting"):
        # needs-restarting(1): status 1 when a restart is due.
        command = ["needs-restarting", "-r"]
        due = run(command, min(_SECONDS, at.left()), answers=(0, 1)).status == 1
    at.measure("restart_due", float(due))
    if due:
        at.warning("a restart is due: an update waits for it")


def _of_apt(said: str) -> tuple[list[str], list[str]]:
    """Names of all updates and of those of security, of `Inst NAME [OLD] (NEW ORIGINS
    [ARCHITECTURE])`.
    """
    lines = re.findall(r"^Inst (\S+) \[[^]]*\] \(\S+ ([^)]*)\)", said, re.M)
    return [name for name, _ in lines], [
        name for name, origins in lines if "security" in origins.lower()
    ]


def _of_dnf(at: Look) -> tuple[list[str], list[str]]:
    return _listed_by_dnf(at), _listed_by_dnf(at, "--security")


def _listed_by_dnf(at: Look, *only: str) -> list[str]:
    """Names of updates, of lines such as `FEDORA-2026-1 Important/Sec. kernel-6.1.2-1.x86_64`."""
    said = run(
        ["dnf", "-q", "--cacheonly", "updateinfo", "list", *only], min(_SECONDS, at.left())
    ).output
    return sorted({line.split()[-1] for line in said.splitlines() if line.strip()})
