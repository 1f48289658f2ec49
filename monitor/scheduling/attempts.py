"""One attempt as the rounds make it: in its turn, with what the last one remembered, and judged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from checks.body import Unreadable
from checks.contract import Observation
from monitor.clock import Clock
from monitor.config import CheckEntry
from monitor.core.verdict import judge
from monitor.incidents import store
from monitor.incidents.attempt_result import AttemptResult
from monitor.incidents.place_words import word_name
from monitor.ledger import Ledger, LedgerAccess, Purpose
from monitor.scheduling.due import FIRST, Due
from monitor.scheduling.runner import Runner
from monitor.scheduling.shared_attempts import Turns

log = logging.getLogger("monitor.scheduling.rounds")
# A run at a time of day that began later than this is said to be late.
LATE_AFTER_SECONDS = 60.0
Known = tuple[Mapping[str, Any], Mapping[str, Any] | None]
"""what the last attempt remembered, and what a person has accepted"""


class Attempts:
    """The attempts of one daemon."""

    def __init__(
        self,
        ledger: LedgerAccess,
        clock: Clock,
        runner: Runner,
        heard: Callable[[str, str], None] | None,
    ) -> None:
        """`heard(check, text)` is told what goes on."""
        self._ledger, self._clock, self._runner = ledger, clock, runner
        self._heard = heard or (lambda _check, _text: None)
        self._turns = Turns()
        # What a look goes on from where the ledger is out of reach.
        self._known: dict[str, Known] = {}

    def knows(self, name: str) -> bool:
        """Whether an attempt under this name can go on from its last one without the ledger."""
        return name in self._known

    async def made(
        self,
        entry: CheckEntry,
        purpose: Purpose,
        due: Due | None = None,
        *,
        asking: bool = True,
    ) -> AttemptResult:
        """One attempt. Not `asking` the ledger: it goes on from what this daemon knows."""
        async with self._turns.of(entry.name):
            started = self._clock.now()
            self._heard(entry.name, purpose)
            own = word_name(entry.name, due.place.place) if due and due.place else entry.name
            remembered = due.memory if due and not entry.probe.ACCEPTS else None
            observation = await self._observed(entry, own, asking, remembered)
        # A fixed grid makes its looks up at once; only a run at a time of day promises that time.
        if due and due.slot and not entry.every and due.slot.key != FIRST:
            late = (started - due.slot.at).total_seconds()
            if late > LATE_AFTER_SECONDS:
                said = (
                    f"ran {timedelta(seconds=round(late))} late: it was owed at"
                    f" {due.slot.at:%Y-%m-%d %H:%M} UTC"
                )
                observation = replace(observation, notes=(said, *observation.notes))
        verdict = judge(observation, entry.expect, entry.warn)
        # A good look by the clock is a row of the ledger, and no line: hundreds a minute would hide
        # what is worth reading.
        quiet = verdict.state == "OK" and purpose == "scheduled"
        log.log(
            logging.DEBUG if quiet else logging.INFO,
            "action=looked check=%s purpose=%s state=%s seconds=%.3f",
            entry.name,
            purpose,
            verdict.state,
            observation.seconds,
        )
        return AttemptResult(entry, purpose, started, observation, verdict)

    async def _observed(
        self,
        entry: CheckEntry,
        own: str,
        asking: bool,
        remembered: Mapping[str, Any] | None,
    ) -> Observation:
        """An attempt that goes on from what the last one remembered; without that it can tell
        nothing.
        """

        def known(ledger: Ledger) -> Known:
            accepted = ledger.accepted(entry.name) if entry.probe.ACCEPTS else None
            return store.condition_of(ledger, own).memory, accepted

        try:
            if remembered is not None:
                memory, accepted = remembered, None
            else:
                memory, accepted = await self._ledger.do(known) if asking else self._known[own]
        # Without its memory a check of changes would take everything it sees for new, and open a
        # ticket for each.
        except Unreadable as why:
            return Observation(blind=str(why))
        seen = await self._runner.attempt(
            entry.name,
            entry.probe,
            entry.limit,
            lambda stage: self._heard(entry.name, stage),
            memory,
            accepted,
        )
        self._known[own] = (seen.memory or memory, accepted)
        return seen
