"""How a drill's server is started: by way of no_programs.py."""

from __future__ import annotations

import sys
from pathlib import Path

from checks.data.backup.sandbox import no_programs


def without_programs(*command: str | Path) -> list[str | Path]:
    """The command of a server that can start no program."""
    # -I and -S: nothing of the site's packages is needed, and half the time to start.
    return [sys.executable, "-I", "-S", no_programs.__file__, *command]
