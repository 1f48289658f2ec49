"""Looks of a ledger that several hosts share: claimed many at once, ahead of their slots, so that
each begins at its slot and waits for nobody.

Rules:
1. Of the hosts that are there each check has one that goes first (first_hosts.py). It claims a slot
   of a grid two seconds ahead, with all others of that moment in one question.
2. What that one has not claimed a second after its time is for whoever is there. So nothing hangs
   on who is thought to be there: the leases decide. A host that is behind with its own does not.
3. A look that was claimed and has not begun when its lease is old is owed again: this host froze.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from checks.body import Unreadable
from monitor.clock import Clock
from monitor.config import CheckEntry, Configuration
from monitor.core.condition import Condition
from monitor.core.timetable import Every, newest_owed
from monitor.incidents import store
from monitor.ledger import Ledger, LedgerAccess
from monitor.scheduling.claimed_ahead import AHEAD_SECONDS, ClaimedAhead
from monitor.scheduling.claims import Alone
from monitor.scheduling.due import FIRST, Due
from monitor.scheduling.first_hosts import FirstHosts
from monitor.scheduling.owed_looks import OwedLooks
from monitor.scheduling.ready_queue import Agenda

# A host that goes first and is there has claimed it by then.
_LEFT = timedelta(seconds=1)
_SHARE = 0.25
"""of an interval, at most"""
# What others have done to a check (a confirmation that a dead host owed, a person's word) is found
# out so often.
_ASKS_APART_SECONDS = 1.0
# A few at a time wait for nobody.
_MANY = 10
# More is for the next turn: each of them is worked out by itself.
_MOST_WORKED_OUT = 400


class GrantedLooks(OwedLooks):
    """The looks that the checks of one site are owed, and of those that several hosts share the
    ones that are this host's.
    """

    def __init__(
        self,
        ledger: LedgerAccess,
        configuration: Configuration,
        clock: Clock,
        claims: Alone | None = None,
    ) -> None:
        """`claims`: what this host holds, where several share the ledger."""
        super().__init__(ledger, configuration, clock, claims)
        self._first = FirstHosts(configuration.probe.name, configuration.site.name)
        self._ahead, self._ahead_of_agenda = ClaimedAhead(), self._agenda
        self._waiting: dict[str, Condition] = {}
        self._first_seen: dict[str, datetime] = {}
        self._asked_at = float("-inf")

    async def planned(self, now: datetime) -> tuple[list[Due], datetime | None]:
        """What is owed, and when that is to be asked again if nothing else happens before."""
        if not self._claims.shared:
            return await super().planned(now)
        await self.grant(now)
        return self.begins(now)

    async def grant(self, now: datetime) -> None:
        """Claim what is owed by now, and of grids what will be in two seconds."""
        self._leave_removed()
        checks, agenda = self._mine, self._agenda
        found = await self._ledger.do(lambda ledger: self._claimed(ledger, checks, agenda, now))
        claimed_at = self._clock.monotonic()
        for due in found:
            # A look at it was begun meanwhile, or it may be no check of this host any more.
            if due.name in self._running or agenda is not self._agenda:
                self._claims.let_go([due.job])
                continue
            agenda.rest(due.name, None)
            self._ahead.add(due, claimed_at)
            self._claims.wait_for(due.job)

    def begins(self, now: datetime) -> tuple[list[Due], datetime | None]:
        """The looks of this host that are to begin by now, and when the next is, or the ledger is
        to be asked for more.
        """
        self._leave_removed()
        found = self._ahead.begins(now, self._clock.monotonic(), self._running)
        self._claims.let_go([due.job for due in found.left])
        for due in found.left:
            self._agenda.ripen(due.name)
        for due in found.now:
            self._claims.begin(due.job)
            self._granted.add(due.job)
        stopwatch = self._clock.monotonic()
        extra = (self._extra.at(one, now, stopwatch) for one in self._waiting.values())
        times = (at for at in (found.next, self._agenda.next(), *extra) if at and at > now)
        return found.now, min(times, default=None)

    @property
    def busy(self) -> bool:
        """Whether there are so many looks that what they ask of the ledger is asked together."""
        return len(self._running) + len(self._ahead) >= _MANY

    def asks(self, now: datetime) -> bool:
        """Whether there may be something to claim."""
        apart = self._clock.monotonic() - self._asked_at >= _ASKS_APART_SECONDS
        return apart or bool(self._ripe(now))

    def condition_kept(self, condition: Condition) -> None:
        """A look of this host has settled where a check stands."""
        if condition.next_look:
            self._waiting[condition.check] = condition
        else:
            self._waiting.pop(condition.check, None)

    def taken_before(self, names: Iterable[str]) -> list[str]:
        """The checks among these whose look was claimed and has not begun: the lease is the
        asker's now, and what they were claimed for is owed again.
        """
        found = self._ahead.take(names)
        for name in found:
            self._claims.begin(name)
            self._agenda.ripen(name)
        return found

    def _leave_removed(self) -> None:
        if self._ahead_of_agenda is not self._agenda:  # a new configuration
            self._claims.let_go([due.job for due in self._ahead.take_all()])
            self._ahead_of_agenda, self._first_seen = self._agenda, {}

    def _ripe(self, now: datetime) -> list[str]:
        return [
            name
            for name in self._agenda.ripe(now)
            if name in self._mine and name not in self._ahead and self._may_look(name, now)
        ]

    def _claimed(
        self, ledger: Ledger, checks: Mapping[str, CheckEntry], agenda: Agenda, now: datetime
    ) -> list[Due]:
        """What is this host's to look at from now on."""
        with ledger.steady():
            self._find_out(ledger, checks, agenda, now)
            if not self._claims.room:
                return []
            ripe = [checks[name] for name in self._ripe(now) if name in checks]
            quick = {entry.name for entry in ripe if self._is_on_its_grid(entry)}
            first = [due for e in ripe if e.name in quick and (due := self._next(agenda, e, now))]
            slow = [entry for entry in ripe if entry.name not in quick]
            slow = sorted(slow, key=self._is_first, reverse=True)[:_MOST_WORKED_OUT]
            first += self._worked_out(ledger, agenda, slow, now)
            if first and not self._has_room():
                store.ask_together(ledger, [due.name for due in first])
                known = partial(store.known_condition, ledger)
                first = [due for due in first if due.nobody_took(known(due.name), now)]
            theirs = [due for due in first if not self._is_first(due.entry)]
            first = [due for due in first if self._is_first(due.entry)]
            # Who is behind with its own share leaves to others what is theirs: else all of them
            # would be behind, each at everything.
            if len(first) < self._claims.room:
                first += self._left_by_others(ledger, agenda, theirs, now) if theirs else []
            else:
                for due in theirs:
                    agenda.rest(due.name, now + _LEFT)
        first.sort(key=lambda due: self._owed_since(due, now))
        wanted = {due.job: due for due in first}
        got = self._claims.take(ledger, list(wanted))
        if not got:
            return []
        done = {wanted[job].name: at for job, at in got.items() if wanted[job].name == job}
        self._done_to(done)
        if any(wanted[job].is_claimed for job in got):
            self._find_left_over(ledger)
        with ledger.steady():
            mine = self._sure(ledger, agenda, [wanted[job] for job in got], now)
        self._claims.let_go(got.keys() - {due.job for due in mine})
        return mine

    def _find_out(
        self, ledger: Ledger, checks: Mapping[str, CheckEntry], agenda: Agenda, now: datetime
    ) -> None:
        """What others have changed that checks are owed something for."""
        if self._clock.monotonic() - self._asked_at >= _ASKS_APART_SECONDS:
            self._asked_at = self._clock.monotonic()
            self._find_left_over(ledger)
            self._waiting = store.waiting(ledger)
            for left in self._left_over.values():
                if left.job in checks and left.job not in self._running:
                    agenda.ripen(left.job)
        for name, at in self._extra.owed_at(self._waiting, now, self._clock.monotonic()):
            if at <= now and name in checks and name not in self._running:
                agenda.ripen(name)

    def _is_on_its_grid(self, entry: CheckEntry) -> bool:
        """Whether nothing else can be owed of it than a slot of its grid."""
        known = entry.name in self._grid and entry.name not in self._waiting
        return bool(known and entry.every and not entry.places)

    def _next(self, agenda: Agenda, entry: CheckEntry, now: datetime) -> Due | None:
        """A slot of a grid that this host may claim by now; else it rests until there is one."""
        grid = entry.timetable
        if not isinstance(grid, Every):
            return None
        ahead = self._ahead_by(entry)
        slot = newest_owed(grid, now + ahead, self._grid[entry.name], entry.grace)
        if slot is None:
            agenda.rest(entry.name, grid.following(now + ahead) - ahead)
        return Due(entry, "scheduled", slot) if slot else None

    def _owed_since(self, due: Due, now: datetime) -> datetime:
        """Since when it is owed. A first look has no such moment: since it was first asked for."""
        if due.slot is None or due.slot.key == FIRST:
            return self._first_seen.get(due.name, now)
        return due.slot.at

    def _ahead_by(self, entry: CheckEntry) -> timedelta:
        """How long before its slot this host may claim it; less than nothing where others go
        first.
        """
        longest = _SHARE * entry.every if entry.every else 0.0
        if self._is_first(entry):
            return timedelta(seconds=min(AHEAD_SECONDS, longest))
        return -min(_LEFT, timedelta(seconds=longest))

    def _is_first(self, entry: CheckEntry) -> bool:
        # Each place speaks for itself, and any of them may judge.
        return bool(entry.places) or self._first.is_here(entry, self._claims.hosts)

    def _worked_out(
        self, ledger: Ledger, agenda: Agenda, entries: list[CheckEntry], now: datetime
    ) -> list[Due]:
        """What else is owed of checks, each asked for by itself."""
        names = [entry.name for entry in entries]
        store.ask_together(ledger, names)
        ledger.ask_newest_slots(names)
        found = list[Due]()
        for entry in entries:
            due = self._asked(ledger, agenda, entry, now)
            if due is None:
                due = self._next_after_last(ledger, agenda, entry, now)
            if due is None:
                self._first_seen.pop(entry.name, None)
                continue
            since = self._first_seen.setdefault(entry.name, now)
            if not self._is_first(entry) and now < since + _LEFT:
                agenda.rest(entry.name, since + _LEFT)
                continue
            found.append(due)
        return found

    def _next_after_last(
        self, ledger: Ledger, agenda: Agenda, entry: CheckEntry, now: datetime
    ) -> Due | None:
        """The next slot of a grid of which only the last look is known."""
        condition = store.known_condition(ledger, entry.name)
        if entry.name in self._grid or condition is None or condition.looked_at is None:
            return None
        self._grid[entry.name] = condition.looked_at
        return self._next(agenda, entry, now) if self._is_on_its_grid(entry) else None

    def _left_by_others(
        self, ledger: Ledger, agenda: Agenda, theirs: list[Due], now: datetime
    ) -> list[Due]:
        """What other hosts were to do and have neither done nor begun."""
        rows = self._claims.rows(ledger, [due.job for due in theirs])
        self._done_to({job: row.done_to for job, row in rows.items()})
        free = (due for due in theirs if due.job not in rows or not rows[due.job].held)
        again = (self._again(ledger, agenda, due, now) for due in free)
        return [due for due in again if due]

    def _again(self, ledger: Ledger, agenda: Agenda, due: Due, now: datetime) -> Due | None:
        """What is owed, once more is known."""
        if self._is_on_its_grid(due.entry) and due.slot and due.slot.key != FIRST:
            owed = self._grid[due.name] < due.slot.at
            return due if owed else self._next(agenda, due.entry, now)
        return self._asked(ledger, agenda, due.entry, now)

    def _sure(self, ledger: Ledger, agenda: Agenda, claimed: list[Due], now: datetime) -> list[Due]:
        """Asked once more, now that nobody else can settle it: what was owed may be done. And what
        the last look remembered, which nobody can change any more either.
        """
        names = [due.name for due in claimed]
        store.ask_together(ledger, names)
        ledger.ask_newest_slots([due.name for due in claimed if due.is_claimed])
        sure = list[Due]()
        for due in claimed:
            condition = store.known_condition(ledger, due.name)
            if condition is not None:
                self.condition_kept(condition)
            again = self._again(ledger, agenda, due, now)
            if again is None or again.job != due.job:
                continue
            self._first_seen.pop(due.name, None)
            sure.append(replace(again, memory=None if due.place else _memory(ledger, due.name)))
        return sure


def _memory(ledger: Ledger, check: str) -> Mapping[str, Any] | None:
    """What its last look remembered; None where that cannot be read, which the look says."""
    try:
        return store.condition_of(ledger, check).memory
    except Unreadable:
        return None
