"""The browser's process (`python -m checks.web.browser.process FD`): takes jobs, each with a socket
of its own.

No orphan: when the control socket closes, at SIGTERM, or when nothing was asked of it for a while,
it closes its browsers and leaves; when it is stuck, SIGALRM ends it. Its guard then ends the driver
and the browsers.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib import import_module

from checks.contract import CannotTell
from checks.process.channel import Channel, be_a_good_child
from checks.web.browser.chromium import Chromium, Stuck

JOBS: Mapping[str, str] = {
    "journey": "checks.web.browser.journey",
    "visit": "checks.web.browser.visit",
    "softphone": "checks.webrtc.browser.job",
}
"""job -> the module whose `run(chromium, channel)` does it"""
# The event loop beats once a second; only a native call that never returns lets 30 s pass.
_STUCK_SECONDS = 30
# A browser at rest keeps a few hundred megabytes: it is worth them between checks every few
# minutes, and not from a check in the morning to one in the evening.
_IDLE_SECONDS = 900.0
# Long enough for a softphone to send its BYE and hear the answer, so that no line of the customer's
# stays taken.
_FAREWELL_SECONDS = 5.0

Run = Callable[[Chromium, Channel], Awaitable[None]]


class House:
    """The browsers, and the jobs at work in them."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._browsers: dict[str, Chromium] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self._over, self._stuck = asyncio.Event(), False
        self._used = time.monotonic()

    async def run(self) -> None:
        """Take jobs until the daemon is gone, or the browser is stuck or idle for long."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._over.set)
        loop.add_reader(self._control.fileno(), self._take)
        beating = asyncio.create_task(self._beat())
        await self._over.wait()
        self._take_no_more()
        beating.cancel()
        if self._stuck:
            os._exit(1)  # a frozen browser does not end by being asked: the guard kills it
        await self._end_jobs()
        with suppress(Stuck):
            for browser in self._browsers.values():
                await browser.close()

    def _take_no_more(self) -> None:
        """Close the control socket: the daemon starts another process for the next job."""
        if self._control.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()

    async def _end_jobs(self) -> None:
        """Wait for the jobs, then cancel them. Those whose daemon is gone leave by themselves: a
        call is hung up.
        """
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=_FAREWELL_SECONDS)
        for job in self._jobs:
            job.cancel()
        if self._jobs:
            await asyncio.wait(self._jobs, timeout=1.0)

    def _take(self) -> None:
        try:
            # SEQPACKET: each message is whole and has its own descriptor (unix(7)).
            message, descriptors, _, _ = socket.recv_fds(self._control, 65536, 1)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = b"", []
        if not message:
            self._over.set()
            return
        told = json.loads(message)
        job = asyncio.create_task(self._do(told["job"], told["browser"], Channel(descriptors[0])))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _beat(self) -> None:
        """Set the alarm again each second, so that a stuck process is killed; end one that is idle
        for long.
        """
        while True:
            signal.setitimer(signal.ITIMER_REAL, _STUCK_SECONDS)
            await asyncio.sleep(1.0)
            if self._jobs:
                self._used = time.monotonic()
            elif time.monotonic() - self._used > _IDLE_SECONDS:
                self._over.set()

    async def _do(self, name: str, path: str, channel: Channel) -> None:
        try:
            # In a thread: the first import of Playwright takes about a second, in which the calls
            # of other jobs would be late.
            run: Run = (await asyncio.to_thread(import_module, JOBS[name])).run
            await run(self._browsers.setdefault(path, Chromium(path)), channel)
        except Stuck as stuck:
            self._take_no_more()  # before the daemon is told, and tries again
            channel.tell("broken", text=f"the browser is stuck: {stuck}")
            self._stuck = True
            self._over.set()
        except Exception as problem:  # noqa: BLE001 - whatever it is, the daemon is told
            text = (
                str(problem)
                if isinstance(problem, CannotTell)
                else f"{type(problem).__name__}: {problem}"
            )
            channel.tell("broken", text=text[:500])
        finally:
            channel.close()


def main() -> None:
    """Run the process until its work is over."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.setblocking(False)
    be_a_good_child()
    try:
        asyncio.run(_life(control))
    finally:
        os._exit(0)


async def _life(control: socket.socket) -> None:
    await House(control).run()


if __name__ == "__main__":
    main()
