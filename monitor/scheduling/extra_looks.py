"""When extra looks (confirm, recheck) are owed, whatever happens to the wall clock.

A condition keeps the wall instant of its next look. A clock that is set back would put that off by
as much: an open incident was not looked at for three hours. So the wait is also counted on the
monotonic clock from the moment that it is first seen here, and is never longer than the one that
was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from monitor.core.condition import Condition
from monitor.ledger import Purpose


def purpose_of(condition: Condition) -> Purpose:
    """Why a check's condition is owed its next look."""
    return "confirm" if condition.purpose == "confirm" else "recheck"


class ExtraLooks:
    """The waits of one daemon. Nothing is lost with it: after a restart each wait is counted anew,
    at its length.
    """

    def __init__(self) -> None:
        # Check -> the instant that its condition names, and the end of the wait on the monotonic
        # clock.
        self._ends: dict[str, tuple[datetime, float]] = {}

    def owed_at(
        self, conditions: Mapping[str, Condition], now: datetime, monotonic: float
    ) -> Iterator[tuple[str, datetime]]:
        """Each check that is owed an extra look, and when; in the past if it is owed by now."""
        # A check that left the configuration, or owes nothing any more: its wait would otherwise be
        # kept for ever.
        for name in self._ends.keys() - conditions.keys():
            del self._ends[name]
        for name, condition in conditions.items():
            if condition.next_look is not None:
                yield name, self.at(condition, now, monotonic)

    def at(self, condition: Condition, now: datetime, monotonic: float) -> datetime:
        """When one is owed by either clock. Its condition has a next look."""
        owed = condition.next_look
        assert owed is not None  # noqa: S101 - said above
        # Another instant is another wait, counted from here; the same instant goes on, however the
        # wall clock moved.
        if self._ends.get(condition.check, (None,))[0] != owed:
            self._ends[condition.check] = (
                owed,
                monotonic + max(0.0, self._left(condition, owed, now)),
            )
        return min(owed, now + timedelta(seconds=self._ends[condition.check][1] - monotonic))

    def _left(self, condition: Condition, owed: datetime, now: datetime) -> float:
        """How long is still to wait: by the wall clock, and no longer than the whole wait was."""
        left = (owed - now).total_seconds()
        whole = (owed - condition.looked_at).total_seconds() if condition.looked_at else left
        return min(left, whole) if whole > 0 else left
