"""When a check is owed: a daily wall time of the site, or a fixed grid. The ledger remembers; this
only computes.

Rules: a slot has a key that is claimed once, ever; only the newest slot is owed, however many were
missed, and only within its grace; a wall time that the clock skips is owed at the first instant
after the gap, under its own date and time; one that comes twice is owed at its first coming.
Instants are aware UTC, lengths are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from monitor.core.local_time import instant

# Slots counted from the epoch are the same after every restart, wherever the last look happened to
# fall.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Whole milliseconds: sums of binary fractions of a second drift off the grid and would claim a slot
# twice.
_MILLISECOND = timedelta(milliseconds=1)
# Hosts that go by one clock differ by fractions of a second; NTP steps what is wrong by more than
# 128 ms (RFC 5905), and what was off by a minute was set by hand.
_PUT_RIGHT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Slot:
    """One time at which something is owed. `key` names it for ever: it is what the ledger
    claims.
    """

    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Every:
    """A grid on the UTC epoch: n · seconds + phase. Both are kept to the millisecond."""

    seconds: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        if self.seconds < 0.001 or not 0 <= self.phase < self.seconds:
            raise ValueError(
                f"{self} is not a grid: at least a millisecond apart, with a phase within one"
                " interval"
            )

    def newest(self, now: datetime) -> Slot:
        """The last slot that is not after now."""
        return self._slot(self._number(now))

    def following(self, now: datetime) -> datetime:
        """The first slot after now."""
        return self._at(self._number(now) + 1)

    def newest_at(self, now: datetime) -> datetime:
        """When that was: its key takes longer to write than all else."""
        return self._at(self._number(now))

    def _number(self, now: datetime) -> int:
        return ((now - _EPOCH) // _MILLISECOND - round(self.phase * 1000)) // round(
            self.seconds * 1000
        )

    def _at(self, number: int) -> datetime:
        milliseconds = number * round(self.seconds * 1000) + round(self.phase * 1000)
        return _EPOCH + timedelta(milliseconds=milliseconds)

    def _slot(self, number: int) -> Slot:
        at = self._at(number)
        return Slot(at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), at)


@dataclass(frozen=True, slots=True)
class Daily:
    """Wall times of a zone, every day. Two times that a gap maps to one instant are one run: the
    later key's.
    """

    times: tuple[time, ...]
    zone: str

    def __post_init__(self) -> None:
        if not self.times or any(at.tzinfo for at in self.times):
            raise ValueError("a daily timetable needs at least one wall time, without an offset")

    def newest(self, now: datetime) -> Slot:
        """The last slot that is not after now."""
        return max(
            (slot for slot in self._around(now) if slot.at <= now),
            # A gap may map two wall times to one instant (02:15 and 02:30 in spring): the later key
            # is taken, and runs once.
            key=lambda slot: (slot.at, slot.key),
        )

    def following(self, now: datetime) -> datetime:
        """The first slot after now."""
        return min(slot.at for slot in self._around(now) if slot.at > now)

    def _around(self, now: datetime) -> Iterator[Slot]:
        """The slots of the days near now: two on each side, since zones have skipped whole days."""
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for days in range(-2, 3):
            yield from _slots_of(self.times, self.zone, today + timedelta(days=days))


@lru_cache(maxsize=4096)
def _slots_of(times: tuple[time, ...], zone: str, day: date) -> tuple[Slot, ...]:
    walls = [datetime.combine(day, at) for at in times]
    return tuple(
        Slot(
            wall.isoformat(timespec="seconds" if wall.second else "minutes"),
            instant(wall, ZoneInfo(zone)),
        )
        for wall in walls
    )


Timetable = Every | Daily


def phase_seconds(name: str, seconds: float) -> float:
    """A check's own place within the interval, the same after every restart, so that checks do not
    run all at once.
    """
    interval = round(seconds * 1000)
    # Python's own hash of a text differs from process to process (PYTHONHASHSEED), so a restart
    # would move the phase.
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") % interval / 1000


def newest_owed(
    timetable: Timetable,
    now: datetime,
    last_at: datetime | None = None,
    grace_seconds: float = 21600.0,
    last_key: str = "",
) -> Slot | None:
    """The slot that is owed now, if any; `last_at` and `last_key` are the newest slot that was
    claimed.

    A start of service without history passes its own instant as `last_at`, and owes nothing older.
    Where the clock was ahead and has gone back, `last_at` lies in the future and says nothing: the
    newest slot is given, and the ledger's claim of its key decides. So a wrong clock neither
    doubles a run nor silences the checks until it is caught up. Of a grid there is no such claim:
    one that lies ahead by no more than clocks are put right by was done, and so were those before.
    """
    if isinstance(timetable, Every) and last_at is not None:
        done = timetable.newest_at(now) <= last_at
        if done and not beyond(timetable, last_at, now):
            return None
    slot = timetable.newest(now)
    if slot.key == last_key or now - slot.at > timedelta(seconds=grace_seconds):
        return None
    if (
        last_at is not None
        and not beyond(timetable, last_at, now)
        and (slot.at, slot.key) <= (last_at, last_key or slot.key)
    ):
        return None
    return slot


def beyond(timetable: Timetable | None, last_at: datetime, now: datetime) -> bool:
    """Whether the newest moment for which something was done says nothing any more, since the clock
    that it was done by has gone back: it lies ahead of now, and on a grid further than clocks are
    put right by.
    """
    if isinstance(timetable, Every):
        return last_at - now >= timedelta(seconds=min(timetable.seconds, _PUT_RIGHT_SECONDS))
    return last_at > now


def next_after(timetable: Timetable, now: datetime) -> datetime:
    """When something is owed next, strictly after now."""
    return timetable.following(now)


# A busy line or a slow round delays a run by minutes; beyond that nobody is looking.
OVERDUE_AFTER_SECONDS = 300.0


def overdue(
    timetable: Timetable | None, looked_at: datetime | None, limit_seconds: float, now: datetime
) -> bool:
    """Whether a run is later than an honest delay: its own limit, and a few minutes. What was never
    looked at, and what has no timetable, is not.
    """
    if timetable is None or looked_at is None:
        return False
    patience = timedelta(seconds=limit_seconds + OVERDUE_AFTER_SECONDS)
    # The last run lies within the slot that was owed a while ago, or it did not happen.
    return looked_at < timetable.newest(now - patience).at - timedelta(seconds=1)
