"""A local calendar day as an interval of UTC seconds, half-open: 23, 24 or 25 hours long, whatever
the clocks did.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - a day has a date of its own
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_HOUR = 3600
# No zone has moved its clocks by more at a midnight; zones that skipped a whole day did it
# elsewhere.
_LONGEST_GAP = 3 * _HOUR


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of a day; `label` is the wall clock at its beginning, `begin` UTC seconds."""

    label: str
    begin: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Day:
    """`begin` and `end` are UTC seconds since 1970."""

    date: Date
    zone: str
    begin: int
    end: int

    @classmethod
    def of(cls, date: Date, zone: str) -> Day:
        """The day of this date in this zone (IANA name)."""
        return cls(date, zone, _midnight(date, zone), _midnight(date + timedelta(days=1), zone))

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.begin

    def hours(self) -> tuple[Hour, ...]:
        """Hour by hour from its beginning. In autumn a label comes twice, so it carries the offset
        ("01:00-05:00").
        """
        begins = range(self.begin, self.end, _HOUR)
        walls = [datetime.fromtimestamp(begin, ZoneInfo(self.zone)) for begin in begins]
        labels = [f"{wall:%H:%M}" for wall in walls]
        return tuple(
            Hour(
                (
                    # The offset with its colon, as %:z has it, comes with Python 3.12 only.
                    label
                    if labels.count(label) == 1
                    else f"{label}{wall:%z}"[:-2] + ":" + f"{wall:%z}"[-2:]
                ),
                begin,
                min(_HOUR, self.end - begin),
            )
            for label, wall, begin in zip(labels, walls, begins, strict=True)
        )

    def weeks_before(self, count: int) -> tuple[Day, ...]:
        """The same weekday of the weeks before, the latest first."""
        return tuple(
            Day.of(self.date - timedelta(weeks=back), self.zone) for back in range(1, count + 1)
        )


def day_before(instant: float, zone: str) -> Day:
    """The local day before the one that `instant` (UTC seconds) lies in."""
    return Day.of(datetime.fromtimestamp(instant, ZoneInfo(zone)).date() - timedelta(days=1), zone)


def _midnight(date: Date, zone: str) -> int:
    """The first instant of a date: where midnight falls into a gap, the gap's end."""
    # Within a gap this is as much too late as midnight lies in it: the first instant is looked for
    # before it.
    told = int(datetime.combine(date, time(), ZoneInfo(zone)).timestamp())
    # By minutes: the offset of every zone has been whole minutes since 1972.
    minutes = range(told - _LONGEST_GAP, told + 1, 60)
    return minutes[
        bisect_left(
            minutes, True, key=lambda at: datetime.fromtimestamp(at, ZoneInfo(zone)).date() >= date
        )
    ]
