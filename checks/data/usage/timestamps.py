"""Stamps of records as whole UTC seconds, a batch at a time. Only for the child process.

A stamp is a text ("2026-11-20 10:00:00", with or without a fraction, a "T", an offset), a number of
seconds since 1970, or nothing. Rules: a wall time that comes twice (autumn) is the one nearer to
the record's own epoch, else the first; one that does not exist (spring, or a clock that was wrong)
is taken as if the clocks had not been changed. Both are told apart, so that they can be counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]
Instants = tuple[Whole, Mask, Mask]
"""UTC seconds (NEVER where there is none), which of them are ambiguous, which do not exist"""

# A stamp that is missing or unreadable: far below any instant, and far from the ends of 64 bits, so
# that sums with it do not wrap.
NEVER = -(2**62)
# The second of January 2000, UTC: 1970 and 2000 are what hardware clocks without a battery say, and
# 1970 is what switches write for an answer that never came (answer_epoch = 0).
_NO_CLOCK_BEFORE = 946_771_200
# Bytes of the longest stamp, with microseconds and an offset: 2026-11-20 10:00:00.123456+05:30.
WIDTH = 32
# A date, a time and the first bytes of what follows: no fewer columns are read.
LEAST_WIDTH = 24
# Where the digits of "2026-11-20 10:00:00" stand.
_DIGITS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
# Offsets of zones change at whole quarters of an hour: within one the offset is the same.
_QUARTER = 900
_TAIL = re.compile(
    r"(?:[.,]\d+)?(?:(?P<utc>Z| ?UTC)|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?)?"
)
# Days before each month, and the length of each, of a year without a leap day.
_MONTHS = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_LENGTHS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


def by_a_clock(instants: Whole) -> Whole:
    """NEVER for those that no clock has told."""
    return np.where(instants < _NO_CLOCK_BEFORE, NEVER, instants)


class Zone:
    """Wall times of one zone as UTC; `name` is IANA's, or "epoch" for records that count seconds
    since 1970.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._zone = ZoneInfo("UTC" if name == "epoch" else name)
        self._known: dict[int, tuple[int, int]] = {}

    def read(self, column: Sequence[Any], hint: Whole | None = None) -> Instants:
        """The instants that stamps tell. `hint` is about when they were, where that is known."""
        if self.name == "epoch":
            epochs = _numbers(column)
            return epochs, np.zeros(len(epochs), np.bool_), np.zeros(len(epochs), np.bool_)
        raw = _bytes(column)
        return self.told(np.ascontiguousarray(raw).view(np.uint8).reshape(len(raw), WIDTH), hint)

    def told(self, stamps: NDArray[np.uint8], hint: Whole | None = None) -> Instants:
        """The instants of stamps that come as rows of bytes, with zeros after their end."""
        return self._utc(*_walls(stamps), hint)

    def wall(self, epoch: int) -> str:
        """How this zone's clocks tell an instant, with its offset: what a database
        compares with.
        """
        return datetime.fromtimestamp(epoch, self._zone).isoformat(" ")

    def _utc(self, walls: Whole, offsets: Whole, hint: Whole | None) -> Instants:
        quarters, inverse = np.unique(
            np.where(walls == NEVER, 0, walls) // _QUARTER, return_inverse=True
        )
        table = np.array(
            [self._of_quarter(int(quarter)) for quarter in quarters], np.int64
        ).reshape(-1, 2)
        first, second = table[inverse, 0], table[inverse, 1]
        local = (walls != NEVER) & (offsets == NEVER)
        # PEP 495: in a repeated hour fold=1 is later by the wall clock's step back, in a gap the
        # two stand the other way round.
        twice, never = local & (first > second), local & (first < second)
        epochs = walls - np.where(offsets == NEVER, first, offsets)
        if hint is not None and twice.any():
            later = (
                twice
                & (hint != NEVER)
                & (np.abs(walls - second - hint) < np.abs(walls - first - hint))
            )
            epochs = np.where(later, walls - second, epochs)
            twice &= hint == NEVER
        return np.where(walls == NEVER, NEVER, epochs), twice, never

    def _of_quarter(self, quarter: int) -> tuple[int, int]:
        """The zone's offset at a quarter of an hour of wall time, the first and the second time
        that it comes.
        """
        if quarter not in self._known:
            wall = datetime(1970, 1, 1, tzinfo=self._zone) + timedelta(seconds=quarter * _QUARTER)
            both = [cast(timedelta, wall.replace(fold=fold).utcoffset()) for fold in (0, 1)]
            self._known[quarter] = (int(both[0].total_seconds()), int(both[1].total_seconds()))
        return self._known[quarter]


