"""Which backups may go: proven ones alone count, and the newest proven one never goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from checks.data.backup.store.retention import Keep, evicted

FIRST = datetime(2026, 1, 1, 4, tzinfo=UTC)


@dataclass(frozen=True)
class Taken:
    taken_at: datetime
    proven: bool = True

    @property
    def id(self) -> str:
        return f"{self.taken_at:%Y%m%dT%H%M%SZ}-{'abc123' if self.proven else 'def456'}"


def nights(count: int) -> list[Taken]:
    return [Taken(FIRST + timedelta(days=number)) for number in range(count)]


def kept(backups: list[Taken], keep: Keep) -> list[datetime]:
    gone = evicted(backups, keep)
    return sorted(backup.taken_at for backup in backups if backup.id not in gone)


def test_a_year_of_nights_leaves_days_weeks_and_months() -> None:
    left = kept(nights(365), Keep(days=7, weeks=5, months=12))
    newest = FIRST + timedelta(days=364)
    assert left[-7:] == [newest - timedelta(days=number) for number in range(6, -1, -1)]
    assert {at.month for at in left} == set(range(1, 13))
    assert (
        len(left) == 7 + 4 + 10
    )  # a week and a month are those of the newest days already; December's is the newest


def test_of_a_day_the_newest_stays() -> None:
    morning, evening = Taken(FIRST), Taken(FIRST + timedelta(hours=12))
    assert evicted([morning, evening], Keep(days=7, weeks=0, months=0)) == {morning.id}


def test_thirty_bad_nights_evict_nothing_that_is_good() -> None:
    """The fault of others: truncated dumps filled the places of good ones."""
    good = nights(3)
    bad = [Taken(FIRST + timedelta(days=3 + number), proven=False) for number in range(30)]
    gone = evicted([*good, *bad], Keep(days=7, weeks=0, months=0))
    assert gone == {backup.id for backup in bad[:-7]}, "no more of them than there are places"


def test_what_was_never_proven_goes_once_a_newer_one_is() -> None:
    unproven, newer = Taken(FIRST, proven=False), Taken(FIRST + timedelta(days=1))
    assert evicted([unproven, newer], Keep()) == {unproven.id}
    assert evicted([unproven], Keep()) == frozenset()


@given(
    some.lists(
        some.tuples(some.integers(0, 900_000), some.booleans()),
        max_size=60,
        unique_by=lambda pair: pair[0],
    ),
    some.builds(Keep, some.integers(1, 9), some.integers(0, 6), some.integers(0, 13)),
)
def test_the_newest_proven_one_never_goes_and_of_others_the_newest_stay(
    minutes: list[tuple[int, bool]], keep: Keep
) -> None:
    backups = [Taken(FIRST + timedelta(minutes=minute), proven) for minute, proven in minutes]
    gone = evicted(backups, keep)
    proven = sorted(
        (backup for backup in backups if backup.proven), key=lambda backup: backup.taken_at
    )
    assert gone <= {backup.id for backup in backups}
    places = keep.days + keep.weeks + keep.months
    if not proven:
        newest = sorted(backups, key=lambda backup: backup.taken_at, reverse=True)[:places]
        assert gone == {backup.id for backup in backups} - {backup.id for backup in newest}
        return
    assert proven[-1].id not in gone
    left = [backup for backup in proven if backup.id not in gone]
    assert len(left) >= min(keep.days, len({backup.taken_at.date() for backup in proven}))
    assert evicted([backup for backup in backups if backup.id not in gone], keep) == frozenset(), (
        "a second run agrees"
    )
    newer = [b for b in backups if not b.proven and b.taken_at >= proven[-1].taken_at]
    assert len([b for b in newer if b.id not in gone]) == min(len(newer), places)
