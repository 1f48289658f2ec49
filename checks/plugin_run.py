"""A plugin at work: started, given its line, heard out within bounds, ended with all that it has
started. As the monitor's own user; as another one where the monitor is root; and else by the
service for it (plugin_service.py), whose user that is.
"""

from __future__ import annotations

import asyncio
import base64
import os
import pwd
import signal
from collections.abc import Mapping
from dataclasses import dataclass

from checks.contract import CannotTell, Trace
from checks.process.events import concluded, followed
from checks.process.parent import Child, Program, started
from checks.process.service_place import installed

SERVICE = installed("plugins")
"""plugins as a user of their own, where `reveille install` has laid that down"""
ENDLESS_BYTES = 16 * 2**20
"""what prints as much is in a loop: it is ended then, and does not have to reach its time limit"""
# Nagios itself reads 8 KiB of what a plugin prints (MAX_PLUGIN_OUTPUT_LENGTH), so nothing that it
# shows is cut off here.
_MOST_BYTES = 65536
_LAST_WORDS_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be run: no shell reads the command; `line` is the standard input; `user`, "" for
    the monitor's own.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    line: bytes
    user: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """How it ended (a signal is below zero), and the first of what it said."""

    status: int
    output: bytes
    endless: bool


async def run(work: Work, trace: Trace) -> Ran:
    """Run it to its end; whoever sets a time limit cancels this. Raises CannotTell."""
    if not work.user or work.user == own_user():
        return await run_here(work)
    if os.geteuid() == 0:
        return await run_here(work, _identity(work.user))
    if not SERVICE.is_there():
        raise CannotTell(
            f"the plugin is to run as {work.user!r}, and {own_user()!r}, who runs this, may become"
            f" nobody else; `reveille install` lays down reveille-plugins.socket, by which"
            " it can"
        )
    return await _run_there(work, trace)


def own_user() -> str:
    """The name of the user who runs this, or his number where he has none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _identity(user: str) -> tuple[int, ...]:
    try:
        known = pwd.getpwnam(user)
    except KeyError:
        raise CannotTell(
            f"the plugin is to run as {user!r}, whom this host does not know; make him, as in"
            f" `useradd --system {user}`"
        ) from None
    return (known.pw_uid, known.pw_gid, *os.getgrouplist(user, known.pw_gid))


async def run_here(work: Work, identity: tuple[int, ...] = ()) -> Ran:
    """Run it as a child. Raises CannotTell."""
    try:
        child = await started(Program(work.command, work.environment, identity=identity))
    except (OSError, ValueError) as problem:
        raise CannotTell(
            f"the plugin cannot start: {getattr(problem, 'strerror', None) or problem}"
        ) from problem
    plugin = _Plugin(child)
    try:
        output = await plugin.output(work.line)
    finally:
        await child.end()
    status = child.status if child.status is not None else -int(signal.SIGKILL)
    return Ran(status, output, plugin.endless)


class _Plugin:
    """A plugin at work. Its guard kills what it leaves behind (process/guard.py)."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._kept = bytearray()
        self.endless = False

    async def output(self, line: bytes) -> bytes:
        """What it writes until it ends, bounded; `line` is its standard input."""
        giving = asyncio.create_task(self._child.give(line))
        reading = asyncio.create_task(self._read())
        try:
            await self._child.wait()
            # What it has started as another user (sudo) may hold its output open.
            await asyncio.wait({reading}, timeout=_LAST_WORDS_SECONDS)
            # What perl and python warn of on standard error is no status.
            return bytes(self._kept) if self._kept.strip() else self._child.complaint().encode()
        finally:
            giving.cancel()
            reading.cancel()

    async def _read(self) -> None:
        read = 0
        while chunk := await self._child.output.read(_MOST_BYTES):
            self._kept += chunk[: _MOST_BYTES - len(self._kept)]
            read += len(chunk)
            if read > ENDLESS_BYTES:
                self.endless = True
                self._child.let_go()
                return


async def _run_there(work: Work, trace: Trace) -> Ran:
    job = {
        "command": list(work.command),
        "environment": dict(work.environment),
        "line": work.line.decode(),
        "user": work.user,
    }
    done = concluded(await followed(SERVICE, job, trace, None), trace)
    return Ran(int(done["status"]), base64.b64decode(done["output"]), bool(done["endless"]))
