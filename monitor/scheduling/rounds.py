"""One look from beginning to end: due -> attempt -> judge -> look below -> settle.

Rule 1: a run at a time of day is claimed under its slot before it is made; one that is cut off, or
whose result cannot be written, is owed again. Rule 2: nobody looks at the same check twice at a
time. Rule 3: a look below is made once for all who need it. What is owed, and when, stands in
owed_looks.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from monitor.clock import Clock
from monitor.config import CheckEntry, Configuration
from monitor.core.condition import Condition, confirming
from monitor.core.timetable import Slot
from monitor.core.verdict import State
from monitor.evidence.call_page import drawn, with_page
from monitor.incidents import store
from monitor.incidents.correlation import AttemptResult, Correlation, patience_of, reach
from monitor.ledger import Ledger, LedgerAccess, LedgerFault, SlotRow, Transaction
from monitor.ledger.leases import LeaseLost
from monitor.ledger.together import GATHER_SECONDS, Change, Together
from monitor.scheduling.attempts import Attempts
from monitor.scheduling.claims import Alone
from monitor.scheduling.costly_looks import CostlyLooks
from monitor.scheduling.due import FIRST, Due
from monitor.scheduling.granted_looks import GrantedLooks
from monitor.scheduling.place_looks import Place
from monitor.scheduling.place_rounds import PlaceRounds
from monitor.scheduling.runner import Runner
from monitor.scheduling.shared_attempts import SharedLooks

__all__ = ["FIRST", "Due", "Rounds"]

log = logging.getLogger(__name__)
KeepLate = Callable[[AttemptResult, str, Slot | None], Awaitable[None]]
"""keeps a look, its place and the run at a time of day that it was, until the ledger can have it"""
# How long a check is left alone after its look broke in our own hands (a full disk, a bug).
AFTER_A_BREAK_SECONDS = 30.0
# How long a look that somebody asks for waits for another host's to end, and how often it asks.
_WAITS_SECONDS, _ASKS_SECONDS = 30.0, 0.5
# A transaction of a ledger that hosts share is several ways there and back, and the others wait for
# its end: of many looks three a second are enough, and nobody waits for the end of a look.
_GATHER_SECONDS = 0.3


class Rounds(GrantedLooks):
    """The looks of one site."""

    def __init__(
        self,
        ledger: LedgerAccess,
        configuration: Configuration,
        clock: Clock,
        runner: Runner,
        heard: Callable[[str, str], None] | None = None,
        claims: Alone | None = None,
    ) -> None:
        """`heard(check, text)` is told what goes on, for the journal's STATUS or a terminal."""
        super().__init__(ledger, configuration, clock, claims)
        self._has_room = runner.has_room
        self.attempts = Attempts(ledger, clock, runner, heard)
        self._attempt = self.attempts.made
        self._together = Together(ledger, ask=store.ask_to_settle)
        self._shared, self._costly = SharedLooks(clock), CostlyLooks(clock)
        # Keeps looks that the ledger cannot take now; set where there is a place for that.
        self.keep_late: KeepLate | None = None
        self._places = PlaceRounds(
            ledger, clock, self._claims, self._below, self._write, lambda: self.configuration
        )

    def taken(self, due: Due) -> None:
        """Somebody is about to `look`: nobody else is to be sent meanwhile."""
        self._running.add(due.name)
        self._agenda.rest(due.name, None)

    async def look(self, due: Due) -> AttemptResult | None:
        """Make a look and settle it. None if its slot was claimed by somebody else, or what came of
        it too late to be kept.
        """
        if self._claims.shared and due.entry.places and due.place is None:
            return None  # asked for by hand or by an audit: several places look in their own time
        self.taken(due)
        try:
            if not await self._hold(due.job):
                return None
            try:
                if due.place is not None:
                    return await self._from_here(due, due.place)
                return await self._made(due) if await self._claim(due) else None
            finally:
                self._claims.let_go([due.job])
        finally:
            self._running.discard(due.name)
            if due.name in self._mine:
                self._agenda.ripen(due.name)

    async def _from_here(self, due: Due, owed: Place) -> AttemptResult | None:
        """This place's part of a look that several make, or the judgement of what they saw."""
        try:
            if owed.place:
                await self._places.say(due, owed, await self._attempt(due.entry, due.purpose, due))
            return await self._places.judge(due, owed)
        except LeaseLost as late:
            self._refused(due.job, late)
            return None

    async def _hold(self, job: str) -> bool:
        """Whether this host may look; one that was not granted is claimed, and waited for."""
        if not self._claims.shared:
            return True
        if job in self._granted:
            self._granted.discard(job)
            return True
        until = self._clock.monotonic() + _WAITS_SECONDS
        while not await self._ledger.do(lambda ledger: self._claims.take(ledger, [job], True)):
            if self._clock.monotonic() > until:
                return False
            await asyncio.sleep(_ASKS_SECONDS)  # nobody tells of the end of another host's look
        return True

    async def _made(self, due: Due) -> AttemptResult | None:
        fresh = list[str]()
        try:
            begun = self._clock.monotonic()
            seen = await self._attempt(due.entry, due.purpose, due)
            below, others = await self._below(seen, begun, fresh)
            self._costly.keep([seen])
            if drawn(seen):
                # To draw a page reads and measures recordings; on the event loop it would make the
                # live calls' packets late.
                seen = await asyncio.to_thread(with_page, seen, below, self.configuration.site)
            if not await self._settled_or_kept(due, seen, below, others):
                return None
        except LeaseLost as late:
            self._refused(due.name, late)
            return None
        # Cancellation too: a look that the end of the daemon cut off is owed again by the next one.
        except BaseException:
            self._owed_again(due)
            raise
        finally:
            self._claims.let_go(fresh)
        return seen

    def had_last(self) -> Iterator[CheckEntry]:
        """The checks that this host was the last to look at, and those that it looks at from its
        own place.
        """
        here = self._configuration.probe.name
        return (
            entry
            for name, entry in self._mine.items()
            if name in self._last_here or here in entry.places
        )

    def newest_begun(self) -> Mapping[str, datetime]:
        """The newest slot begun of each check on a fixed grid."""
        return self._grid

    def begun(self, name: str, at: datetime) -> None:
        """A slot of a grid was looked at, past the ledger."""
        self._grid[name] = max(at, self._grid.get(name, at))

    async def _settled_or_kept(
        self, due: Due, seen: AttemptResult, below: list[AttemptResult], others: frozenset[str]
    ) -> bool:
        """Settle a look; where the ledger is out of reach it is kept until it is not."""
        try:
            await self._settle(due, seen, below, others)
        except LedgerFault as away:
            if away.cause != "unreachable" or self.keep_late is None:
                raise
            slot = due.slot if due.slot and (due.entry.at or due.slot.key == FIRST) else None
            for low in below:
                if low.name not in others:
                    await self.keep_late(low, "", None)
            await self.keep_late(seen, "", slot)
            return False
        return True

    def _refused(self, name: str, late: LeaseLost) -> None:
        """What this host saw counts for nothing: it froze, or lost its network, and another host
        has looked instead.
        """
        log.warning("action=settlement_refused check=%s %s", name, late)
        body = {"check": name, "host": self.configuration.probe.name, "text": str(late)}

        def noted(ledger: Ledger) -> None:
            with ledger.transaction() as t:
                t.happened(None, self._clock.now(), "settlement-refused", body)

        self._ledger.hand_in(noted)

    async def glance(self, entry: CheckEntry) -> AttemptResult:
        """An attempt that changes nothing: what it finds is for the asker alone (a report of a day
        long past).
        """
        return await self._attempt(entry, "once")

    async def _claim(self, due: Due) -> bool:
        if due.slot is None:
            return True
        # A slot of a grid is not claimed in the ledger: the next one comes soon, and a row per look
        # would be written for nothing.
        if due.entry.every and due.slot.key != FIRST:
            self._grid[due.name] = due.slot.at
            return True
        if self._left_over.pop((due.name, due.slot.key), None):
            return True
        slot, claims = due.slot, list[bool]()
        await self._write(
            lambda _, t: claims.append(t.claim(due.name, slot.key, slot.at, self._clock.now()))
        )
        # Claimed by another daemon on the same ledger, or before the clock was set back: it is not
        # run twice.
        if not claims[-1]:
            self._taken.add((due.name, slot.key))
        return claims[-1]

    def _owed_again(self, due: Due) -> None:
        """What was cut off, or could not be written down, is owed again; not at once, since the
        cause may last.
        """
        # A full disk or a bug is still there a moment later: without a rest the check would be
        # tried in a tight loop.
        self._rest_until[due.name] = self._clock.now() + timedelta(seconds=AFTER_A_BREAK_SECONDS)
        if due.slot and (due.slot.key == FIRST or not due.entry.every):
            left = SlotRow(due.name, due.slot.key, due.slot.at, self._clock.now(), None, None)
            self._left_over[due.name, due.slot.key] = left

    async def _below(
        self, seen: AttemptResult, begun: float, fresh: list[str]
    ) -> tuple[list[AttemptResult], frozenset[str]]:
        """A failure that counts is looked into at once: every check that stands below it. Says too
        which of those looks were somebody else's, who settles them. `fresh` is told which were
        claimed for it: where another host is at one, this look counts here, and is not settled.
        """
        # One failure of a check that asks for confirmation is a suspicion: it costs no looks below
        # yet.
        if seen.verdict.state is not State.FAILED:
            return [], frozenset()
        condition = await self._ledger.do(lambda ledger: store.condition_of(ledger, seen.name))
        if not confirming(condition, seen.verdict.state, patience_of(seen.entry)):
            return [], frozenset()
        mine = set[str]()

        def make(entry: CheckEntry) -> Awaitable[AttemptResult]:
            mine.add(entry.name)
            return self._attempt(entry, "diagnose")

        lower = (self._mine.get(name) for name in reach(self.configuration, seen.entry))
        # What several places judge together is not judged by one of them.
        entries = [entry for entry in lower if entry and not entry.places]
        known = self._costly.still_count(entries, condition.bad)
        entries = [entry for entry in entries if entry.name not in {one.name for one in known}]
        if self._claims.shared:
            names = [entry.name for entry in entries]
            fresh += self.taken_before(names)
            fresh += await self._ledger.do(lambda one: self._claims.take(one, names, True))
        below = await asyncio.gather(
            *(self._shared.look(one.name, begun, partial(make, one)) for one in entries)
        )
        if self._claims.shared:
            mine &= set(fresh)
        self._costly.keep(below)
        below = [*known, *below]
        return below, frozenset(low.name for low in below) - mine

    async def _settle(
        self, due: Due, seen: AttemptResult, below: list[AttemptResult], others: frozenset[str]
    ) -> None:
        held = [due.name, *(low.name for low in below if low.name not in others)]
        kept = dict[str, Condition]()

        def settled(ledger: Ledger, t: Transaction) -> None:
            now = self._clock.now()
            for name in held:
                on_grid = due.slot and due.entry.every and due.slot.key != FIRST
                done_to = due.slot.at if due.slot and on_grid and name == due.name else None
                self._claims.settle(t, name, done_to)
            Correlation(ledger, t, self.configuration, now).settle(seen, below, others)
            found = (store.known_condition(ledger, name) for name in held)
            kept.update((one.check, one) for one in found if one)
            # Only claimed slots are finished: those of a time of day, and a check's very first
            # look.
            if due.slot and (due.entry.at or due.slot.key == FIRST):
                t.finish(
                    due.name,
                    due.slot.key,
                    now,
                    max(0.0, (seen.started_at - due.slot.at).total_seconds()),
                )

        self._claims.made(held)
        await self._write(settled, held)
        self._claims.settled(held)
        self._last_here.update(held)
        for condition in kept.values():
            self.condition_kept(condition)

    async def _write(self, change: Change, about: Sequence[str] = ()) -> None:
        many = self._claims.shared and self.busy
        self._together.gather_seconds = _GATHER_SECONDS if many else GATHER_SECONDS
        await self._together.write(change, len(self._running) <= 1, about)
