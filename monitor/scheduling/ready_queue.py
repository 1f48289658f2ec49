"""Which checks may be owed a look by now, so that not every one is asked at every moment.

A check is ripe, or rests until some moment. Whoever is ripe is asked, and stays ripe until the
answer is that nothing is owed; so nothing is lost when a look that is owed is not made. A clock
that went back makes everybody ripe.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime


class Agenda:
    """Names of checks, ripe or at rest."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """All are ripe at first."""
        self._ripe = dict.fromkeys(names)
        self._resting: list[tuple[datetime, str]] = []
        self._until: dict[str, datetime] = {}
        self._now: datetime | None = None

    def ripen(self, name: str) -> None:
        """It may be owed something from now on."""
        self._until.pop(name, None)
        self._ripe[name] = None

    def rest(self, name: str, until: datetime | None) -> None:
        """Nothing is owed before then; None: until it is ripened."""
        self._ripe.pop(name, None)
        self._until.pop(name, None)
        if until is not None:
            self._until[name] = until
            heapq.heappush(self._resting, (until, name))

    def ripe(self, now: datetime) -> list[str]:
        """Whoever may be owed something at `now`."""
        # The clock was set back: what rested until a moment of the old time may be owed under the
        # new one.
        if self._now is not None and now < self._now:
            self._ripe.update(dict.fromkeys(self._until))
            self._resting, self._until = [], {}
        self._now = now
        while self._resting and self._resting[0][0] <= now:
            until, name = heapq.heappop(self._resting)
            if self._until.get(name) == until:
                self.ripen(name)
        return list(self._ripe)

    def next(self) -> datetime | None:
        """When somebody ripens next."""
        # A heap cannot lose an entry from its middle: what was moved is left there, and passed over
        # when it comes up.
        while self._resting and self._until.get(self._resting[0][1]) != self._resting[0][0]:
            heapq.heappop(self._resting)
        return self._resting[0][0] if self._resting else None
