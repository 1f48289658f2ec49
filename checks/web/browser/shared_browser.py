"""The daemon's side of the shared browser: starts its process when it is first needed, and again
when it was lost.

Each job gets a socket of its own, handed to the process over the control socket (SCM_RIGHTS):
whoever lets go of a job closes its socket, and what is left of it in the browser goes. The process
ends when the control socket closes: with the event loop that started it, or with the daemon, by
whatever way.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from asyncio.subprocess import DEVNULL
from contextlib import suppress
from weakref import WeakKeyDictionary

from checks.contract import CannotTell
from checks.process.parent import Child, python, started
from checks.transport.faults import far_faults

# Two jobs at the same time: a third page on a small monitoring host makes the figures of all three
# worse, and then the monitor measures itself.
AT_ONCE = 2
# For the process and the browser in it to be ready on a machine that is busy: the browser's own 45
# s, and Python's start.
START_SECONDS = 60.0
_END_SECONDS = 10.0
# For the browsers of a daemon that is dead: a call in one of them is hung up, then all are killed.
_ORPHAN_SECONDS = 1.5
_PROGRAM = "checks.web.browser.process"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class SharedBrowser:
    """One process with its browsers, as long as it lives."""

    def __init__(self, child: Child, control: socket.socket) -> None:
        self.child, self._control = child, control
        self._ending = asyncio.create_task(self._end_with_the_loop())

    @classmethod
    async def start(cls) -> SharedBrowser:
        """Start the process. Raises CannotTell."""
        with far_faults():
            # SEQPACKET keeps an order and its descriptor together, and tells of the end like a
            # stream does (unix(7)).
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            program = python(
                _PROGRAM,
                str(theirs.fileno()),
                kept=("HOME",),
                grace_seconds=_ORPHAN_SECONDS,
                PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD="1",
            )
            try:
                child = await started(
                    program, stdin=DEVNULL, stdout=DEVNULL, descriptors=(theirs.fileno(),)
                )
            except OSError as problem:
                ours.close()
                raise CannotTell(
                    f"engine error: the browser's process cannot start: {problem}"
                ) from problem
        ours.setblocking(False)
        return cls(child, ours)

    @property
    def lives(self) -> bool:
        """Whether jobs can be given to it."""
        return self.child.status is None and self._control.fileno() >= 0

    def hand_over(self, job: str, browser: str, descriptor: int) -> None:
        """Give it a job's socket. Raises CannotTell."""
        try:
            socket.send_fds(
                self._control, [json.dumps({"job": job, "browser": browser}).encode()], [descriptor]
            )
        except OSError as problem:
            raise CannotTell(
                f"engine error: the browser's process takes no job: {problem}"
            ) from problem

    def put_down(self) -> None:
        """Kill a process that is stuck: the next job gets a new one."""
        self.child.signal(signal.SIGKILL)

    async def end(self) -> None:
        """Let go of the process, and wait until it is gone."""
        self._ending.cancel()
        await asyncio.wait({self._ending})

    async def _end_with_the_loop(self) -> None:
        """Cancelled with everything else when the event loop ends."""
        try:
            await self.child.wait()
        finally:
            self._control.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await self.child.wait()
            await self.child.end()


_browsers: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Future[SharedBrowser]] = (
    WeakKeyDictionary()
)


async def shared_browser() -> SharedBrowser:
    """The one of this event loop, started if there is none (any more). Raises CannotTell."""
    loop = asyncio.get_running_loop()
    known = _browsers.get(loop)
    if known is None or (
        known.done() and (known.cancelled() or known.exception() or not known.result().lives)
    ):
        known = _browsers[loop] = loop.create_task(SharedBrowser.start())
    # Several checks wait for one start: that one of them is cancelled must not cancel it for the
    # others.
    return await asyncio.shield(known)


async def open_job(job: str, browser: str) -> tuple[SharedBrowser, Streams]:
    """Hand a new job over and return its socket. Raises CannotTell."""
    with far_faults():
        ours, theirs = socket.socketpair()
    with theirs:
        try:
            kept = await _handed_over(job, browser, theirs.fileno())
        except CannotTell:
            ours.close()
            raise
    # A line of the console with its stack may exceed asyncio's 64 KiB.
    return kept, await asyncio.open_unix_connection(sock=ours, limit=1 << 20)


async def _handed_over(job: str, browser: str, descriptor: int) -> SharedBrowser:
    """The process that took the job: a new one where the old is just leaving. Raises CannotTell."""
    kept = await shared_browser()
    try:
        kept.hand_over(job, browser, descriptor)
    except CannotTell:
        kept.put_down()
        await kept.child.wait()
        kept = await shared_browser()
        kept.hand_over(job, browser, descriptor)
    return kept
