"""The process that looks at the host: `python -m checks.host.child PARENT`, its job on standard
input as JSON, events on standard output as JSON lines. It runs at low priority, heavy work at the
lowest, and ends with the daemon.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module

from checks.host.collectors.collector import Blind, Look
from checks.process.child import tied_to

_NICENESS, _LIGHT_NICENESS = 19, 5


def main(parent: int) -> int:
    """Look once. The exit code is 0 also where something is wrong with the host."""
    if not tied_with_tools(parent):
        return 1
    output = sys.stdout

    def say(line: str) -> None:
        output.write(line)
        output.flush()

    job = json.load(sys.stdin)
    at = Look({**job, "monitor": parent}, say)
    step_back(at, job["heavy"])
    module = import_module(f"checks.host.collectors.{job['look']}")
    try:
        at.plan(module.STAGES)
        module.look(at)
        at.conclude()
    except Blind as why:
        say(json.dumps({"blind": str(why)}) + "\n")
    say('{"done": true}\n')
    return 0


def tied_with_tools(parent: int) -> bool:
    """End with the daemon, and take the tools along that are being run, and theirs: they are all of
    one group, which this process leads. False where the daemon is already gone.
    """
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    return tied_to(parent, signal.SIGTERM)


def step_back(at: Look, heavy: bool) -> None:
    """Heavy work goes to the end of both queues, processor and disk. A sandbox may forbid it, which
    is said.
    """
    import psutil

    try:
        os.nice(_NICENESS if heavy else _LIGHT_NICENESS)
        if heavy:
            psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
    except (OSError, psutil.Error):
        at.note("the sandbox does not let a process lower its own priority")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
