"""What a host looks at while it cannot reach the ledger that it shares, and that it forgets nothing
of it.

Rules:
1. It goes on with what it had: the checks that it was the last to look at, and those that it looks
   at from its own place. Others go on with theirs.
2. What needs the ledger rests: whatever burdens others (a backup, a removal of rows), and calls
   over lines that other hosts may be on.
3. A failure is confirmed as ever, by looks of its own; what it amounts to is judged when the ledger
   has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.config import CheckEntry, Configuration
from monitor.core.timetable import Slot, newest_owed
from monitor.core.verdict import State
from monitor.ledger import Purpose


@dataclass(frozen=True, slots=True)
class OwnLook:
    """One that is owed."""

    entry: CheckEntry
    purpose: Purpose
    slot: Slot | None


@dataclass(slots=True)
class _Own:
    """How a check stands, as far as this host knows by itself."""

    begun: datetime | None = None
    bad_in_row: int = 0
    confirms_at: datetime | None = None
    reason: str = ""


class OnItsOwn:
    """The looks of one outage."""

    def __init__(self, configuration: Configuration, since: datetime) -> None:
        self._configuration, self.since = configuration, since
        self._known: dict[str, _Own] = {}
        self._shared_lines = _shared_lines(configuration)
        self.looks = 0

    def may(self, entry: CheckEntry) -> bool:
        """Whether it can be looked at without the ledger."""
        lines = {claim.line for claim in entry.probe.claims()}
        return not entry.probe.BURDENS and not lines & self._shared_lines

    def owed(
        self, entries: Iterable[CheckEntry], begun: Mapping[str, datetime], now: datetime
    ) -> list[OwnLook]:
        """What is owed of these; `begun`: the newest slot of a grid that each was looked at for."""
        found = (self._owed(entry, begun.get(entry.name), now) for entry in entries)
        return [one for one in found if one is not None]

    def seen(self, look: OwnLook, state: State, reason: str, now: datetime) -> None:
        """What came of one."""
        self.looks += 1
        own, entry = self._known.setdefault(look.entry.name, _Own()), look.entry
        if state is State.UNKNOWN:
            return
        own.bad_in_row = own.bad_in_row + 1 if state is State.FAILED else 0
        own.reason = reason if own.bad_in_row else ""
        waits = 0 < own.bad_in_row < entry.confirm
        own.confirms_at = now + timedelta(seconds=entry.confirm_after) if waits else None

    def failing(self) -> list[str]:
        """The checks whose failure is confirmed, each with why."""
        checks = self._configuration.checks
        return [
            f"{name}: {own.reason}"
            for name, own in sorted(self._known.items())
            if name in checks and own.bad_in_row >= checks[name].confirm
        ]

    def _owed(self, entry: CheckEntry, begun: datetime | None, now: datetime) -> OwnLook | None:
        own = self._known.setdefault(entry.name, _Own())
        if own.confirms_at is not None and own.confirms_at <= now:
            own.confirms_at = None
            return OwnLook(entry, "confirm", None)
        if entry.timetable is None:
            return None
        # What was owed before is others' by now.
        last = max(at for at in (own.begun, begun, self.since) if at is not None)
        slot = newest_owed(entry.timetable, now, last, entry.grace)
        if slot is None:
            return None
        own.begun = slot.at
        return OwnLook(entry, "scheduled", slot)


def _shared_lines(configuration: Configuration) -> frozenset[str]:
    """Lines that another host may be on: nobody can say so without the ledger."""
    here, scope = (configuration.probe.name,), configuration.site.scope
    return frozenset(
        claim.line
        for entry in configuration.checks.values()
        for claim in entry.probe.claims()
        # A line of all sites is one that another of them may be on.
        if entry.probes != here or (scope and not claim.line.startswith(f"{scope}/"))
    )
