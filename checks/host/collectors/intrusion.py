"""Goes through the areas of an intrusion look, and compares each with what was accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from checks.host.collectors.accounts import accounts, keys
from checks.host.collectors.baseline import files
from checks.host.collectors.boot import boot, processes, temporary
from checks.host.collectors.collector import Look, TimeOver
from checks.host.collectors.delta import Delta
from checks.host.collectors.log_ins import log_ins
from checks.host.collectors.package_files import aide, packages
from checks.host.collectors.packages import Packages
from checks.host.collectors.privileged import privileged
from checks.host.collectors.rootkits import rootkits
from checks.host.collectors.schedules import schedules

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
    try:
        for area in wanted:
            with at.stage(area):
                _AREAS[area](at, delta)
    except TimeOver:
        delta.conclude()
        raise
    at.propose("versions", dict(sorted(delta.packages.versions.items())))
    delta.conclude()
