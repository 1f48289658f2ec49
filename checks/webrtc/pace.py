"""The clock of a softphone's microphone: when each frame of 20 ms is due, and how many did not
leave in time. Time is an argument, in monotonic seconds.
"""

from __future__ import annotations

FRAME_SECONDS = 0.02
# 200 ms: after a longer stand-still the lost time is skipped, not caught up in a burst.
_SKIPPED_FRAMES = 10
# 60 ms: what jitter buffers are usually filled to; what comes later has no place any more.
_LATE_FRAMES = 3
# Ten seconds of them: in a short call one hiccup is no sickness.
_FEWEST_FRAMES = 500


class Pace:
    """Frames of one microphone, from the first that is asked for."""

    def __init__(self) -> None:
        self._due: float | None = None
        self._sent = 0
        self._unsent = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next frame is due, which leaves then; 0 where that is over."""
        late = 0.0 if self._due is None else (now - self._due) / FRAME_SECONDS
        if self._due is None or late > _SKIPPED_FRAMES:
            # The lost time is never said: as many frames are missing.
            self._unsent += late
            self._due = now
        elif late > _LATE_FRAMES:
            # It leaves, and the far end has played something else in its stead.
            self._unsent += 1
        wait = max(0.0, self._due - now)
        self._due += FRAME_SECONDS
        self._sent += 1
        return wait

    @property
    def unsent_percent(self) -> float:
        """Frames that were due and did not leave in time, of those due (of ten seconds of them at
        least).
        """
        return min(100.0, 100 * self._unsent / max(self._sent + self._unsent, _FEWEST_FRAMES))
