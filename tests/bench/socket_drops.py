"""Whose sockets dropped datagrams: the kernel's own counter of each UDP socket, read while a bench
runs.

A datagram that finds the receive buffer of its socket full is thrown away, and is missing in the
RTP of a call as if the way had lost it: it is the fault of whoever did not read. The kernel counts
such drops per socket (proc_net(5): the last word of a line of /proc/net/udp, the tenth is the
inode). A socket that is closed takes its counter along: it is read four times a second, so that
what was dropped within the last quarter of a second of a socket may be missing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_EVERY_SECONDS = 0.25


def counters(table: str) -> dict[str, int]:
    """Inode -> datagrams dropped, of the text of /proc/net/udp."""
    lines = (line.split() for line in table.splitlines()[1:])
    return {words[9]: int(words[-1]) for words in lines if len(words) > 12}


def sockets_of(processes: Iterable[int]) -> set[str]:
    """The inodes of what these processes have open; nothing of one that has ended."""
    found = set()
    for process in processes:
        folder = f"/proc/{process}/fd"
        with suppress(OSError):  # it ends while it is read
            for descriptor in os.listdir(folder):  # noqa: PTH208 - one that closes is no error
                with suppress(OSError):
                    target = os.readlink(f"{folder}/{descriptor}")  # noqa: PTH115 - as above
                    if target.startswith("socket:["):
                        found.add(target[8:-1])
    return found


def descendants(process: int) -> set[int]:
    """All processes below one, by the kernel's lists of children (proc_pid_task(5))."""
    found: set[int] = set()
    waiting = [process]
    while waiting:
        for file in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(OSError):  # it ends while it is read
                waiting += (new := [int(one) for one in file.read_text().split()])
                found.update(new)
    return found


class Drops:
    """Datagrams that were dropped so far, by whose sockets they were."""

    def __init__(self, far: Iterable[int]) -> None:
        """`far`: the processes of the far end, which are our children as well."""
        self._far_processes = set(far)
        self._far, self._ours = set[str](), set[str]()
        self._begun: dict[str, int] = {}
        self._latest: dict[str, int] = {}
        self.look()
        self._begun = dict(self._latest)

    @property
    def of_far_end(self) -> int:
        """Since it was made."""
        return self._sum(self._far)

    @property
    def ours(self) -> int:
        """Since it was made: of all processes below this one that are not the far end's."""
        return self._sum(self._ours)

    def _sum(self, sockets: set[str]) -> int:
        return sum(self._latest.get(one, 0) - self._begun.get(one, 0) for one in sockets)

    def look(self) -> None:
        """Read the counters, and whose the sockets are that are new."""
        now = counters(Path("/proc/net/udp").read_text(encoding="ascii"))
        if not now.keys() <= self._latest.keys():
            self._far |= sockets_of(self._far_processes)
            self._ours |= sockets_of(descendants(os.getpid()) - self._far_processes) - self._far
        self._latest.update(now)

    async def watch(self) -> None:
        """Look until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_EVERY_SECONDS)  # the counters have no event


@asynccontextmanager
async def watched(far: Iterable[int]) -> AsyncIterator[Drops]:
    """The drops while the block runs."""
    drops = Drops(far)
    watching = asyncio.create_task(drops.watch())
    try:
        yield drops
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
