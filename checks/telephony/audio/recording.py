"""What is heard and said in a call, while it runs: the engine's growing WAV files read from their
tail.

The engine writes 4096 bytes about every quarter of a second; its WAV header is not valid before the
end, so the samples are read raw from byte 44. Only for child processes (numpy).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from checks.telephony.audio.sound import RATE, Samples, from_pcm, write_wav

# The canonical RIFF header with one fmt chunk, as the engine writes it.
_HEADER = 44
# Two minutes each: a held call may last an hour, and an exhibit must be kept for weeks.
_FIRST = 120 * RATE
_LAST = 120 * RATE


class Recording:
    """One direction; `started_at` is the monotonic time of its first sample."""

    def __init__(self, path: Path, started_at: float) -> None:
        self.path, self.started_at = path, started_at
        self._read = 0
        self._buffer: Samples = np.zeros(30 * RATE, dtype=np.float32)
        self._length = 0

    def refresh(self) -> bool:
        """Take in what was written since; whether there was anything."""
        try:
            with self.path.open("rb") as file:
                # The header's length fields are zero until the engine closes the file, so that
                # `wave` refuses it.
                file.seek(_HEADER + self._read)
                raw = file.read()
        except FileNotFoundError:
            return False
        new = from_pcm(raw)
        self._read += len(new) * 2
        # Doubled when it is full, a long call's buffer copies each sample about twice.
        while self._length + len(new) > len(self._buffer):
            self._buffer = np.concatenate((self._buffer, np.zeros_like(self._buffer)))
        self._buffer[self._length : self._length + len(new)] = new
        self._length += len(new)
        return len(new) > 0

    @property
    def samples(self) -> Samples:
        """All samples that were taken in so far."""
        return self._buffer[: self._length]

    def time_of(self, position: int) -> float:
        """The monotonic time of a sample."""
        return self.started_at + position / RATE

    def position_at(self, at: float) -> int:
        """The sample of a monotonic time; 0 before the recording."""
        return max(0, round((at - self.started_at) * RATE))


def bound(samples: Samples) -> Samples:
    """At most four minutes of the samples: the first two and the last two."""
    if len(samples) <= _FIRST + _LAST:
        return samples
    return np.concatenate((samples[:_FIRST], samples[-_LAST:]))


def write_both(path: Path, heard: Recording, said: Recording) -> None:
    """Write the exhibit: left is what was heard, right is what was said."""
    write_wav(path, bound(heard.samples), bound(said.samples))
