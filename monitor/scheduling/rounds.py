"""What is owed, and one look from beginning to end: due -> attempt -> judge -> look below ->
settle.

Rule 1: the ledger decides what is owed. A run at a time of day is claimed under its slot before it
is made; what a crash left unfinished is owed again; of missed runs only the newest is owed, and
only within its grace. Rule 2: an extra look (confirm, recheck) is owed by the check's condition,
which is kept in the ledger too. Rule 3: nobody looks at the same check twice at a time; a look
below is made once for all who need it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from checks.body import Unreadable
from checks.contract import Observation
from monitor.clock import Clock
from monitor.config import CheckEntry, Configuration
from monitor.core.condition import Condition, confirming
from monitor.core.timetable import Slot, Timetable, newest_owed, next_after
from monitor.core.verdict import State, judge
from monitor.evidence.call_page import drawn, with_page
from monitor.incidents import store
from monitor.incidents.correlation import Seen, Settlement, patience_of, reach
from monitor.ledger import Ledger, Purpose, SlotRow, Transaction
from monitor.ledger.together import Together
from monitor.scheduling.extra_looks import ExtraLooks
from monitor.scheduling.ready_queue import Agenda
from monitor.scheduling.runner import Runner
from monitor.scheduling.shared_attempts import SharedLooks, Turns

log = logging.getLogger(__name__)

LATE_AFTER_SECONDS = 60.0
"""A run at a time of day that began later than this is said to be late."""
AFTER_A_BREAK_SECONDS = 30.0
"""How long a check is left alone after its look broke in our own hands (a full disk, a bug)."""
FIRST = "first-sight"
"""The slot of a check's very first look, made as soon as it is configured."""


@dataclass(frozen=True, slots=True)
class Due:
    """A look that is owed now: why, and under which slot (none for an extra look or a
    fixed grid).
    """

    entry: CheckEntry
    purpose: Purpose
    slot: Slot | None = None

    @property
    def name(self) -> str:
        return self.entry.name


