"""The service taken away again: what was laid down goes, what is an administrator's stays."""

from __future__ import annotations

from pathlib import Path

from monitor.installing import plan
from monitor.installing.layout import (
    CONFIGURATION,
    DROP_INS,
    KEPT,
    STATE,
    UNIT,
    UNITS,
    USER,
    Program,
)
from monitor.installing.steps import Gone, NoAccount, Step

# StateDirectory= of a unit with DynamicUser= is a link to a folder of this one (systemd.exec(5)).
_PRIVATE_STATE = Path("/var/lib/private") / STATE.name


def steps(program: Program, purge: bool) -> list[Step]:
    """What is to go; with `purge` configuration, secrets, tickets, evidence and user too."""
    wanted: list[Step] = []
    if not program.packaged:
        wanted += [Gone(path) for path in (UNITS / UNIT, *plan.ours(UNITS)) if path.exists()]
        wanted += [
            Gone(path)
            for path, target in program.links().items()
            if path.is_symlink() and path.readlink() == target
        ]
    laid = plan.ours(DROP_INS)
    wanted += [Gone(path) for path in laid]
    if DROP_INS.is_dir() and set(DROP_INS.glob("*")) <= set(laid):
        wanted.append(Gone(DROP_INS))
    if purge:
        wanted += [Gone(DROP_INS), Gone(CONFIGURATION), Gone(STATE), Gone(_PRIVATE_STATE)]
        wanted += [Gone(KEPT), NoAccount(USER)]
    return wanted


def stays(program: Program, purge: bool) -> list[str]:
    """What is left on the host, in words."""
    kept = [] if purge else [f"{CONFIGURATION} (configuration, secrets)", f"{STATE} (tickets)"]
    if not purge:
        kept.append(f"the user {USER}")
    if not program.packaged:
        kept.append(f"the program: rm -r {program.folder}")
    return kept
