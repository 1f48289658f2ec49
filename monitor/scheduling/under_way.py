"""Which looks are under way, kept where a kill leaves it: a restart does not begin with the look
that stopped the daemon before.

A look that holds the loop has no heartbeat; the watchdog kills the daemon after a minute, and what
was owed then would be owed first again: one far end would keep the monitor in a circle. So a look
that was cut off by a death waits, longer with each death in a row, and everything else goes first.

Rules: a write is one into memory that the kernel keeps for us (mmap), since there are ten thousand
looks a minute; no name is lost by a kill, and nothing of this has to outlive the host.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SLOTS, _SIZE = 512, 128
_RUNS, _WAITS = b"r", b"w"
# The first may be a kill by hand, in which any look may be caught. From the second on it is
# suspect: the watchdog gives a daemon that hangs a minute, and so much must others have.
WAITS_SECONDS = (15.0, 120.0, 600.0, 3600.0)


class UnderWay:
    """The looks under way of one state folder. Raises OSError where the file cannot be had."""

    def __init__(self, file: Path) -> None:
        # O_NOFOLLOW: whoever may write here leads us nowhere.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(file, flags, 0o600)
        try:
            os.ftruncate(descriptor, _SLOTS * _SIZE)
            self._kept = mmap.mmap(descriptor, _SLOTS * _SIZE)
        finally:
            os.close(descriptor)
        self._times: dict[str, int] = {}
        self._slot_of: dict[str, int] = {}
        self._free = set(range(_SLOTS))
        for slot in range(_SLOTS):
            self._take_over(slot)

    def interrupted(self) -> dict[str, float]:
        """The looks that deaths have cut off, and for how many seconds each is to wait."""
        last = len(WAITS_SECONDS) - 1
        return {name: WAITS_SECONDS[min(times - 1, last)] for name, times in self._times.items()}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """A look is under way for as long as the block runs, whatever ends it but a death."""
        slot = self._slot_of.get(name)
        if slot is None and not self._free:
            yield  # more at once than anybody configures
            return
        if slot is None:
            slot = self._slot_of[name] = self._free.pop()
        self._write(slot, _RUNS, self._times.get(name, 0), name)
        try:
            yield
        finally:
            self._kept[slot * _SIZE : (slot + 1) * _SIZE] = bytes(_SIZE)
            self._times.pop(name, None)
            self._slot_of.pop(name, None)
            self._free.add(slot)

    def close(self) -> None:
        """Let go of the file."""
        self._kept.close()

    def _take_over(self, slot: int) -> None:
        written = self._kept[slot * _SIZE : (slot + 1) * _SIZE]
        if written[:1] not in (_RUNS, _WAITS):
            return
        name = written[2:].rstrip(b"\0").decode("utf-8", "replace")
        times = min(written[1] + (written[:1] == _RUNS), 255)
        self._times[name] = max(times, self._times.get(name, 0))
        self._slot_of[name] = slot
        self._free.discard(slot)
        # It waits now: a death meanwhile is none of its doing.
        self._write(slot, _WAITS, times, name)

    def _write(self, slot: int, state: bytes, times: int, name: str) -> None:
        line = state + bytes([times]) + name.encode()
        self._kept[slot * _SIZE : (slot + 1) * _SIZE] = line[:_SIZE].ljust(_SIZE, b"\0")