class Rounds:
    """The looks of one site."""

    def __init__(
        self,
        ledger: Ledger,
        configuration: Configuration,
        clock: Clock,
        runner: Runner,
        heard: Callable[[str, str], None] | None = None,
    ) -> None:
        """`heard(check, text)` is told what goes on, for the journal's STATUS or a terminal."""
        self._ledger, self._clock, self._runner = ledger, clock, runner
        self._heard = heard or (lambda _check, _text: None)
        self._together, self._extra = Together(ledger), ExtraLooks()
        self._shared, self._turns = SharedLooks(clock), Turns()
        self._running: set[str] = set()
        self._grid: dict[str, datetime] = {}  # newest slot begun of a check on a fixed grid
        self._rest_until: dict[str, datetime] = {}
        # Slots that the ledger says are done; a clock that went back offers them again.
        self._taken: set[tuple[str, str]] = set()
        self._left_over = {(s.job, s.slot_key): s for s in ledger.unfinished_slots()}
        self.configuration = configuration

    @property
    def configuration(self) -> Configuration:
        """What is looked at. It may be replaced at any time."""
        return self._configuration

    @configuration.setter
    def configuration(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._agenda = Agenda(configuration.checks)
        self._places = {name: place for place, name in enumerate(configuration.checks)}

    @property
    def running(self) -> frozenset[str]:
        """The checks that are being looked at."""
        return frozenset(self._running)

    def owed(self, now: datetime) -> list[Due]:
        """Every look that is owed at `now` and not being made."""
        for name, at in self._extra_looks(now):
            if at <= now and name in self._places:
                self._agenda.ripen(name)
        free = [
            name
            for name in self._agenda.ripe(now)
            if name in self._places and self._may_look(name, now)
        ]
        found = [due for name in free if (due := self._asked(self.configuration.checks[name], now))]
        return sorted(found, key=lambda due: self._places[due.name])

    def next_waking(self, now: datetime) -> datetime | None:
        """When `owed` is to be asked again, if nothing else happens before."""
        looks = (at for _, at in self._extra_looks(now) if at > now)
        # An agenda at rest and no extra look: nothing wakes the rounds but a new configuration.
        return min(
            (at for at in (self._agenda.next(), min(looks, default=None)) if at), default=None
        )

    def next_moment(self, now: datetime) -> datetime | None:
        """When a look will be owed next; None when nothing ever will."""
        return min(self._moments(now), default=None)

    async def look(self, due: Due) -> Seen | None:
        """Make a look and settle it. None if its slot was claimed by somebody else."""
        self._running.add(due.name)
        self._agenda.rest(due.name, None)
        try:
            return await self._made(due) if await self._claim(due) else None
        finally:
            self._running.discard(due.name)
            self._agenda.ripen(due.name)

    async def _made(self, due: Due) -> Seen:
        try:
            begun = self._clock.monotonic()
            seen = await self._attempt(due.entry, due.purpose, due)
            below, others = await self._below(seen, begun)
            if drawn(seen):
                # To draw a page reads and measures recordings; on the event loop it would make the
                # live calls' packets late.
                seen = await asyncio.to_thread(with_page, seen, below, self.configuration.site)
            await self._settle(due, seen, below, others)
        # Cancellation too: a look that the end of the daemon cut off is owed again by the next one.
        except BaseException:
            self._owed_again(due)
            raise
        return seen

    async def glance(self, entry: CheckEntry) -> Seen:
        """An attempt that changes nothing: what it finds is for the asker alone (a report of a day
        long past).
        """
        return await self._attempt(entry, "once")

    def _extra_looks(self, now: datetime) -> Iterator[tuple[str, datetime]]:
        known = (store.condition_of(self._ledger, name) for name in store.next_looks(self._ledger))
        waiting = {condition.check: condition for condition in known}
        return self._extra.owed_at(waiting, now, self._clock.monotonic())

    def _may_look(self, name: str, now: datetime) -> bool:
        return name not in self._running and self._rest_until.get(name, now) <= now

    def _asked(self, entry: CheckEntry, now: datetime) -> Due | None:
        """What a check is owed; if that is nothing, it is asked again when its next slot comes."""
        due = self._due(entry, store.known_condition(self._ledger, entry.name), now)
        if due is None:
            self._agenda.rest(
                entry.name, next_after(entry.timetable, now) if entry.timetable else None
            )
        return due

    def _due(self, entry: CheckEntry, condition: Condition | None, now: datetime) -> Due | None:
        if (
            condition
            and condition.next_look
            and self._extra.at(condition, now, self._clock.monotonic()) <= now
        ):
            return Due(entry, _purpose(condition))
        if entry.timetable is None:
            return None
        if (left := self._left(entry, now)) is not None:
            return Due(entry, "scheduled", left)
        # A new check is looked at as soon as it is configured: a mistake in it shows while its
        # author still watches.
        if condition is None and self._ledger.newest_slot(entry.name) is None:
            return Due(entry, "scheduled", Slot(FIRST, now))
        slot = (
            self._owed_on_grid(entry, entry.timetable, condition, now)
            if entry.every
            else self._owed_daily(entry, entry.timetable, now)
        )
        return Due(entry, "scheduled", slot) if slot else None

    def _left(self, entry: CheckEntry, now: datetime) -> Slot | None:
        # Over a copy, since an abandoned run leaves the mapping while it is gone through.
        """A run that was begun and never finished."""
        for key, left in list(self._left_over.items()):
            if left.job == entry.name:
                if (now - left.slot_at).total_seconds() <= entry.grace:
                    return Slot(left.slot_key, left.slot_at)
                self._abandon(*key, now)
        return None

    def _owed_daily(self, entry: CheckEntry, timetable: Timetable, now: datetime) -> Slot | None:
        newest = self._ledger.newest_slot(entry.name)
        # Compared by instant alone: a slot whose configured time was changed by a reload is still
        # the newest one.
        slot = newest_owed(timetable, now, newest.slot_at if newest else None, entry.grace)
        return None if slot and (entry.name, slot.key) in self._taken else slot

    def _owed_on_grid(
        self, entry: CheckEntry, timetable: Timetable, condition: Condition | None, now: datetime
    ) -> Slot | None:
        last = self._grid.get(entry.name) or (condition.looked_at if condition else None)
        return newest_owed(timetable, now, last, entry.grace)

    def _moments(self, now: datetime) -> Iterator[datetime]:
        conditions = store.conditions(self._ledger)
        for entry in self.configuration.checks.values():
            condition = conditions.get(entry.name)
            if condition and condition.next_look:
                yield max(now, self._extra.at(condition, now, self._clock.monotonic()))
            if entry.timetable is not None:
                yield next_after(entry.timetable, now)

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
            lambda t: claims.append(t.claim(due.name, slot.key, slot.at, self._clock.now()))
        )
        # Claimed by another daemon on the same ledger, or before the clock was set back: it is not
        # run twice.
        if not claims[-1]:
            self._taken.add((due.name, slot.key))
        return claims[-1]

    async def _attempt(self, entry: CheckEntry, purpose: Purpose, due: Due | None = None) -> Seen:
        async with self._turns.of(entry.name):
            started = self._clock.now()
            self._heard(entry.name, purpose)
            observation = await self._observed(entry)
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
        log.info(
            "action=looked check=%s purpose=%s state=%s seconds=%.3f",
            entry.name,
            purpose,
            verdict.state,
            observation.seconds,
        )
        return Seen(entry, purpose, started, observation, verdict)

    async def _observed(self, entry: CheckEntry) -> Observation:
        """An attempt that goes on from what the last one remembered; without that it can tell
        nothing.
        """
        try:
            memory = store.condition_of(self._ledger, entry.name).memory
        # Without its memory a check of changes would take everything it sees for new, and open a
        # ticket for each.
        except Unreadable as why:
            return Observation(blind=str(why))
        return await self._runner.attempt(
            entry.name,
            entry.probe,
            entry.limit,
            lambda stage: self._heard(entry.name, stage),
            memory,
            self._ledger.accepted(entry.name) if entry.probe.ACCEPTS else None,
        )

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

    async def _below(self, seen: Seen, begun: float) -> tuple[list[Seen], frozenset[str]]:
        """A failure that counts is looked into at once: every check that stands below it. Says too
        which of those looks were somebody else's, who settles them.
        """
        # One failure of a check that asks for confirmation is a suspicion: it costs no looks below
        # yet.
        if seen.verdict.state is not State.FAILED or not confirming(
            store.condition_of(self._ledger, seen.name), seen.verdict.state, patience_of(seen.entry)
        ):
            return [], frozenset()
        mine = set[str]()

        def make(entry: CheckEntry) -> Awaitable[Seen]:
            mine.add(entry.name)
            return self._attempt(entry, "diagnose")

        entries = [
            self.configuration.checks[name] for name in reach(self.configuration, seen.entry)
        ]
        below = await asyncio.gather(
            *(self._shared.look(one.name, begun, partial(make, one)) for one in entries)
        )
        return list(below), frozenset(low.name for low in below) - mine

    async def _settle(
        self, due: Due, seen: Seen, below: list[Seen], others: frozenset[str]
    ) -> None:
        def settled(t: Transaction) -> None:
            now = self._clock.now()
            Settlement(self._ledger, t, self.configuration, now).settle(seen, below, others)
            # Only claimed slots are finished: those of a time of day, and a check's very first
            # look.
            if due.slot and (due.entry.at or due.slot.key == FIRST):
                t.finish(
                    due.name,
                    due.slot.key,
                    now,
                    max(0.0, (seen.started_at - due.slot.at).total_seconds()),
                )

        await self._write(settled)

    async def _write(self, change: Callable[[Transaction], None]) -> None:
        await self._together.write(change, alone=len(self._running) <= 1)

    def _abandon(self, job: str, key: str, now: datetime) -> None:
        """A run that a crash cut off, and whose grace is over, is not made up for; that is
        remembered.
        """
        left = self._left_over.pop((job, key))
        with self._ledger.transaction() as t:
            t.finish(job, key, now, (now - left.slot_at).total_seconds())
            t.happened(None, now, "run-abandoned", {"check": job, "slot": key})


def _purpose(condition: Condition) -> Purpose:
    return "confirm" if condition.purpose == "confirm" else "recheck"
