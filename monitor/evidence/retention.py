"""How long evidence is kept: day by day, but never less than an open ticket needs it."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.incidents import store
from monitor.ledger import Ledger


def sweep(exhibits: Path, keep_seconds: float, needed: Collection[Path], now: datetime) -> int:
    """Remove the folders of attempts older than `keep_seconds` that are not `needed`; returns how
    many. Raises OSError for a folder that cannot be removed.
    """
    oldest = now - timedelta(seconds=keep_seconds)
    removed = 0
    for day in _days_before(exhibits, oldest):
        for attempt in [folder for folder in day.iterdir() if folder not in needed]:
            shutil.rmtree(attempt)
            removed += 1
        # A day whose last attempt is gone is an empty folder, and would be listed for ever.
        if not any(day.iterdir()):
            day.rmdir()
    return removed


def shown(ledger: Ledger) -> frozenset[Path]:
    """The folders of attempts that open tickets show. Raises Unreadable for a ticket that does not
    say what it shows: then nothing must be removed.
    """
    incidents = [store.incident_of(row) for row in ledger.open_incidents()]
    return frozenset(
        Path(path).parent for incident in incidents for _, path in incident.evidence.exhibits
    )


def _days_before(exhibits: Path, oldest: datetime) -> list[Path]:
    """The days that were over at `oldest`; what is not named as a day is nobody's to remove."""
    # The pattern also takes 2026-99-99, which is no day and nobody's to remove.
    found = []
    for day in exhibits.glob("????-??-??"):
        try:
            ended = datetime.strptime(day.name, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
        except ValueError:
            continue
        if ended <= oldest:
            found.append(day)
    return sorted(found)