def _numbers(column: Sequence[Any]) -> Whole:
    def one(written: Any) -> int:
        try:
            seconds = int(float(written))
        except (TypeError, ValueError, OverflowError):
            return NEVER
        return seconds if abs(seconds) < 2**40 else NEVER

    return np.fromiter(map(one, column), np.int64, len(column))


def _walls(shape: NDArray[np.uint8]) -> tuple[Whole, Whole]:
    """Seconds of the wall clock since 1970, and the offset where one is written; NEVER for what is
    not there.
    """
    digits = shape[:, _DIGITS].astype(np.int64) - 48
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month, day, hour, minute, second = (
        digits[:, at] * 10 + digits[:, at + 1] for at in (4, 6, 8, 10, 12)
    )
    good = (
        ((digits >= 0) & (digits <= 9)).all(axis=1)
        & (year >= 1970)
        & (month >= 1)
        & (month <= 12)
        & (day >= 1)
    )
    month = np.where(good, month, 1)
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    good &= (
        (day <= _LENGTHS[month] + (leap & (month == 2)))
        & (hour < 24)
        & (minute < 60)
        # A leap second is written as :60; it is counted as the first second after it.
        & (second < 61)
    )
    before = year - 1
    days = (
        # The days of the Gregorian calendar since 1970: 492, 19 and 4 are its leap days, centuries
        # and fourths until then.
        (year - 1970) * 365 + (before // 4 - 492) - (before // 100 - 19) + (before // 400 - 4)
        + _MONTHS[month] + (leap & (month > 2)) + day - 1
    )  # fmt: skip
    walls = days * 86400 + hour * 3600 + minute * 60 + second
    offsets, sane = _tails(shape[:, 19:])
    return np.where(good & sane, walls, NEVER), offsets


def _bytes(column: Sequence[Any]) -> NDArray[np.bytes_]:
    try:
        return np.array(column, f"S{WIDTH}")
    except (UnicodeEncodeError, ValueError):
        # Characters beyond ASCII are in no stamp: such a word is read as one that is none.
        return np.array(
            [str(written).encode("ascii", "replace") for written in column], f"S{WIDTH}"
        )


def _tails(tails: NDArray[np.uint8]) -> tuple[Whole, Mask]:
    """What stands after the second: the offset from UTC (NEVER: none), and whether it is
    understood.
    """
    count = len(tails)
    if not tails.any():
        return np.full(count, NEVER, np.int64), np.ones(count, np.bool_)
    texts = np.ascontiguousarray(tails).view(f"S{tails.shape[1]}").reshape(count)
    # A day's records have one or two different tails: each is read once.
    different, inverse = np.unique(texts, return_inverse=True)
    understood = [_tail(text.decode("ascii", "replace")) for text in different]
    offsets = np.array([NEVER if one is None else one for one in understood], np.int64)
    return offsets[inverse], np.array([one is not None for one in understood], np.bool_)[inverse]


def _tail(text: str) -> int | None:
    match = _TAIL.fullmatch(text)
    if match is None:
        return None
    if match["utc"]:
        return 0
    if match["sign"] is None:
        return NEVER
    return (1 if match["sign"] == "+" else -1) * (
        int(match["hours"]) * 3600 + int(match["minutes"] or 0) * 60
    )


def utc(epoch: int | float) -> str:
    """An instant as it stands in the result."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
