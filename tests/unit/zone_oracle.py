"""Wall clocks out of the zone files themselves (TZif, RFC 8536), for the tests: no zoneinfo, and
nothing of the product's. Times are whole seconds since 1970 UTC.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

# Where Python looks too (PEP 615): the system's own, then the package.
FOLDERS = (Path("/usr/share/zoneinfo"), Path(str(files("tzdata"))) / "zoneinfo")
DAY = 86400
# std offset [dst [offset] , start [/time] , end [/time]] (POSIX 1003.1 section 8.3, RFC 8536 3.3.1)
_RULE = re.compile(
    r"(?:<[^>]+>|[A-Za-z]+)(?P<std>[+-]?[\d:]+)"
    r"(?:(?:<[^>]+>|[A-Za-z]+)(?P<dst>[+-]?[\d:]+)?,(?P<start>[^,]+),(?P<end>[^,]+))?"
)


@dataclass
class Zone:
    """The changes of one zone, each with the offset from UTC (in seconds) from it on, and the rule
    for what comes after the last.
    """

    changes: list[tuple[int, int]]
    first: int
    rule: str

    def offset(self, at: int) -> int:
        """How far the wall clock is ahead of UTC at an instant."""
        if self.changes and at >= self.changes[-1][0] and self.rule:
            return _by_rule(self.rule, at)
        for since, offset in reversed(self.changes):
            if since <= at:
                return offset
        return self.first


def read(name: str) -> Zone:
    """A zone of the tz database."""
    told = next(folder / name for folder in FOLDERS if (folder / name).exists()).read_bytes()
    # The first block has times of 32 bits; the second, of 64, follows it.
    _, rest = _block(told, 4)
    (changes, first), after = _block(rest, 8)
    return Zone(changes, first, after.decode().strip("\n"))


def _block(told: bytes, size: int) -> tuple[tuple[list[tuple[int, int]], int], bytes]:
    assert told[:4] == b"TZif"
    utc, std, leaps, times, types, letters = struct.unpack(">6L", told[20:44])
    at = 44
    moments = struct.unpack(f">{times}{'q' if size == 8 else 'l'}", told[at : at + times * size])
    at += times * size
    kinds = told[at : at + times]
    at += times
    offsets = [struct.unpack(">l", told[at + 6 * n : at + 6 * n + 4])[0] for n in range(types)]
    at += 6 * types + letters + leaps * (size + 4) + std + utc
    changes = [(moment, offsets[kind]) for moment, kind in zip(moments, kinds, strict=True)]
    return (changes, offsets[0]), told[at:]


def _by_rule(rule: str, at: int) -> int:
    # In each hemisphere summer lies on the other side of New Year; no rule changes within a day
    # of it, so the year of UTC is the year of the wall clock.
    standard, summer, begins, ends = _changes(rule, _year(at))
    if begins < ends:
        return summer if begins <= at < ends else standard
    return standard if ends <= at < begins else summer


@cache
def _changes(rule: str, year: int) -> tuple[int, int, int, int]:
    """Both offsets, and when summer time begins and ends in a year."""
    found = _RULE.fullmatch(rule)
    assert found, rule
    # POSIX counts west of Greenwich.
    standard = -_seconds(found["std"])
    if not found["start"]:
        return standard, standard, 0, 0
    summer = -_seconds(found["dst"]) if found["dst"] else standard + 3600
    begins = _moment(found["start"], year) - standard
    return standard, summer, begins, _moment(found["end"], year) - summer


def _seconds(written: str) -> int:
    sign = -1 if written[0] == "-" else 1
    hours, minutes, seconds = (*map(int, written.lstrip("+-").split(":")), 0, 0)[:3]
    return sign * (hours * 3600 + minutes * 60 + seconds)


def _moment(written: str, year: int) -> int:
    """The wall time of a change, as if it were UTC: "M3.5.0/2" is 02:00 on the last Sunday."""
    day, _, time = written.partition("/")
    month, week, weekday = map(int, day.removeprefix("M").split("."))
    first = days_to(year, month)
    # 1970-01-01 was a Thursday; 0 is Sunday here.
    ahead = (weekday - (first + 4)) % 7
    found = first + ahead + 7 * (week - 1)
    length = days_to(year + month // 12, month % 12 + 1) - first
    while found >= first + length:
        found -= 7
    return found * DAY + (_seconds(time) if time else 7200)


@cache
def days_to(year: int, month: int) -> int:
    """The days from 1970-01-01 to the first of a month, counted."""
    days = sum(366 if leap(one) else 365 for one in range(1970, year))
    lengths = (31, 29 if leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return days + sum(lengths[: month - 1])


def leap(year: int) -> bool:
    """Whether a year has a 29th of February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _year(at: int) -> int:
    year = 1969 + at // (366 * DAY)
    while days_to(year + 1, 1) * DAY <= at:
        year += 1
    return year
