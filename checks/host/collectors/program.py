"""The native tools, as children of the looking process: one command, its output, its status. They
inherit its low priority and are of its group, so that they end with it.

Rules: no shell, an environment of their own in English, nothing on standard input unless given, a
bounded output. A tool that cannot answer is not the thing's fault: every caller says which statuses
are an answer, and any other is NotLooked with the tool's own words.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.host.collectors.collector import NotLooked

# Never the daemon's PATH: under systemd it may lack sbin, where smartctl and postqueue are.
PLACES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_BYTES = 16 << 20
_LONGEST_COMPLAINT = 300
_CAP_DAC_READ_SEARCH = 2
# strerror(3) of EAFNOSUPPORT, EACCES and EPERM: what a tool says that a hardened unit bars.
_BARRED = re.compile(r"Address family not supported|Permission denied|Operation not permitted")


@dataclass(frozen=True, slots=True)
class Done:
    """What a program has said, and the status that it left."""

    status: int
    output: str
    complaints: str


def found(name: str) -> str:
    """The path of a program. Raises NotLooked where it is not installed."""
    path = shutil.which(name, path=PLACES)
    if path is None:
        raise NotLooked(f"{name} is not installed", missing=True)
    return path


def run(
    command: Sequence[str],
    seconds: float,
    given: bytes | None = None,
    *,
    answers: Collection[int] = (0,),
) -> Done:
    """Run a program that is installed. `answers`: the statuses with which it has answered, by its
    manual. Raises NotLooked: it is not there, cannot start, is not done in time, or leaves with
    another status.
    """
    path = found(command[0])
    try:
        done = subprocess.run(
            [path, *command[1:]],
            input=given,
            stdin=None if given is not None else subprocess.DEVNULL,
            capture_output=True,
            timeout=max(0.1, seconds),
            check=False,
            env={
                "PATH": PLACES,
                # English words and plain numbers, which the patterns here expect; file names stay
                # UTF-8.
                "LC_ALL": "C.UTF-8",
                "HOME": os.environ.get("HOME", "/nonexistent"),
            },
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        raise NotLooked(f"{command[0]} was not done within {seconds:.0f} s") from None
    except OSError as problem:
        raise NotLooked(f"{command[0]} cannot start: {problem.strerror}") from None
    if done.returncode not in answers:
        raise NotLooked(_unanswered(command[0], done))
    return Done(done.returncode, _text(done.stdout), _text(done.stderr))


def _unanswered(name: str, done: subprocess.CompletedProcess[bytes]) -> str:
    """How a tool ended that has not answered: a signal, or a status, with its last words."""
    ended = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
    words = " ".join((_text(done.stderr) or _text(done.stdout)).split())
    if _BARRED.search(words) and not _reads_all():
        return (
            f"{name} is not let within the walls of this service; `reveille install` lays down"
            f" host.conf, whose unit may: {words[-_LONGEST_COMPLAINT:]}"
        )
    return f"{name} gave no answer ({ended}){': ' if words else ''}{words[-_LONGEST_COMPLAINT:]}"


def _reads_all() -> bool:
    """Whether this process has the right of the unit of the looks (capabilities(7))."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    effective = re.search(r"(?m)^CapEff:\s*([0-9a-f]+)$", status)
    return effective is not None and bool(int(effective[1], 16) >> _CAP_DAC_READ_SEARCH & 1)


def _text(output: bytes) -> str:
    return output[:_MOST_BYTES].decode("utf-8", "replace")
