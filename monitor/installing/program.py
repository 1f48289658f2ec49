"""The host's own programs (systemctl, useradd, journalctl), each run once, with what it said."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

# A root's PATH under su may lack sbin, where useradd is.
_PLACES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Longer than any start of the unit takes (TimeoutStartSec=120 and a rest): who asks for less says
# so by itself.
_LONGEST_SECONDS = 300.0
_LONGEST_COMPLAINT = 300


class ProgramFault(Exception):
    """A program is not there, cannot start, or refused; its text has the program's own words."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a program has said, and the status that it left."""

    status: int
    text: str


def is_there(name: str) -> bool:
    """Whether a program is installed."""
    return shutil.which(name, path=_PLACES) is not None


def asked(*command: str, seconds: float = _LONGEST_SECONDS) -> Said:
    """What a program answers, whatever its status. Raises ProgramFault."""
    path = shutil.which(command[0], path=_PLACES)
    if path is None:
        raise ProgramFault(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            [path, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={"PATH": _PLACES, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/root")},
        )
    except subprocess.TimeoutExpired:
        raise ProgramFault(f"{' '.join(command)} was not done within {seconds:g} s") from None
    except OSError as problem:
        raise ProgramFault(f"{command[0]} cannot start: {problem.strerror}") from None
    return Said(done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace").strip())


def run(*command: str, seconds: float = _LONGEST_SECONDS) -> str:
    """Have a program do something. Raises ProgramFault where it did not."""
    said = asked(*command, seconds=seconds)
    if said.status:
        words = " ".join(said.text.split())[:_LONGEST_COMPLAINT]
        raise ProgramFault(f"{' '.join(command)}: {words or f'it ended with {said.status}'}")
    return said.text
