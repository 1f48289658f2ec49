"""Goes through the areas of an intrusion look, and compares each with what was accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from checks.host.looks.accounts import accounts, keys
from checks.host.looks.baseline import files
from checks.host.looks.boot import boot, processes, temporary
from checks.host.looks.delta import Delta
from checks.host.looks.log_ins import log_ins
from checks.host.looks.look import Look
from checks.host.looks.package_files import aide, packages
from checks.host.looks.packages import Packages
from checks.host.looks.privileged import privileged
from checks.host.looks.rootkits import rootkits
from checks.host.looks.schedules import schedules

_AREAS: Mapping[str, Callable[[Look, Delta], None]] = {
    "accounts": accounts,
    "keys": keys,
    "schedules": schedules,
    "boot": boot,
    "processes": processes,
    "log-ins": log_ins,
    "privileged": privileged,
    "temporary": temporary,
    "files": files,
    "packages": packages,
    "aide": aide,
    "rootkits": rootkits,
}
STAGES = tuple(_AREAS)


def look(at: Look) -> None:
    """The areas that are wanted, the cheap ones first."""
    delta = Delta(at, Packages(Path(at.settings["root"])))
    wanted = [area for area in STAGES if area in at.settings["areas"]]
    at.plan(wanted)
    for area in wanted:
        with at.stage(area):
            _AREAS[area](at, delta)
    at.propose("versions", dict(sorted(delta.packages.versions.items())))
    delta.conclude()
