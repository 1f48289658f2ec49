"""How long a ledger keeps what: looks one by one for days, their roll-ups for months, tickets,
letters and reports for good.

Rules:
1. A day is sealed once it is over by a day; it is rolled up when it is older than looks are kept,
   if it still is what was sealed. A day that differs is left as it is, and said: nothing is taken
   from it.
2. Each step bears being made again: a crash between two of them repeats the last.
3. In small batches, with a pause as long as the work: whoever wants to write meanwhile waits for
   milliseconds. On a server the looks of a day are a table of their own, which is dropped.
4. A clock that has just jumped is waited for: a day that is still to come must not be sealed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from checks.data.backup.store.seal import Key
from monitor.core.rollup import hours, runs
from monitor.ledger import proof
from monitor.ledger.access import LedgerAccess, T
from monitor.ledger.errors import LedgerFault
from monitor.ledger.ledger import Ledger
from monitor.ledger.proof import Digest, date_of, day_of
from monitor.ledger.rollups import look_of
from monitor.ledger.seals import Seal, Sealed
from monitor.ledger.server_address import ServerAddress

log = logging.getLogger(__name__)
# What is written late (a look over midnight, a clock that was set back) is there by then.
_OVER_BY_DAYS = 2
# A daemon that was stopped over a weekend finds the tables of its days made.
_MADE_AHEAD_DAYS = 4
# NTP corrects a host's clock by less; more at once is somebody's hand, or a suspended host.
_JUMP = timedelta(hours=2)
# So that a year of an older release does not keep a small host busy for minutes on end.
_LONGEST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days."""

    looks: float
    rollups: float


