"""What is owed: which checks have to be looked at now, why, and when to ask again.

Rule 1: the ledger decides. A run at a time of day is owed until its slot is claimed; what a crash
left unfinished is owed again; of missed runs only the newest is owed, and only within its grace.
Rule 2: an extra look (confirm, recheck) is owed by the check's condition, which is kept in the
ledger too. Rule 3: what is owed is worked out where the ledger is (LedgerAccess), since every line
of it asks the ledger; whoever began a look meanwhile is left out of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from monitor.clock import Clock
from monitor.config import CheckEntry, Configuration
from monitor.core.condition import Condition
from monitor.core.timetable import Slot, Timetable, beyond, newest_owed, next_after
from monitor.incidents import store
from monitor.ledger import Ledger, LedgerAccess, SlotRow
from monitor.scheduling import place_looks
from monitor.scheduling.claims import Alone
from monitor.scheduling.due import FIRST, Due
from monitor.scheduling.extra_looks import ExtraLooks, purpose_of
from monitor.scheduling.ready_queue import Agenda

_ANY = datetime(1970, 1, 2, tzinfo=UTC)


class OwedLooks:
    """The looks that the checks of one site are owed."""

    def __init__(
        self,
        ledger: LedgerAccess,
        configuration: Configuration,
        clock: Clock,
        claims: Alone | None = None,
    ) -> None:
        """`claims`: what this host holds, where several share the ledger."""
        self._ledger, self._clock = ledger, clock
        self._claims, self._since = claims or Alone(), clock.now()
        # Claimed for a look that is about to be made.
        self._granted: set[str] = set()
        # Whether a look made here could keep its evidence.
        self._has_room: Callable[[], bool] = lambda: True
        self._extra = ExtraLooks()
        self._running: set[str] = set()
        self._begun: set[tuple[str, str]] = set()
        # The newest slot begun of each check on a fixed grid.
        self._grid: dict[str, datetime] = {}
        self._rest_until: dict[str, datetime] = {}
        # The checks that this host was the last to look at, as far as it knows.
        self._last_here: set[str] = set()
        # Slots that the ledger says are done; a clock that went back offers them again.
        self._taken: set[tuple[str, str]] = set()
        self._left_over: dict[tuple[str, str], SlotRow] = {}
        ledger.at_once(self._find_left_over)
        self.configuration = configuration

    @property
    def configuration(self) -> Configuration:
        """What is looked at. It may be replaced at any time."""
        return self._configuration

    @configuration.setter
    def configuration(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._mine = {
            name: entry
            for name, entry in configuration.checks.items()
            # Whoever sees that a place is missing may judge what the others saw.
            if configuration.probe.serving.looks_at(configuration.site.name, entry.probes)
            and (not self._claims.only_looks or configuration.probe.name in entry.places)
        }
        self._agenda = Agenda(self._mine)

    @property
    def claims(self) -> Alone:
        """What this host holds of a ledger that several share."""
        return self._claims

    @property
    def running(self) -> frozenset[str]:
        """The checks that are being looked at."""
        return frozenset(self._running)

    async def owed(self, now: datetime) -> list[Due]:
        """Every look that is owed at `now` and not being made."""
        return (await self.planned(now))[0]

    async def planned(self, now: datetime) -> tuple[list[Due], datetime | None]:
        """What is owed, and when that is to be asked again if nothing else happens before."""
        # A new configuration may come in the middle: what is worked out is of one.
        checks, agenda = self._mine, self._agenda

        def worked_out(ledger: Ledger) -> tuple[list[Due], datetime | None]:
            owed = self._owed(ledger, checks, agenda, now)
            with ledger.steady():
                return owed, self._next_waking(ledger, agenda, now)

        found, waking = await self._ledger.do(worked_out)
        if agenda is not self._agenda:
            return [], now
        # A look at it was begun meanwhile.
        return [due for due in found if due.name not in self._running], waking

    def _done_to(self, known: Mapping[str, datetime | None]) -> None:
        """Slots of a grid that others have done: later ones, or any where the clock has gone
        back.
        """
        now = self._clock.now()
        for name, at in known.items():
            entry, last = self._mine.get(name), self._grid.get(name, _ANY)
            gone_back = entry is not None and beyond(entry.timetable, last, now)
            if at is not None and at > _ANY and (at > last or gone_back):
                self._grid[name] = at
                self._last_here.discard(name)

    def _find_left_over(self, ledger: Ledger) -> None:
        unfinished = ledger.unfinished_slots()
        self._left_over = {(one.job, one.slot_key): one for one in unfinished}

    def _owed(
        self, ledger: Ledger, checks: Mapping[str, CheckEntry], agenda: Agenda, now: datetime
    ) -> list[Due]:
        for name, at in self._extra_looks(ledger, now):
            if at <= now and name in checks:
                agenda.ripen(name)
        ripe = {name for name in agenda.ripe(now) if name in checks and self._may_look(name, now)}
        asked = partial(self._asked, ledger, agenda)
        free = (entry for name, entry in checks.items() if name in ripe) if ripe else ()
        return [due for entry in free if (due := asked(entry, now))]

    def hold_back(self, name: str, until: datetime) -> None:
        """Look at nothing of a check before this moment: it waits for all others."""
        self._rest_until[name] = until

    async def next_moment(self, now: datetime) -> datetime | None:
        """When a look will be owed next; None when nothing ever will."""
        return await self._ledger.do(lambda ledger: min(self._moments(ledger, now), default=None))

    def _next_waking(self, ledger: Ledger, agenda: Agenda, now: datetime) -> datetime | None:
        looks = (at for _, at in self._extra_looks(ledger, now) if at > now)
        # An agenda at rest and no extra look: nothing wakes the rounds but a new configuration.
        return min((at for at in (agenda.next(), min(looks, default=None)) if at), default=None)

    def _extra_looks(self, ledger: Ledger, now: datetime) -> Iterator[tuple[str, datetime]]:
        known = (store.condition_of(ledger, name) for name in store.next_looks(ledger))
        waiting = {condition.check: condition for condition in known}
        return self._extra.owed_at(waiting, now, self._clock.monotonic())

    def _may_look(self, name: str, now: datetime) -> bool:
        return name not in self._running and self._rest_until.get(name, now) <= now

    def _asked(
        self, ledger: Ledger, agenda: Agenda, entry: CheckEntry, now: datetime
    ) -> Due | None:
        """What a check is owed; if that is nothing, it is asked again when its next slot comes."""
        condition = store.known_condition(ledger, entry.name)
        again = next_after(entry.timetable, now) if entry.timetable else None
        if entry.places:
            here = self._configuration.probe.name
            of = place_looks.owed(ledger, self._claims, here, entry, condition, now, self._since)
            due = Due(entry, of.purpose, of.slot, of.what) if of.what else None
            again = min((at for at in (again, of.again) if at), default=None)
        else:
            due = self._due(ledger, entry, condition, now)
        if due is None:
            agenda.rest(entry.name, again)
        return due

    def _due(
        self, ledger: Ledger, entry: CheckEntry, condition: Condition | None, now: datetime
    ) -> Due | None:
        if (
            condition
            and condition.next_look
            and self._extra.at(condition, now, self._clock.monotonic()) <= now
        ):
            return Due(entry, purpose_of(condition))
        if entry.timetable is None:
            return None
        if (left := self._left(ledger, entry, now)) is not None:
            return Due(entry, "scheduled", left)
        # A new check is looked at as soon as it is configured: a mistake in it shows while its
        # author still watches. What has a time of day waits for it, as does what burdens others:
        # the burst of 03:00 is not for the busy hour in which it was configured.
        waits = entry.at or entry.probe.BURDENS
        if condition is None and not waits and ledger.newest_slot(entry.name) is None:
            return Due(entry, "scheduled", Slot(FIRST, now))
        if waits:
            self._begin(ledger, entry, now)
        slot = (
            self._owed_on_grid(ledger, entry, entry.timetable, condition, now)
            if entry.every
            else self._owed_daily(ledger, entry, entry.timetable, now)
        )
        return Due(entry, "scheduled", slot) if slot else None

    def _begin(self, ledger: Ledger, entry: CheckEntry, now: datetime) -> None:
        """Remember since when a check has these times: what lies before is not owed. Kept in the
        ledger, so that a time which a restart brings forward is none that was missed.
        """
        key = f"{FIRST} {','.join(f'{at:%H:%M}' for at in entry.at)}".strip()
        if (entry.name, key) in self._begun:
            return
        self._begun.add((entry.name, key))
        if ledger.slot(entry.name, key) is not None:
            return
        slots = ledger.slots(entry.name, _ANY)
        # Runs of a release that did not keep this: its times are as old as they are.
        known = slots and not any(one.slot_key.startswith(f"{FIRST} ") for one in slots)
        # A time that comes in this very moment is owed.
        since = slots[-1].slot_at if known else now - timedelta(milliseconds=1)
        with ledger.transaction() as t:
            t.claim(entry.name, key, since, now)
            t.finish(entry.name, key, now)

    def _left(self, ledger: Ledger, entry: CheckEntry, now: datetime) -> Slot | None:
        # Over a copy, since an abandoned run leaves the mapping while it is gone through.
        """A run that was begun and never finished."""
        for key, left in list(self._left_over.items()):
            if left.job == entry.name:
                if (now - left.slot_at).total_seconds() <= entry.grace:
                    return Slot(left.slot_key, left.slot_at)
                if not self._claims.under_way(ledger, entry.name):
                    self._abandon(ledger, *key, now)
        return None

    def _owed_daily(
        self, ledger: Ledger, entry: CheckEntry, timetable: Timetable, now: datetime
    ) -> Slot | None:
        newest = ledger.newest_slot(entry.name)
        # A clock that was set back offers slots again that are claimed: once asked for, they are
        # known.
        slot = newest_owed(timetable, now, newest.slot_at if newest else None, entry.grace)
        return None if slot and (entry.name, slot.key) in self._taken else slot

    def _owed_on_grid(
        self,
        ledger: Ledger,
        entry: CheckEntry,
        timetable: Timetable,
        condition: Condition | None,
        now: datetime,
    ) -> Slot | None:
        last = self._grid.get(entry.name) or (condition.looked_at if condition else None)
        if last is None and (first := ledger.newest_slot(entry.name)) is not None:
            last = first.slot_at
        return newest_owed(timetable, now, last, entry.grace)

    def _moments(self, ledger: Ledger, now: datetime) -> Iterator[datetime]:
        conditions = store.conditions(ledger)
        for entry in self._mine.values():
            condition = conditions.get(entry.name)
            if condition and condition.next_look:
                yield max(now, self._extra.at(condition, now, self._clock.monotonic()))
            if entry.timetable is not None:
                yield next_after(entry.timetable, now)

    def _abandon(self, ledger: Ledger, job: str, key: str, now: datetime) -> None:
        """A run that a crash cut off, and whose grace is over, is not made up for; that is
        remembered.
        """
        left = self._left_over.pop((job, key))
        with ledger.transaction() as t:
            known = ledger.slot(job, key)
            if known is None or known.finished_at is not None:
                return  # another host has just done so
            t.finish(job, key, now, (now - left.slot_at).total_seconds())
            t.happened(None, now, "run-abandoned", {"check": job, "slot": key})
