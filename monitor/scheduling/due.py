"""A look that is owed: at what, why, under which slot, and from where."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.config import CheckEntry
from monitor.core.timetable import Slot
from monitor.ledger import Purpose
from monitor.scheduling.place_looks import Place


@dataclass(frozen=True, slots=True)
class Due:
    """A look that is owed now: why, and under which slot (none for an extra look or a
    fixed grid).
    """

    entry: CheckEntry
    purpose: Purpose
    slot: Slot | None = None
    place: Place | None = None
    """what is owed of a check that several places look at"""

    @property
    def job(self) -> str:
        """What is claimed for it, where several hosts share the ledger."""
        return self.place.job(self.name) if self.place else self.name

    @property
    def name(self) -> str:
        return self.entry.name
