"""Looks that a host made while it could not reach the ledger, settled when it can.

Rules:
1. A late look is judged as of its own time: what it opens was opened then.
2. It changes nothing that is known better by now: of a check that was looked at since, or whose
   ticket was closed since, it is only kept. So it never opens anew what is over.
3. One that is there already, since nobody knew whether it was kept, is not kept twice.
4. A day that is sealed stays as it was sealed: a look of such a day is a line of the monitor's own
   history.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.config import Configuration
from monitor.core.timetable import Slot
from monitor.incidents import store
from monitor.incidents.attempt_result import AttemptResult
from monitor.incidents.correlation import Correlation
from monitor.incidents.place_words import word_name
from monitor.ledger import Ledger, Transaction

_DAY_MILLISECONDS = 86_400_000


class LateLooks:
    """Those of one host, within one transaction."""

    def __init__(
        self, ledger: Ledger, t: Transaction, configuration: Configuration, now: datetime
    ) -> None:
        self._ledger, self._t, self._now = ledger, t, now
        self._configuration = configuration

    def settle(self, seen: AttemptResult, place: str = "", slot: Slot | None = None) -> None:
        """One of them, the oldest first; `slot`: the run at a time of day that it was."""
        name = word_name(seen.name, place) if place else seen.name
        if self._is_there(name, seen):
            return
        seen = self._noted(seen)
        if self._sealed(seen.started_at):
            told = {"check": name, "at": seen.started_at.isoformat(), "state": seen.verdict.state}
            self._t.happened(None, self._now, "late-look", told)
            return
        # What places owe stands in their leases, and not in slots.
        if slot is not None and not place:
            self._finish(seen, slot)
        then = seen.started_at + timedelta(seconds=seen.observation.seconds)
        if place or self._is_known_better(seen, then):
            self._t.record(
                name, seen.entry.probe.KIND, seen.purpose, seen.started_at, seen.observation,
                seen.verdict,
            )  # fmt: skip
            return
        Correlation(self._ledger, self._t, self._configuration, then).settle(seen)

    def _finish(self, seen: AttemptResult, slot: Slot) -> None:
        known = self._ledger.slot(seen.name, slot.key)
        if known is None:
            self._t.claim(seen.name, slot.key, slot.at, seen.started_at)
        if known is None or known.finished_at is None:
            late = (seen.started_at - slot.at).total_seconds()
            self._t.finish(seen.name, slot.key, self._now, max(0.0, late))

    def _is_there(self, name: str, seen: AttemptResult) -> bool:
        at = seen.started_at
        found = self._ledger.attempts_within(name, at, at + timedelta(milliseconds=5))
        return any(row.observation.seconds == seen.observation.seconds for row in found)

    def _noted(self, seen: AttemptResult) -> AttemptResult:
        said = (
            f"seen by {self._configuration.probe.name} while it could not reach the ledger;"
            f" delivered at {self._now:%Y-%m-%d %H:%M:%S} UTC"
        )
        return replace(
            seen, observation=replace(seen.observation, notes=(*seen.observation.notes, said))
        )

    def _sealed(self, at: datetime) -> bool:
        day = int(at.timestamp() * 1000) // _DAY_MILLISECONDS
        return self._ledger.seal(day, "looks") is not None

    def _is_known_better(self, seen: AttemptResult, then: datetime) -> bool:
        condition = store.condition_of(self._ledger, seen.name)
        if condition.looked_at is not None and condition.looked_at >= then:
            return True
        # Closed by a person, or with what was above or below it.
        since = self._ledger.closed_since(then)
        return any(seen.name in (*row.body["causes"], *row.body["attached"]) for row in since)
