"""Programs that take every CPU they can get, beside a bench: what a busy host does to a probe.

Far ends run on the same host here, and elsewhere in truth: with load beside them they go before
it (SCHED_RR, sched(7)), so that the probe's processes alone are starved. Without the right to that
they are starved as well, and what they then say is no fault of the probe's; the table says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.loopback.sipp.peer import BEFORE

LEAST_TOLD_PERCENT: Mapping[int, float] = {0: 95.0, 12: 80.0, 24: 50.0}
"""busy programs -> the least share of looks that must end in a verdict other than UNKNOWN"""
_FIRST = ("chrt", "--rr", "1")


@contextmanager
def busy(programs: int, here: bool = False) -> Iterator[bool]:
    """So many of them while the block lasts, each always ready to run; gives whether far ends go
    before them. `here`: a far end is in this process too, which goes before them then, and none of
    its children.
    """
    first = programs > 0 and shutil.which("chrt") is not None and os.geteuid() == 0
    if first:
        BEFORE.set(_FIRST)
        if here:
            only_this = os.SCHED_RR | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, only_this, os.sched_param(1))
    running = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)
    ]
    try:
        yield first
    finally:
        for program in running:
            program.kill()
            program.wait()


def least_told(programs: int) -> float:
    """The target at so much load: that of the next lighter one that is named."""
    return next(LEAST_TOLD_PERCENT[one] for one in (24, 12, 0) if programs >= one)
