"""How a check stood over some days, out of the ledger: its strip, and how much of the time it was
up.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.config import CheckEntry
from monitor.core.availability import Availability, Run, Stretch, availability, stretches
from monitor.ledger import Ledger
from monitor.service.standing import holds
from reports.strips import Moments, Strip, strip

_DAY = timedelta(days=1)


class Course:
    """How checks stood since some days ago; what has not changed is not read again."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[datetime | None, datetime, tuple[Run, ...]]] = {}

    def of(
        self,
        ledger: Ledger,
        entry: CheckEntry,
        looked_at: datetime | None,
        start: datetime,
        end: datetime,
    ) -> tuple[Stretch, ...]:
        """The stretches of a check. `looked_at` is its newest look: as long as that is the same,
        what was read holds.
        """
        kept = self._kept.get(entry.name)
        # What began earlier serves as well: stretches are cut at their start.
        if kept is None or kept[0] != looked_at or not start - _DAY <= kept[1] <= start:
            found = ledger.runs(entry.name, start, end, holds(entry))
            self._kept[entry.name] = kept = (looked_at, start, found)
        return stretches(kept[2], start, end, holds(entry))


def drawn(
    parts: tuple[Stretch, ...], start: datetime, end: datetime, zone: str
) -> tuple[Strip, Availability]:
    """A strip, and what it comes to."""
    shown = [
        Moments(part.start, part.end, "planned" if _in_maintenance(part) else part.state)
        for part in parts
    ]
    return strip(shown, start, end, zone), availability(parts)


def _in_maintenance(part: Stretch) -> bool:
    return part.planned and part.state == "FAILED"
