"""The outbox: what the ledger has promised to say goes out, at least once, with the same key at
every try.

Rules:
1. A letter is leased and a receipt written BEFORE the send, another AFTER it. A sender that dies in
   between leaves a letter that goes out again: the far side may see it twice, with the same key,
   and never not at all.
2. Letters of one incident to one recipient keep their order: "closed" never overtakes "opened".
3. "Later" waits longer each time (a fixed table). A letter whose time is over is tried once more
   (its time may have gone by while we were off, or by a clock that ran ahead); put off again it
   fails, and the history says so.
4. A desk that is down as a whole is tried with one letter at a time; the others do not wear out
   their tries.
5. One outbox per host and ledger: a new one takes over at once what its dead predecessor had
   leased.
"""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from checks import masking
from checks.body import Unreadable
from checks.masking import Mask
from monitor.delivery.keyed_letters import Letters
from monitor.delivery.predecessor import taken_over
from monitor.delivery.stopwatch import Stopwatch
from monitor.desks.desk import Acknowledged, Desk, Letter, Never, TryLater, Unowned
from monitor.ledger import Ledger, LedgerAccess, OutboxRow, Transaction
from monitor.ledger.encoding import plain
from monitor.ledger.happening_bodies import happening_body

# RFC 5321 section 4.5.4.1 wants 30 minutes between the tries of a mail queue; news of an outage is
# worth sooner ones.
BACK_OFF_SECONDS = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0)
# A desk that is back is noticed within a minute, however long it was away.
_LONGEST_REST_SECONDS = 60.0
# Beyond the desk's own time limit, so that a lease never ends while its sender still writes the
# receipt.
_LEASE_MARGIN_SECONDS = 30.0
_log = logging.getLogger("reveille.outbox")


def back_off_seconds(attempts: int) -> float:
    """How long to wait after so many tries: 10 s, 30 s, 1 m, 2 m, 5 m, 10 m, then 15 m each."""
    return BACK_OFF_SECONDS[min(attempts, len(BACK_OFF_SECONDS)) - 1]