class Retention:
    """Of one ledger, for one daemon."""

    def __init__(self, ledger: LedgerAccess, key: Callable[[], Key | None]) -> None:
        """`key` gives the key of the state folder. Raises OSError where none can be made."""
        self._ledger, self._key = ledger, key
        self._said: set[int] = set()
        # Of these days the looks that are left stay.
        self._emptied: set[tuple[str, int]] = set()
        self._last: tuple[datetime, float] | None = None

    async def tidy(self, keep: Keep, holds: Callable[[str], timedelta], now: datetime) -> None:
        """Seal, roll up and remove what is due; `holds` says for how long a look of a check speaks
        for it. Raises LedgerFault, OSError.
        """
        if self._jumped(now):
            return
        if (key := self._key()) is None:
            log.error("action=ledger_not_sealed there is no key that this user may read")
            return
        if not await self._ledger.read(lambda ledger: _of_one_host(ledger, key)):
            log.error(
                "action=ledger_not_sealed another host has sealed it, with another key: give this"
                " one the same backup.key"
            )
            return
        today = day_of(now)
        await self._seal(key, today - _OVER_BY_DAYS, now)
        for day in await self._due("looks", "rolled", today - keep.looks):
            if await self._unchanged(day):
                await self._roll(key, day, holds, now)
        await self._make_and_drop_days(today)
        for one in await self._ledger.read(lambda ledger: list(ledger.rolled_looks())):
            while one not in self._emptied:
                if not await self._gently(partial(self._remove_some, *one)):
                    self._emptied.add(one)
        for day in await self._due("rolled", "dropped", today - keep.rollups):
            await self._drop(key, day, now)

    def _jumped(self, now: datetime) -> bool:
        monotonic = asyncio.get_running_loop().time()
        last, self._last = self._last, (now, monotonic)
        if last is None:
            return False
        return abs((now - last[0]) - timedelta(seconds=monotonic - last[1])) > _JUMP

    async def _seal(self, key: Key, last: int, now: datetime) -> None:
        for day in await self._ledger.read(lambda ledger: _unsealed(ledger, last)):
            digest = await self._digest(day, "looks")
            await self._put(key, day, "looks", digest, now)

    async def _due(self, after: Sealed, before: Sealed, limit: float) -> list[int]:
        """Days that have had the one and not the other, and are over."""

        def asked(ledger: Ledger) -> list[int]:
            done = set(ledger.sealed_days(before))
            return [day for day in ledger.sealed_days(after) if day < limit and day not in done]

        return await self._ledger.read(asked)

    async def _unchanged(self, day: int) -> bool:
        seal = await self._ledger.read(lambda ledger: ledger.seal(day, "looks"))
        digest = await self._digest(day, "looks")
        if seal is not None and (digest.rows, digest.text) == (seal.rows, seal.digest):
            return True
        if day not in self._said:
            self._said.add(day)
            log.error("action=day_differs day=%s it stays: `reveille ledger verify`", date_of(day))
        return False

    async def _roll(
        self, key: Key, day: int, holds: Callable[[str], timedelta], now: datetime
    ) -> None:
        for check in await self._ledger.read(lambda ledger: ledger.check_names()):
            await self._gently(partial(self._roll_check, check, day, holds(check)))
        digest = await self._digest(day, "rolled")
        await self._put(key, day, "rolled", digest, now)
        log.info("action=rolled_up day=%s rows=%d", date_of(day), digest.rows)

    async def _roll_check(self, check: str, day: int, holds: timedelta) -> None:
        looks = await self._ledger.read(
            lambda ledger: [look_of(row) for row in ledger.look_rows(check, day)]
        )
        if not looks:
            return

        def kept(ledger: Ledger) -> None:
            with ledger.transaction() as t:
                # What an interrupted run has left may be of another `holds`.
                t.remove_rolled(check, day)
                t.keep_rolled(check, runs(looks, holds), hours(looks))

        await self._ledger.do(kept)

    async def _make_and_drop_days(self, today: int) -> None:
        """Tables for the days to come; those of days that were rolled up go as a whole."""
        to_come = range(today, today + _MADE_AHEAD_DAYS + 1)
        try:
            await self._ledger.do(lambda ledger: ledger.make_days(to_come))
            for day in await self._ledger.read(_days_to_drop):
                await self._gently(partial(self._drop_table, day))
                log.info("action=dropped_looks day=%s", date_of(day))
        except LedgerFault as busy:
            # A long question is in the way; the next turn is in an hour.
            if busy.cause != "held":
                raise
            log.info("action=days_not_tidied %s", busy)

    async def _drop_table(self, day: int) -> None:
        await self._ledger.do(lambda ledger: ledger.drop_day(day))

    async def _remove_some(self, check: str, day: int) -> int:
        def removed(ledger: Ledger) -> int:
            with ledger.transaction() as t:
                return t.remove_looks(check, day)

        return await self._ledger.do(removed)

    async def _drop(self, key: Key, day: int, now: datetime) -> None:
        await self._put(key, day, "dropped", Digest(), now)
        for check in await self._ledger.read(lambda ledger: ledger.check_names()):
            await self._gently(partial(self._drop_check, check, day))

    async def _drop_check(self, check: str, day: int) -> None:
        def dropped(ledger: Ledger) -> None:
            with ledger.transaction() as t:
                t.remove_rolled(check, day)

        await self._ledger.do(dropped)

    async def _digest(self, day: int, what: Sealed) -> Digest:
        """Check by check: no reader waits for a whole day."""
        digest = Digest()
        for check in await self._ledger.read(lambda ledger: ledger.check_names()):
            await self._gently(partial(self._digest_check, digest, check, day, what))
        return digest

    async def _digest_check(self, digest: Digest, check: str, day: int, what: Sealed) -> None:
        def added(ledger: Ledger) -> None:
            rows = ledger.look_rows if what == "looks" else ledger.rolled_rows
            digest.add(check, rows(check, day))

        await self._ledger.read(added)

    async def _put(self, key: Key, day: int, what: Sealed, digest: Digest, now: datetime) -> None:
        def ended(ledger: Ledger) -> tuple[Seal | None, Seal]:
            last, until = ledger.newest_seal(), ledger.newest_told()
            after = (last.history, last.receipts) if last else (0, 0)
            told = proof.told(ledger, after, until)
            return last, Seal(day, what, digest.rows, digest.text, *until, told, now)

        last, seal = await self._ledger.read(ended)
        made = proof.linked(seal, last, key)

        def put(ledger: Ledger) -> None:
            with ledger.transaction() as t:
                if ledger.newest_seal() != last:
                    raise LedgerFault("somebody else has sealed a day of this ledger")
                t.put_seal(made)

        await self._ledger.do(put)
        log.info("action=sealed what=%s day=%s seal=%s", what, date_of(day), made.chain)

    async def _gently(self, work: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        began = loop.time()
        done = await work()
        await asyncio.sleep(min(loop.time() - began, _LONGEST_PAUSE_SECONDS))
        return done


def _unsealed(ledger: Ledger, last: int) -> range:
    """The days that are over and have no seal; those after the last that has."""
    sealed = ledger.sealed_days("looks")
    if sealed:
        return range(sealed[-1] + 1, last + 1)
    oldest = ledger.oldest_look()
    return range(day_of(oldest), last + 1) if oldest else range(0)


def _days_to_drop(ledger: Ledger) -> list[int]:
    rolled = set(ledger.sealed_days("rolled"))
    return [day for day in ledger.own_days() if day in rolled]


def _of_one_host(ledger: Ledger, key: Key) -> bool:
    """Whether a link of this host's fits the chain: that of a file is nobody else's."""
    return not isinstance(ledger.place, ServerAddress) or proof.goes_on(ledger, key)
