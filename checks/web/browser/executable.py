"""Which browser: the one that was named, else the first Chromium that this host has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from checks.contract import CannotTell

# The headless shell first: Debian packages it alone, it is smaller, and needs no display.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)


def find(named: Path | None) -> Path | None:
    """The program to run, if there is one."""
    if named is not None:
        return named if named.is_file() and os.access(named, os.X_OK) else None
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def missing(named: Path | None) -> str | None:
    """What is wrong with it and what would be right, in words; None where all is well."""
    if find(named) is not None:
        return None
    wrong = f"there is no program {str(named)!r}" if named else "there is no Chromium on this host"
    return (
        f"{wrong}; install Debian's chromium-headless-shell, or name one as in browser ="
        " '/usr/bin/chromium'"
    )


def wanted(named: Path | None) -> str:
    """The path of the browser. Raises CannotTell."""
    found = find(named)
    if found is None:
        raise CannotTell(str(missing(named)))
    return str(found)
