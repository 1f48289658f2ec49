"""The process that looks at the host: `python -m checks.host.child`, at low priority, heavy work at
the lowest (see process/child.py for what it tells).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from checks.host.collectors.collector import Blind, Look, TimeOver
from checks.process.child import Tell, job, step_back, telling

# A scan of the disk takes what nobody else wants; a light look is only a little behind the
# telephone system, or a busy host would never be looked at.
_NICENESS, _LIGHT_NICENESS = 19, 5


def main() -> int:
    """Look once. The exit code is 0 also where something is wrong with the host."""
    return looked(job(), telling())


def looked(wanted: Mapping[str, Any], tell: Tell) -> int:
    """Do a job, and tell how it goes."""
    at = Look(wanted, tell)
    heavy = wanted["heavy"]
    if not step_back(_NICENESS if heavy else _LIGHT_NICENESS, idle_disk=heavy):
        at.note("the sandbox does not let a process lower its own priority")
    module = import_module(f"checks.host.collectors.{wanted['look']}")
    try:
        at.plan(module.STAGES)
        try:
            module.look(at)
        except TimeOver:
            at.broken_off()
        at.conclude()
    except Blind as why:
        tell(blind=str(why))
    tell(done={})
    return 0


if __name__ == "__main__":
    sys.exit(main())
