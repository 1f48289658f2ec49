"""Which browser: the one that was named, else the first Chromium that this host has."""

from __future__ import annotations

import ctypes
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

# `ldd` of playwright 1.65's driver/node: beyond libc and libstdc++ it wants this alone.
_OF_THE_DRIVER = "libatomic.so.1"


def find(named: Path | None) -> Path | None:
    """The program to run, if there is one."""
    if named is not None:
        return named if named.is_file() and os.access(named, os.X_OK) else None
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def missing(named: Path | None) -> str | None:
    """What is wrong with it and what would be right, in words; None where all is well."""
    if find(named) is not None:
        return _driver_lacks()
    wrong = f"there is no program {str(named)!r}" if named else "there is no Chromium on this host"
    return (
        f"{wrong}; install Debian's chromium-headless-shell, or name one as in browser ="
        " '/usr/bin/chromium'"
    )


def _driver_lacks() -> str | None:
    """Whether the driver could start: it is a program that Playwright brings along, linked with a
    library that a bare Debian has not (libatomic1), and then says nothing but that it has gone.
    """
    try:
        ctypes.CDLL(_OF_THE_DRIVER)
    except OSError:
        return (
            f"the browser's driver needs {_OF_THE_DRIVER}, which this host does not have; install"
            " Debian's libatomic1"
        )
    return None


def wanted(named: Path | None) -> str:
    """The path of the browser. Raises CannotTell."""
    found = find(named)
    if found is None:
        raise CannotTell(str(missing(named)))
    return str(found)
