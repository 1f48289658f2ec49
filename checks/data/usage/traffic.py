"""Calls at once and traffic, from a sweep over the seconds of a day. Pure; only for the child
process.

Records count whole seconds, so the sweep line stops at every second: +1 where a call begins, -1
where it ends. Intervals are half-open: who ends in the second in which another begins was never
there at once with it; a call without length was never there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.timestamps import Whole

# Busy hours are looked for at each quarter of an hour, as ITU-T E.500 measures traffic.
_STEP = 900
_HOUR = 3600


class Sweep:
    """The seconds [begin, end). Calls that began before or end after count for what lies within."""

    def __init__(self, begin: int, end: int) -> None:
        self.begin, self.seconds = begin, end - begin
        self._changes: NDArray[np.int64] = np.zeros(self.seconds + 1, np.int64)

    def add(self, starts: Whole, ends: Whole) -> None:
        """Add calls by their first and last seconds (UTC, half-open)."""
        begins = np.clip(starts - self.begin, 0, self.seconds)
        stops = np.clip(ends - self.begin, 0, self.seconds)
        # Clipped to the day; whoever has no second within it counts nowhere.
        within = stops > begins
        size = self.seconds + 1
        self._changes += np.bincount(begins[within], minlength=size)
        self._changes -= np.bincount(stops[within], minlength=size)

    def at_once(self) -> Whole:
        """How many calls there are in each second."""
        return np.cumsum(self._changes[:-1])


@dataclass(frozen=True, slots=True)
class Peak:
    """`calls` at once, for the first time at `at` (UTC seconds; None without any call), for
    `seconds` in all.
    """

    calls: int
    at: int | None
    seconds: int


@dataclass(frozen=True, slots=True)
class BusyHour:
    """The 60 minutes, at a quarter of an hour, with the most traffic: `begin` in UTC seconds."""

    begin: int | None
    call_seconds: int
    seconds: int

    @property
    def erlangs(self) -> float:
        """The mean number of calls at once in it."""
        return self.call_seconds / self.seconds if self.seconds else 0.0


def peak(sweep: Sweep) -> Peak:
    """The most calls at once."""
    levels = sweep.at_once()
    most = int(levels.max()) if len(levels) else 0
    if not most:
        return Peak(0, None, 0)
    return Peak(most, sweep.begin + int(levels.argmax()), int(np.count_nonzero(levels == most)))


def busy_hour(sweep: Sweep) -> BusyHour:
    """The first of the busiest; on a day shorter than an hour the day."""
    so_far = np.concatenate(([0], np.cumsum(sweep.at_once())))
    length = min(_HOUR, sweep.seconds)
    # From the first quarter to the last that still has a whole hour before midnight.
    begins = np.arange(0, sweep.seconds - length + 1, _STEP)
    loads = so_far[begins + length] - so_far[begins]
    if not len(loads) or not loads.max():
        return BusyHour(None, 0, length)
    best = int(loads.argmax())
    return BusyHour(sweep.begin + int(begins[best]), int(loads[best]), length)


def call_seconds(sweep: Sweep, begin: int, seconds: int) -> int:
    """The traffic of a part of the day, in seconds of calls."""
    at = begin - sweep.begin
    return int(sweep.at_once()[at : at + seconds].sum())


def erlang_b(erlangs: float, channels: int) -> float:
    """The share of attempts that find all channels taken (Erlang's first formula, by its
    recursion).
    """
    blocked = 1.0
    for number in range(1, channels + 1):
        # B(n) = A B(n-1) / (n + A B(n-1)): Erlang's own formula has factorials that no number
        # holds.
        blocked = erlangs * blocked / (number + erlangs * blocked)
    return blocked


def channels_for(erlangs: float, blocked: float = 0.01) -> int:
    """The channels that let no more than this share be refused."""
    channels, share = 0, 1.0
    while share > blocked:
        channels += 1
        share = erlangs * share / (channels + erlangs * share)
    return channels if erlangs else 0