class Outbox:
    """Delivers what is due, by desk."""

    def __init__(
        self,
        ledger: LedgerAccess,
        desks: Mapping[str, Desk],
        host_name: str,
        state: Path | None = None,
    ) -> None:
        """`host_name` names this host in the leases; `state` is the folder with the key that lets
        letters be answered (monitor/incidents/answer_key.py), without which none says how.
        """
        self._ledger, self._state = ledger, state
        self._desks = dict(desks)
        self._owner = f"{host_name}:{os.getpid()}"
        self._slots = {
            name: asyncio.Semaphore(desk.concurrency) for name, desk in self._desks.items()
        }
        self._downs: dict[str, int] = {}
        self._rests_until: dict[str, datetime] = {}
        self._stopping = False
        self._conferences: set[asyncio.Future[None]] = set()

    def stop(self) -> None:
        """Lease no letter any more; what is being sent is finished, or cancelled by who runs it."""
        # One cancel() is not enough: asyncio.timeout and wait_for may swallow it where the inner
        # future ends in the same turn (CPython gh-86296), and the next letter would be leased.
        self._stopping = True

    def take_over(self, now: datetime) -> int:
        """Free what dead senders of this host were sending; returns how many letters. Once, at the
        start.
        """
        desks = self._desks.values()
        return self._ledger.at_once(lambda ledger: taken_over(ledger, self._owner, desks, now))

    async def next_due(self) -> datetime | None:
        """When `deliver_due` is to be called next; None when nothing waits."""
        waiting = await self._ledger.do(
            lambda ledger: [(name, ledger.next_letter_at(name)) for name in ledger.queued_desks()]
        )
        return min(
            (at for name, due in waiting if (at := self._next_due_at(name, due))), default=None
        )

    async def deliver_due(self, now: datetime) -> int:
        """Send what is due, until nothing more is; returns how many letters were handled. May run
        beside itself.
        """
        handled = await self._refuse_unknown_desks(now)
        stopwatch = Stopwatch(now)
        awake = [name for name in self._desks if self._rests_until.get(name, now) <= now]
        counts = await asyncio.gather(*(self._drain(name, stopwatch) for name in awake))
        return handled + sum(counts)

    async def _drain(self, name: str, stopwatch: Stopwatch) -> int:
        # After a desk was down one letter feels its way; all at once would use up their tries on
        # the same outage.
        workers = self._desks[name].concurrency if not self._downs.get(name) else 1
        return sum(await asyncio.gather(*(self._work(name, stopwatch) for _ in range(workers))))

    async def _work(self, name: str, stopwatch: Stopwatch) -> int:
        handled = 0
        async with self._slots[name]:
            while not self._stopping and self._rests_until.get(name, stopwatch.start) <= (
                stopwatch.start
            ):
                row = await self._lease(name, stopwatch.now())
                if row is None:
                    break
                await self._deliver(row, stopwatch)
                handled += 1
        return handled

    async def _lease(self, name: str, now: datetime) -> OutboxRow | None:
        # A desk that is gone has a lease of no length: it counts the try and writes the receipt,
        # and hands the letter back at once.
        desk = self._desks.get(name)
        seconds = desk.timeout_seconds + _LEASE_MARGIN_SECONDS if desk else 0.0
        until = now + timedelta(seconds=seconds)
        taken: list[OutboxRow] = []

        def leased(ledger: Ledger) -> OutboxRow | None:
            if self._stopping:
                return None
            with ledger.transaction() as transaction:
                row = transaction.lease_letter(name, self._owner, now, until)
            taken.extend([row] if row else [])
            return row

        try:
            return await self._ledger.do(leased)
        # Nobody will send what is being leased at this moment: it is given back as it was.
        except asyncio.CancelledError:
            self._ledger.hand_in(partial(self._interrupted, taken, now))
            raise

    async def _deliver(self, row: OutboxRow, stopwatch: Stopwatch) -> None:
        # A mail server may say back what it was told at the log-in.
        with masking.attempt() as mask:
            await self._delivered(row, stopwatch, mask)

    async def _delivered(self, row: OutboxRow, stopwatch: Stopwatch, mask: Mask) -> None:
        desk = self._desks[row.desk]
        try:
            letter = await self._letter(row, stopwatch.now())
            async with asyncio.timeout(desk.timeout_seconds):
                told = await desk.deliver(letter)
                reference = mask.text(told)
        except Never as refusal:
            await self._fail(row, stopwatch.now(), "never", mask.text(str(refusal)))
        except TryLater as refusal:
            said = mask.text(str(refusal))
            await self._postpone(row, stopwatch.now(), said, whole_desk=refusal.whole_desk)
        # A rollback to an older release leaves letters that only the newer one can read: they wait
        # for it.
        except Unreadable as why:
            await self._postpone(row, stopwatch.now(), str(why), whole_desk=False)
        except TimeoutError:
            await self._postpone(
                row,
                stopwatch.now(),
                f"no answer within {desk.timeout_seconds:g} s",
                whole_desk=True,
            )
        except Exception as bug:  # noqa: BLE001 - one desk's bug stops no other desk
            where = mask.text("".join(traceback.format_exception(bug)))
            _log.error("action=desk_broke desk=%s letter=%d\n%s", row.desk, row.id, where)
            await self._postpone(
                row, stopwatch.now(), f"the desk broke: {type(bug).__name__}", whole_desk=False
            )
        # Cancelled in the middle of a send: nobody knows whether it went out, so it goes out again
        # under the same key.
        except BaseException:
            self._ledger.hand_in(partial(self._interrupted, [row], stopwatch.now()))
            raise
        else:
            taken = told if isinstance(told, Acknowledged) else None
            refused = mask.text(told.why) if isinstance(told, Unowned) else ""
            await self._sent(row, stopwatch.now(), reference, taken.by if taken else "", refused)
            if taken and taken.minutes:
                self._conferences.add(asyncio.ensure_future(self._hear(row, taken, stopwatch)))

    async def _hear(self, row: OutboxRow, taken: Acknowledged, stopwatch: Stopwatch) -> None:
        """Keep the minutes of a conference in the ticket, once it is over."""
        try:
            told = await taken.minutes if taken.minutes else ""
        except Exception as problem:  # noqa: BLE001 - the ticket says so
            told = f"it broke: {type(problem).__name__}: {problem}"
        body = happening_body("conference", {"text": told})
        at = stopwatch.now()
        await self._written(lambda t: t.happened(row.incident, at, "conference", body))
        taken.kept()
        _log.info("action=conference_over letter=%d %s", row.id, plain(told))

    async def _letter(self, row: OutboxRow, now: datetime) -> Letter:
        return await self._ledger.do(lambda ledger: Letters(ledger, self._state).of(row, now))

    async def _written(self, change: Callable[[Transaction], object]) -> None:
        """A change that is made whatever becomes of who waits for it: what was sent is noted."""

        def written(ledger: Ledger) -> None:
            with ledger.transaction() as transaction:
                change(transaction)

        await asyncio.shield(self._ledger.do(written))

    async def _sent(
        self, row: OutboxRow, at: datetime, reference: str, by: str, refused: str
    ) -> None:
        self._downs.pop(row.desk, None)

        def sent(t: Transaction) -> None:
            t.letter_sent(row, at, reference)
            # Somebody has taken the ticket on the telephone: the watch acknowledges it by this row.
            if by:
                facts = {"by": by, "text": reference}
                t.happened(row.incident, at, "answered", happening_body("answered", facts))
            if refused:
                facts = {"desk": row.desk, "reason": refused}
                t.happened(row.incident, at, "unowned", happening_body("unowned", facts))

        await self._written(sent)
        _log.info("action=letter_sent desk=%s letter=%d %s", row.desk, row.id, plain(reference))

    async def _postpone(self, row: OutboxRow, at: datetime, text: str, *, whole_desk: bool) -> None:
        if whole_desk:
            self._rest(row.desk, at)
        else:
            # The desk answered, if only about this letter: it is not down.
            self._downs.pop(row.desk, None)
        await self._put_off(row, at, text)

    async def _put_off(self, row: OutboxRow, at: datetime, text: str) -> None:
        if at >= row.expires_at:
            await self._fail(row, at, "expired", f"not delivered in its time; last: {text}")
            return
        again = at + timedelta(seconds=back_off_seconds(row.attempts))
        await self._written(lambda t: t.letter_postponed(row, at, again, text))
        _log.warning("action=letter_waits desk=%s letter=%d %s", row.desk, row.id, plain(text))

    def _rest(self, name: str, at: datetime) -> None:
        self._downs[name] = self._downs.get(name, 0) + 1
        rest = min(back_off_seconds(self._downs[name]), _LONGEST_REST_SECONDS)
        self._rests_until[name] = at + timedelta(seconds=rest)

    async def _fail(
        self, row: OutboxRow, at: datetime, kind: Literal["never", "expired"], text: str
    ) -> None:
        told = {"event": row.kind, "desk": row.desk, "recipient": row.recipient, "reason": text}
        body = happening_body("undeliverable", told)

        def failed(t: Transaction) -> None:
            if t.letter_failed(row, at, kind, text):
                t.happened(row.incident, at, "undeliverable", body)

        await self._written(failed)
        _log.error("action=letter_failed desk=%s letter=%d %s", row.desk, row.id, plain(text))

    def _interrupted(self, rows: list[OutboxRow], at: datetime, ledger: Ledger) -> None:
        with ledger.transaction() as transaction:
            for row in rows:
                transaction.letter_interrupted(row, at, "stopped while it was being sent")

    async def _refuse_unknown_desks(self, now: datetime) -> int:
        """A desk that is not configured any more may come back: its letters wait like any other
        that fail.
        """
        handled = 0
        queued = await self._ledger.do(lambda ledger: ledger.queued_desks())
        for name in sorted(set(queued) - self._desks.keys()):
            while not self._stopping and (row := await self._lease(name, now)):
                await self._put_off(row, now, f"there is no [desks.{name}] in the configuration")
                handled += 1
        return handled

    def _next_due_at(self, name: str, due: datetime | None) -> datetime | None:
        rests_until = self._rests_until.get(name)
        return max(due, rests_until) if due and rests_until else due
