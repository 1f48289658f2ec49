"""Which backups may go. Pure; only PROVEN backups fill places and only they are evicted by others.

Rule 1: the newest proven backup never goes, and nothing proven goes for one that is not.
Rule 2: a place (one for each of the last days, ISO weeks and months that have a proven backup)
keeps its newest one. Rule 3: what is not proven, for whatever reason, or was found wrong, evicts
nothing that is proven. It stays until a newer one is proven, but no more of them than there are
places: a disk that fills up would end the backups altogether.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Dated(Protocol):
    """What retention has to know of a backup."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def taken_at(self) -> datetime:
        """The moment of its snapshot."""

    @property
    def proven(self) -> bool:
        """Whether it was restored and found equal."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How many places of each length."""

    days: int = 7
    weeks: int = 5
    months: int = 12


_Place = Callable[[datetime], object]


def evicted(backups: Sequence[Dated], keep: Keep) -> frozenset[str]:
    """The ids of those that may go now."""
    newest_first = sorted(backups, key=lambda backup: (backup.taken_at, backup.id), reverse=True)
    proven = [backup for backup in newest_first if backup.proven]
    newer = [b for b in newest_first if not b.proven and not _is_before(b, proven)]
    kept = {backup.id for backup in newer[: keep.days + keep.weeks + keep.months]}
    kept |= {backup.id for backup in proven[:1]}
    # A backup may fill several places at once: the last of a month is also that of its week and
    # day.
    for count, place in _places(keep):
        kept |= _filling(proven, count, place)
    return frozenset(backup.id for backup in backups if backup.id not in kept)


def _is_before(backup: Dated, proven: Sequence[Dated]) -> bool:
    return bool(proven) and backup.taken_at < proven[0].taken_at


def _places(keep: Keep) -> tuple[tuple[int, _Place], ...]:
    return (
        (keep.days, lambda at: at.date()),
        # Year and week: ISO week 1 of January and that of the year before must not be one place.
        (keep.weeks, lambda at: at.isocalendar()[:2]),
        (keep.months, lambda at: (at.year, at.month)),
    )


def _filling(newest_first: Sequence[Dated], count: int, place: _Place) -> set[str]:
    """The newest of each of the last `count` places that have any."""
    places: dict[object, str] = {}
    for backup in newest_first:
        places.setdefault(place(backup.taken_at), backup.id)
    return set(list(places.values())[:count])
