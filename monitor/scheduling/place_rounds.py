"""A look from this host's place, and the judgement of what all places saw, each settled once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.config import Configuration
from monitor.core.places import Judged
from monitor.core.timetable import beyond
from monitor.incidents.correlation import AttemptResult, Correlation
from monitor.incidents.place_words import heard, result, say, settle_places
from monitor.ledger import AttemptRow, Ledger, LedgerAccess, Transaction
from monitor.ledger.together import Change
from monitor.scheduling.claims import Alone
from monitor.scheduling.due import Due
from monitor.scheduling.place_looks import Place, end_of, ready

Below = Callable[
    [AttemptResult, float, list[str]], Awaitable[tuple[list[AttemptResult], frozenset[str]]]
]


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is judged: a moment's words, by the places' attempts."""

    judged: Judged
    rows: Mapping[str, AttemptRow]
    early: bool
    """whether its time is not over yet"""


class PlaceRounds:
    """What one host does of the checks that several places look at."""

    def __init__(
        self,
        ledger: LedgerAccess,
        clock: Clock,
        claims: Alone,
        below: Below,
        write: Callable[[Change], Awaitable[None]],
        configuration: Callable[[], Configuration],
    ) -> None:
        """`below` looks at what lies below a failure; `write` writes a change, and returns once it
        is committed.
        """
        self._ledger, self._clock, self._claims = ledger, clock, claims
        self._below, self._write, self._configuration = below, write, configuration

    async def say(self, due: Due, owed: Place, seen: AttemptResult) -> None:
        """Keep this place's word. Raises LeaseLost."""
        job = owed.job(due.name)

        def said(ledger: Ledger, t: Transaction) -> None:
            self._claims.settle(t, job, owed.moment)
            say(ledger, t, seen, owed.place, owed.moment)

        await self._write(said)
        self._claims.settled([job])

    async def judge(self, due: Due, owed: Place) -> AttemptResult | None:
        """Judge a moment, if it is ready and nobody else does. Raises LeaseLost."""
        if self._claims.only_looks:
            return None
        if owed.place and not await self._ledger.do(lambda ledger: self._taken(ledger, due, owed)):
            return None
        fresh = list[str]()
        try:
            found = await self._ledger.do(lambda ledger: self._heard(ledger, due, owed))
            if found is None:
                return None
            seen = result(due.entry, due.purpose, found.judged, found.rows, found.early)
            below, others = await self._below(seen, self._clock.monotonic(), fresh)
            await self._settle(due, owed, found, seen, below, others)
            return seen
        finally:
            self._claims.let_go([due.name, *fresh])

    def _taken(self, ledger: Ledger, due: Due, owed: Place) -> bool:
        """Whether the judgement is this host's now, of a moment that is not judged yet."""
        if self._heard(ledger, due, owed) is None:
            return False
        got = self._claims.take(ledger, [due.name], beyond_room=True)
        done_to = got.get(due.name)
        now = self._clock.now()
        if done_to is not None and (
            done_to < owed.moment or beyond(due.entry.timetable, done_to, now)
        ):
            return True
        self._claims.let_go(got)
        return False

    def _heard(self, ledger: Ledger, due: Due, owed: Place) -> _Heard | None:
        now, end = self._clock.now(), end_of(ledger, due.entry, owed.moment)
        judged, rows = heard(ledger, due.entry, owed.moment, end)
        return _Heard(judged, rows, now <= end) if ready(judged, end, now) else None

    async def _settle(
        self,
        due: Due,
        owed: Place,
        found: _Heard,
        seen: AttemptResult,
        below: list[AttemptResult],
        others: frozenset[str],
    ) -> None:
        held = [low.name for low in below if low.name not in others]

        def settled(ledger: Ledger, t: Transaction) -> None:
            now, configuration = self._clock.now(), self._configuration()
            self._claims.settle(t, due.name, owed.moment)
            for name in held:
                self._claims.settle(t, name)
            Correlation(ledger, t, configuration, now).settle(seen, below, others)
            settle_places(ledger, t, configuration, due.entry, found.judged, now, found.early)

        await self._write(settled)
        self._claims.settled([due.name, *held])
