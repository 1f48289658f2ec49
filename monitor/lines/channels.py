"""Which line has how many of our calls on it, in this process and in every other that has the same
state folder: the daemon, `reveille once` beside it, an audit by hand.

A channel is a file in the folder `lines` of the state, held by flock(2): the kernel lets go of it
however a process ends. All claims of an attempt are granted together or not at all: two that held
one each and waited for the other's would wait for ever.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from urllib.parse import quote

from checks.contract import Claim

# Nobody tells of a lock that another process lets go of; a call lasts seconds, and this costs
# nothing.
_ASK_AGAIN_SECONDS = 0.25
# The longest name of a file is 255 bytes (path_resolution(7)); the number of a channel follows.
_LONGEST_NAME = 200


Across = Callable[[Sequence[Claim]], AbstractAsyncContextManager[None]]
"""holds what was claimed against other hosts, for as long as its block runs"""


class Lines:
    """The lines, and who is on them. Survives a reload of the configuration."""

    def __init__(self, state: Path | None = None, across: Across | None = None) -> None:
        """`state` is the folder that other processes share; without it this one counts alone.
        `across` holds channels against other hosts.
        """
        self._state, self._across = state, across
        self._busy: dict[str, int] = {}
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def occupy(self, claims: Sequence[Claim]) -> AsyncIterator[None]:
        """Hold the channels that were claimed, all or none, for as long as the block runs.

        Raises OSError where they cannot be held against other processes.
        """
        async with self._freed:
            await self._freed.wait_for(
                lambda: all(self._busy.get(c.line, 0) + c.taken <= c.channels for c in claims)
            )
            for claim in claims:
                self._busy[claim.line] = self._busy.get(claim.line, 0) + claim.taken
        held: list[int] = []
        try:
            scarce = [c for c in claims if c.across_processes]
            held = await self._held_against_others(scarce)
            async with self._across(scarce) if self._across else nullcontext():
                yield
        finally:
            _let_go(held)
            async with self._freed:
                for claim in claims:
                    self._busy[claim.line] -= claim.taken
                self._freed.notify_all()

    async def _held_against_others(self, claims: Sequence[Claim]) -> list[int]:
        """Open files that hold the channels; none where no other process has this state."""
        # Who looks once before there ever was a daemon leaves nothing behind.
        if not claims or self._state is None or not self._state.is_dir():
            return []
        folder = in_state(self._state)
        while (held := _all_or_none(folder, claims)) is None:  # noqa: ASYNC110 - of a process
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        return held


def in_state(state: Path) -> Path:
    """The folder `lines` of a state folder; made if need be, for whoever owns that. Raises
    OSError.
    """
    folder = state / "lines"
    folder.mkdir(mode=0o700, exist_ok=True)
    hand_over(folder, state)
    return folder


def hand_over(path: Path, like: Path) -> None:
    """What root makes by hand is the service's too: else its own user could not use it."""
    owner = like.stat()
    if os.geteuid() == 0 and (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def file_name(line: str) -> str:
    """A line's name as that of a file: of an account at an address, too."""
    return quote(line, safe=" @")[:_LONGEST_NAME]


def _all_or_none(folder: Path, claims: Sequence[Claim]) -> list[int] | None:
    held: list[int] = []
    try:
        for claim in claims:
            wanted = len(held) + claim.taken
            for number in range(claim.channels):
                lock = _lock(folder / f"{file_name(claim.line)}.{number}")
                held += [] if lock is None else [lock]
                if len(held) == wanted:
                    break
            else:
                _let_go(held)
                return None
    except OSError:
        _let_go(held)
        raise
    return held


def _let_go(held: Sequence[int]) -> None:
    for lock in held:
        os.close(lock)


def _lock(path: Path) -> int | None:
    """An open file that holds the lock; None where somebody else does. Raises OSError."""
    # A link in our place would have root open somebody else's file.
    flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(path, flags, 0o600)
    try:
        hand_over(path, path.parent)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise
    return lock
