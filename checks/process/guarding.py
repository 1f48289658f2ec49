"""What the daemon tells a guard (guard.py), and what it knows of it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import Protocol

from checks.process import guard


def guard_order(
    grace_seconds: float,
    kept: tuple[int, ...],
    command: tuple[str, ...],
    environment: dict[str, str],
    identity: tuple[int, ...] = (),
    outlived: bool = False,
) -> bytes:
    """What the daemon sends first: a length, and words between NULs. `identity` is a user, a group
    and further groups; `outlived`: what the program leaves behind has guards of its own, and is
    ended when the daemon lets go only. Raises ValueError for a NUL in one."""
    settings = [
        str(grace_seconds),
        str(int(outlived)),
        ",".join(map(str, kept)),
        ",".join(map(str, identity)),
        str(len(command)),
    ]
    words = [*settings, *command, *(f"{name}={value}" for name, value in environment.items())]
    if any("\0" in word for word in words):
        raise ValueError("embedded null byte")
    body = os.fsencode("\0".join(words))
    return len(body).to_bytes(4, "big") + body


class Process(Protocol):
    """What is known of the guard: as asyncio.subprocess.Process has it."""

    @property
    def pid(self) -> int:
        """0 while it is not known."""

    @property
    def returncode(self) -> int | None:
        """The program's status; a signal is below zero."""

    @property
    def stdin(self) -> asyncio.StreamWriter | None:
        """The program's."""

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """The program's."""

    @property
    def stderr(self) -> asyncio.StreamReader | None:
        """The program's."""

    async def wait(self) -> int:
        """Until it has left."""


def kill_tree(process: int) -> None:
    """Kill a process that has a parent who reaps it, and all below it: the leaves last, so that
    none is orphaned unseen. Of one whose number is not known (0) there is nothing to kill."""
    if not process:  # kill(2) would take it for our own group
        return
    below = guard.children(process)
    with suppress(ProcessLookupError, PermissionError):  # it has ended, or is another user's
        os.kill(process, signal.SIGKILL)
    for child in below:
        kill_tree(child)
