"""A look below that costs (a call) is not made at each look above it: a portal that is looked at
every minute, and fails all night, would place one a minute.

    first failure       a look of its own, whatever was seen before the trouble
    while it lasts      what was seen last counts on, for as long as the check that costs is not
                        looked at again by itself (its `recheck`)

Rules: what counts on is not settled again; a restart forgets it, and looks once more.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.clock import Clock
from monitor.config import CheckEntry
from monitor.incidents.correlation import AttemptResult


class CostlyLooks:
    """The last look at each check that costs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Name -> when it was over (the stopwatch's seconds), and what was seen.
        self._last: dict[str, tuple[float, AttemptResult]] = {}

    def keep(self, seen: Iterable[AttemptResult]) -> None:
        """Remember those that cost."""
        now = self._clock.monotonic()
        self._last |= {one.name: (now, one) for one in seen if one.entry.probe.COSTS}

    def still_count(self, lower: Iterable[CheckEntry], lasting: bool) -> list[AttemptResult]:
        """What was seen of these and counts on; `lasting`: the check above was known to be broken
        before.
        """
        known = (self._last.get(entry.name) for entry in lower if entry.probe.COSTS)
        now = self._clock.monotonic()
        return [
            seen
            for since, seen in filter(None, known)
            # One that was made for a check above, of the same failure or of one just before.
            if (lasting or seen.purpose == "diagnose") and now - since < seen.entry.recheck
        ]
