"""How long a disk lasts for things that grow: each by so much a day, until it is as old as it is
kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Growing:
    """Bytes now, bytes that a day adds, and for how many days it is kept (None: for good)."""

    now: float
    a_day: float
    keep_days: float | None

    @property
    def until(self) -> float:
        """In how many days it grows no more."""
        if self.keep_days is None:
            return float("inf")
        return max(0.0, self.keep_days - self.now / self.a_day) if self.a_day > 0 else 0.0

    def after(self, days: float) -> float:
        """How much it will have grown by."""
        return self.a_day * min(days, self.until) if self.a_day > 0 else 0.0


def lasts_days(things: Sequence[Growing], free: float) -> float | None:
    """In how many days `free` bytes are used up; None for never."""
    begun, used = 0.0, 0.0
    # Between two ends of growth all grow evenly.
    for end in sorted({thing.until for thing in things if thing.a_day > 0} | {float("inf")}):
        pace = sum(thing.a_day for thing in things if thing.a_day > 0 and thing.until > begun)
        left = free - used
        if pace <= 0:
            return None
        if left <= pace * (end - begun):
            return begun + max(0.0, left) / pace
        used += pace * (end - begun)
        begun = end
    return None
