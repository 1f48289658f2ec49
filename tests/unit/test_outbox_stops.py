"""An outbox that is told to stop takes no further letter, whatever swallows a cancellation; what
was cut off has had no answer, and is no try.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.delivery.last_resort import AGAIN_AFTER, Alarm
from monitor.delivery.outbox import Outbox
from monitor.desks.desk import Letter, letter_body
from monitor.ledger import Ledger, LedgerFault, OutboxMessage
from monitor.ledger.bodies import ticket_body
from monitor.ledger.errors import cause_of
from monitor.testing.doubles import FakeDesk
from tests.unit.sample_ticket import ticket

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger(":memory:") as opened:
        with opened.transaction() as t:
            for number in range(20):
                body = letter_body(ticket_body(ticket()), {})
                t.enqueue(OutboxMessage(None, "opened", number, "mail", "a@example.net", body, NOW))
        yield opened


class Swallowing(FakeDesk):
    """Loses its cancellation, as asyncio.wait_for does when the answer comes in the same turn."""

    async def deliver(self, letter: Letter) -> str:
        """Take it, cancelled or not."""
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.letters.append(letter)
            return "taken"
        return await super().deliver(letter)


async def test_a_swallowed_cancellation_ends_the_outbox_all_the_same(ledger: Ledger) -> None:
    desk = Swallowing()
    outbox = Outbox(ledger, {"mail": desk}, "host")
    sending = asyncio.ensure_future(outbox.deliver_due(NOW))
    while len(desk.letters) < 3:
        await asyncio.sleep(0)
    outbox.stop()
    sending.cancel()
    await asyncio.wait({sending}, timeout=5)
    assert sending.done()
    assert len(desk.letters) <= 4, "the one that was being sent, and no other"
    assert ledger.outbox_counts()["sent"] == len(desk.letters)
    assert await outbox.deliver_due(NOW) == 0


async def test_a_stopped_outbox_leases_nothing_for_desks_that_are_gone(ledger: Ledger) -> None:
    outbox = Outbox(ledger, {}, "host")
    outbox.stop()
    assert await outbox.deliver_due(NOW) == 0
    assert ledger.leased_letters() == []


def test_twenty_interruptions_are_no_try(ledger: Ledger) -> None:
    for _ in range(20):
        with ledger.transaction() as t:
            row = t.lease_letter("mail", "here:1", NOW, NOW + timedelta(seconds=60))
            assert row is not None
            assert row.attempts == 1
            t.letter_interrupted(row, NOW, "killed")
    assert ledger.outbox()[0].attempts == 0


def test_nor_is_a_lease_that_ran_out(ledger: Ledger) -> None:
    later = NOW
    for _ in range(5):
        with ledger.transaction() as t:
            row = t.lease_letter("mail", "elsewhere:1", later, later + timedelta(seconds=60))
        assert row is not None
        assert (row.id, row.attempts) == (1, 1)
        # The others are leased meanwhile by somebody who lives.
        with ledger.transaction() as t:
            while t.lease_letter("mail", "here:1", later, later + timedelta(days=9)):
                pass
        later += timedelta(seconds=61)


def test_faults_of_one_cause_raise_one_alarm_in_the_same_turn(ledger: Ledger) -> None:
    alarm = Alarm()
    full = cause_of(OSError(28, "No space left on device")), cause_of(LedgerFault("full", "disk"))
    assert [alarm.claim(cause, NOW) for cause in full] == [True, False]
    assert alarm.claim("damaged", NOW), "another cause is another alarm"
    assert not alarm.claim("disk", NOW + AGAIN_AFTER - timedelta(seconds=1))
    assert alarm.claim("disk", NOW + AGAIN_AFTER)
    assert alarm.claim("disk", NOW), "a clock that was set back: rather one too many"
