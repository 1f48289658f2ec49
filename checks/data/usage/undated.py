"""Records that tell no time, and whether they may be of the day: by the nearest that tell one. Only
for the child process.

A file is written in the order of time. A PBX that was upgraded yesterday writes in another form
from then on: of a file of forty days that is a small share, and of the day all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checks.data.usage.timestamps import NEVER, Mask, Whole

_NONE = np.zeros(0, np.int64)


@dataclass(slots=True)
class Undated:
    """Counts them for the day [begin, end), in UTC seconds, as they come."""

    begin: int
    end: int
    near: int = 0
    """that may be of the day"""
    last: int = 0
    """of those, the ones behind which nothing tells a time until their file's end"""
    _waiting: int = 0
    _before: int = NEVER

    def take(self, starts: Whole, missing: Mask, strays: Whole = _NONE) -> None:
        """The next records in their order; before as many of them as `strays` say stood lines that
        are none.
        """
        dated = np.flatnonzero(~missing)
        which = np.concatenate((np.flatnonzero(missing), strays))
        if not len(dated):
            self.more(len(which))
            return
        times = starts[dated]
        if times[0] >= self.begin:
            self.near += self._waiting
        self._waiting = 0
        place = np.searchsorted(dated, which)
        before = np.where(place > 0, times[np.maximum(place, 1) - 1], self._before)
        inner = place < len(dated)
        after = times[np.minimum(place, len(dated) - 1)]
        self.near += int(np.count_nonzero(inner & (before < self.end) & (after >= self.begin)))
        self._before = int(times[-1])
        self.more(int(np.count_nonzero(~inner)))

    def more(self, count: int) -> None:
        """So many behind the last that told a time."""
        if self._before < self.end:
            self._waiting += count

    def file_ended(self) -> None:
        """What another file begins with says nothing of this one."""
        self.near, self.last = self.near + self._waiting, self.last + self._waiting
        self._waiting, self._before = 0, NEVER
