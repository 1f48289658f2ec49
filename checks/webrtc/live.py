"""A recording that grows in memory, for the ear to listen to. Only for child processes (numpy)."""

from __future__ import annotations

import time

import numpy as np

from checks.telephony.audio.recording import Recording
from checks.telephony.audio.sound import RATE, Samples

# A gap as long as this is silence that was heard; shorter ones are the jitter of a browser's
# deliveries.
_BEHIND_SECONDS = 0.5
# Sound on its way through decoder and resampler is not missing.
_LAG_SECONDS = 0.25


class Live(Recording):
    """A recording that is filled in memory; where nothing came, it is silent."""

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self._buffer: Samples = np.zeros(30 * RATE, dtype=np.float32)
        self._length = 0

    def add(self, new: Samples) -> None:
        """Append samples."""
        while self._length + len(new) > len(self._buffer):
            self._buffer = np.concatenate((self._buffer, np.zeros_like(self._buffer)))
        self._buffer[self._length : self._length + len(new)] = new
        self._length += len(new)

    def refresh(self) -> bool:
        """Fill a gap of half a second or more with silence; whether there was one."""
        due = self.position_at(time.monotonic() - _LAG_SECONDS)
        if due - self._length < _BEHIND_SECONDS * RATE:
            return False
        # The far end sent nothing: to the ear that was silence, and positions must go on.
        self.add(np.zeros(due - self._length, dtype=np.float32))
        return True
