"""The child's side of a process that does one thing for the daemon: takes its job, tells in JSON
lines on its standard output how it goes. Light to import: nothing but the standard library.

    {"begin": "read"}  {"end": "read"}          a stage; a new one ends the last
    {"measure": "rows", "value": 1284311}       a number; its name carries the unit
    {"note": "..."}  {"warning": "..."}         a sentence of fact; what deserves a look
    {"progress": 41.0}                          percent of the stage under way, for a terminal
    {"remember": "at", "value": ...}            for the next attempt
    {"propose": "ports", "value": ...}          what a person may accept as right
    {"plan": ["fill", "raid"]}                  the stages that will be begun
    {"fault": "disk-full", "text": "..."}       what is wrong, in the stage under way; with
                                                "origin": "local" where it is on this side
    {"blind": "..."}                            nothing can be told, and why
    {"done": {...}}                             the last event: what the check itself needs to know

events.py is the daemon's side. A child needs no care for its own end: its guard sees to it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Tell = Callable[..., None]


def telling() -> Tell:
    """A function that writes its keywords as an event, at once. Standard output is its own from now
    on: what a library prints there goes to standard error."""
    # Libraries print to standard output now and then, a driver's warning or a debug line: one such
    # line between two events would make all of it unreadable.
    line = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**facts: Any) -> None:
        line.write(json.dumps(facts, default=str) + "\n")
        # At once: what stands in a buffer when the child is killed is lost, and with it which stage
        # was under way.
        line.flush()

    return tell


def job() -> dict[str, Any]:
    """The job that the daemon has written to standard input."""
    given: dict[str, Any] = json.load(sys.stdin)
    return given


def step_back(niceness: int, idle_disk: bool = False) -> bool:
    """Go towards the end of the queues for processor and disk. False where a sandbox forbids it
    (SystemCallFilter without @resources): the work is done all the same."""
    try:
        os.nice(niceness)
    except OSError:
        return False
    return not idle_disk or _idle_disk()


def _idle_disk() -> bool:
    """The disk only when nobody else wants it (ioprio_set(2))."""
    import psutil

    try:
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
    except (OSError, psutil.Error):
        return False
    return True
