"""A look that is owed: at what, why, under which slot, and from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.config import CheckEntry
from monitor.core.condition import Condition
from monitor.core.timetable import Slot
from monitor.ledger import Purpose
from monitor.scheduling.place_looks import Place

# The slot of a check's very first look, made as soon as it is configured; with its times behind it,
# the moment from which these are owed.
FIRST = "first-sight"
# A host that is at work takes what is owed within a second; a starved one was seen to take three.
_OTHERS_FIRST = timedelta(seconds=8)


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
    memory: Mapping[str, Any] | None = None
    """what its last look remembered, where that was read as the look was claimed"""

    @property
    def job(self) -> str:
        """What is claimed for it, where several hosts share the ledger."""
        return self.place.job(self.name) if self.place else self.name

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def is_claimed(self) -> bool:
        """Whether its slot is claimed in the ledger: of a grid the next one comes soon."""
        return self.slot is not None and (not self.entry.every or self.slot.key == FIRST)

    def nobody_took(self, condition: Condition | None, now: datetime) -> bool:
        """Whether other hosts have had their time for it, or it can be nobody else's. A host
        without room for evidence can only say of it that it is blind.
        """
        at = self.slot.at if self.slot else condition.next_look if condition else None
        first = self.slot is not None and self.slot.key == FIRST
        own = self.place is not None and bool(self.place.place)
        return first or own or at is None or at <= now - _OTHERS_FIRST
