"""Which Python the process of a call leg runs on. Its engine (pjsua2) has builds for CPython 3.11
and 3.12 on x86-64 only; the daemon runs on later ones, too.

    .venv/bin/python      the daemon's own, where pjsua2 is in its environment: one is enough
    .engine/bin/python    beside it, for nothing but these calls (`./reveille` makes it)

Without either, calls are UNKNOWN, and check-config names them.
"""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

FOLDER = ".engine"


@cache
def interpreter(environment: Path = Path(sys.prefix)) -> str | None:
    """The Python to start a phone with; None where this host has no engine. Looked for once: a
    daemon is started anew when it is installed anew."""
    # Found and not imported: the daemon never loads the engine.
    if find_spec("pjsua2") is not None:
        return sys.executable
    beside = environment.parent / FOLDER / "bin" / "python"
    return str(beside) if os.access(beside, os.X_OK) else None


@cache
def missing() -> str | None:
    """What this host lacks for calls by pjsua2, and what would be right, in words; None where it is
    there."""
    if interpreter() is not None:
        return None
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return (
            f"the engine of its calls (pjsua2) has no build for {platform.machine()}: they will be"
            " UNKNOWN; write kind = 'pyvoip-call', which needs none"
        )
    return (
        "the engine of its calls (pjsua2) is not here, and has no build for Python"
        f" {platform.python_version()}: they will be UNKNOWN; install Python 3.12 or 3.11 beside"
        " it and start ./reveille once more, or write kind = 'pyvoip-call', which needs none"
    )
