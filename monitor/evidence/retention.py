"""How long evidence is kept: day by day, and of a day no more than was asked for; but never less
than an open ticket needs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.config import Configuration
from monitor.incidents import store
from monitor.ledger import Ledger, LedgerAccess

# Ten thousand checks that all fail for two days; memory is bounded.
_MOST_BAD = 20_000
# What was written to within this may be of a look that is still being made.
_LONGEST_LOOK_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The folders of attempts below `exhibits`. Those that are `needed` stay whatever happens;
    those of `bad` looks go after those of good ones.
    """

    exhibits: Path
    needed: Collection[Path]
    bad: Collection[str] = ()

    def sweep(
        self, keep_seconds: float, most_bytes: int, now: datetime, crowded: Iterable[Path]
    ) -> int:
        """Remove what is older than `keep_seconds`, and of the `crowded` days what is beyond
        `most_bytes`, the oldest first; returns how many attempts. Raises OSError for a folder that
        cannot be removed.
        """
        old = _days(self.exhibits, now - timedelta(seconds=keep_seconds))
        removed = 0
        for day in old:
            removed += self._remove(day.iterdir())
            # A day whose last attempt is gone is an empty folder, and would be listed for ever.
            if not any(day.iterdir()):
                day.rmdir()
        days = [day for day in crowded if day not in old]
        return removed + sum(self._remove(self._beyond(day, most_bytes, now)) for day in days)

    def _remove(self, folders: Iterable[Path]) -> int:
        going = [folder for folder in folders if folder not in self.needed]
        for folder in going:
            shutil.rmtree(folder)
        return len(going)

    def _beyond(self, day: Path, most_bytes: int, now: datetime) -> Iterator[Path]:
        under_way = now.timestamp() - _LONGEST_LOOK_SECONDS
        sizes = {folder: (_size(folder), _at(folder)) for folder in day.iterdir()}
        left = sum(size for size, _ in sizes.values())
        for folder in sorted(
            sizes, key=lambda one: (str(one) in self.bad, sizes[one][1], one.name)
        ):
            if left <= most_bytes:
                return
            if folder not in self.needed and sizes[folder][1] < under_way:
                left -= sizes[folder][0]
                yield folder


def _size(folder: Path | str) -> int:
    """All that lies in it, in bytes; nothing of it is kept in memory."""
    total = 0
    # A look under way may move its files.
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                inside = entry.is_dir(follow_symlinks=False)
                total += _size(entry.path) if inside else entry.stat(follow_symlinks=False).st_size
    return total


def _at(folder: Path) -> float:
    try:
        return folder.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


async def sweep(ledger: LedgerAccess, configuration: Configuration, now: datetime) -> int:
    """Sweep as the configuration says; returns how many attempts. Raises LedgerFault, OSError."""
    exhibits, needed = configuration.state / "exhibits", await ledger.read(shown)
    most, bad = round(configuration.most_evidence_megabytes * 1e6), frozenset[str]()
    full = await asyncio.to_thread(crowded, exhibits, most)
    # There may be ten thousands of them: they are asked for where something has to go.
    if full:
        bad = await ledger.read(lambda here: failed(here, now))
    kept = Evidence(exhibits, needed, bad)
    return await asyncio.to_thread(kept.sweep, configuration.keep_evidence, most, now, full)


def crowded(exhibits: Path, most_bytes: int) -> list[Path]:
    """The days whose evidence is more than so much. To size them all walks through every file: it
    is done once a sweep.
    """
    return [day for day in _days(exhibits, None) if _size(day) > most_bytes]


def failed(ledger: Ledger, now: datetime) -> frozenset[str]:
    """The folders of attempts of these two days that were not good."""
    paths = ledger.bad_exhibits(now - timedelta(days=2), _MOST_BAD)
    return frozenset(path.rpartition("/")[0] for path in paths)


def shown(ledger: Ledger) -> frozenset[Path]:
    """The folders of attempts that open tickets show. Raises Unreadable for a ticket that does not
    say what it shows: then nothing must be removed.
    """
    incidents = [store.incident_of(row) for row in ledger.open_incidents()]
    return frozenset(
        Path(path).parent for incident in incidents for _, path in incident.evidence.exhibits
    )


def _days(exhibits: Path, over_at: datetime | None) -> list[Path]:
    """The days, or those that were over at a moment; what is not named as a day is nobody's to
    remove.
    """
    # The pattern also takes 2026-99-99, which is no day and nobody's to remove.
    found = []
    for day in exhibits.glob("????-??-??"):
        try:
            ended = datetime.strptime(day.name, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
        except ValueError:
            continue
        if over_at is None or ended <= over_at:
            found.append(day)
    return sorted(found)
