"""The upgrade of the Debian package: `python -m monitor.installing.packaged`, run by its postinst
once dpkg has put the new files in the place of the old ones, which its preinst has kept.

The same steps as `reveille upgrade`, and the same way back. Exit code 1: the old one runs again.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from monitor.clock import SystemClock
from monitor.config import ConfigurationFaults, load_sites, together
from monitor.installing import service
from monitor.installing.layout import CONFIGURATION, KEPT, PACKAGED, this_program
from monitor.installing.program import ProgramFault
from monitor.installing.steps import Barred
from monitor.installing.upgrade import Before, NotUpgraded, change, go_back, kept
from monitor.ledger import LedgerFault

BEFORE = KEPT / "package"
"""where preinst keeps the program and the units of the version before"""
_UNITS = Path("/lib/systemd/system")
# As `reveille upgrade` waits where nobody says otherwise.
_WITHIN_SECONDS = 120.0


def main() -> int:
    """Have the new program run, or the old one again."""
    replaced = ((BEFORE / "program", PACKAGED), *_units())
    try:
        configuration = together(load_sites(CONFIGURATION / "reveille.toml"))
        moment = f"{SystemClock().now():%Y%m%dT%H%M%SZ}"
        before = replace(kept(this_program(), configuration, moment), packaged=replaced)
    except (ConfigurationFaults, LedgerFault, OSError) as problem:
        return _back(Before(BEFORE, BEFORE / "none", {}, replaced), str(problem))
    try:
        change(before, this_program(), configuration, _WITHIN_SECONDS, _say)
    except (LedgerFault, ProgramFault, Barred, OSError) as problem:
        return _back(before, str(problem))
    except NotUpgraded as problem:
        _say(str(problem))
        return 1
    _say(f"upgraded: {service.state().status or 'the service is ready'}")
    return 0


def _units() -> tuple[tuple[Path, Path], ...]:
    return tuple((path, _UNITS / path.name) for path in sorted((BEFORE / "units").glob("*")))


def _back(before: Before, why: str) -> int:
    _say(f"the new one was not put into force: {why}")
    try:
        go_back(before, _WITHIN_SECONDS, _say)
    except (NotUpgraded, ProgramFault, OSError) as problem:
        _say(str(problem))
    return 1


def _say(line: str) -> None:
    sys.stderr.write(f"reveille: {line}\n")


if __name__ == "__main__":
    sys.exit(main())
