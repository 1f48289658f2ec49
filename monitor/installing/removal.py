"""The service taken away again: what was laid down goes, what is an administrator's stays."""

from __future__ import annotations

from pathlib import Path

from monitor.installing import plan
from monitor.installing.layout import (
    ALL_DROP_INS,
    CONFIGURATION,
    KEPT,
    STATE,
    UNIT,
    UNITS,
    USER,
    Program,
)
from monitor.installing.needs import TABLE
from monitor.installing.steps import Gone, NoAccount, Step

# StateDirectory= of a unit with DynamicUser= is a link to a folder of this one (systemd.exec(5)).
_PRIVATE_STATE = Path("/var/lib/private") / STATE.name


def steps(program: Program, purge: bool) -> list[Step]:
    """What is to go; with `purge` configuration, secrets, tickets, evidence and user too."""
    wanted: list[Step] = []
    if not program.packaged:
        units = dict.fromkeys((UNITS / UNIT, *plan.ours(UNITS)))
        wanted += [Gone(path) for path in units if path.exists()]
        wanted += [
            Gone(path)
            for path, target in program.links().items()
            if path.is_symlink() and path.readlink() == target
        ]
    for folder in ALL_DROP_INS:
        laid = plan.ours(folder)
        # A folder goes with all that is in it: what is said twice looks like two things.
        whole = folder.is_dir() and (purge or set(folder.glob("*")) <= set(laid))
        wanted += [Gone(folder)] if whole else [Gone(path) for path in laid]
    if purge:
        owners = [need.user for need in TABLE if need.user]
        wanted += [Gone(CONFIGURATION), Gone(STATE), Gone(_PRIVATE_STATE)]
        wanted += [Gone(KEPT), *(NoAccount(name) for name in (USER, *owners))]
    return wanted


def stays(program: Program, purge: bool) -> list[str]:
    """What is left on the host, in words."""
    kept = [] if purge else [f"{CONFIGURATION} (configuration, secrets)", f"{STATE} (tickets)"]
    if not purge:
        kept.append(f"the user {USER}")
    if not program.packaged:
        kept.append(f"the program: rm -r {program.folder}")
    return kept
