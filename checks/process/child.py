"""The child's side of a process that does one thing for the daemon (the daemon's is child.py): it
ends with the daemon, and tells in JSON lines on a private fd. Light to import: nothing but the
standard library.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
from collections.abc import Callable
from typing import Any

_PR_SET_PDEATHSIG = 1
Tell = Callable[..., None]


def tied_to(parent: int, end: signal.Signals = signal.SIGKILL) -> bool:
    """Have the kernel send `end` to this process when its parent dies. False where the parent is
    already gone: of a death before this call it tells nobody, so that is looked at afterwards.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, end, 0, 0, 0)
    return os.getppid() == parent


def telling(told: int) -> Tell:
    """A function that writes its keywords to the descriptor, a line at once; it stays open until
    the process ends.
    """
    line = os.fdopen(told, "w", encoding="utf-8", closefd=False)

    def tell(**facts: Any) -> None:
        line.write(json.dumps(facts) + "\n")
        line.flush()

    return tell
