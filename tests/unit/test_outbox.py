"""The outbox sends what was promised, in its order, again later if need be, and says what it could
not.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.delivery.outbox import BACK_OFF_SECONDS, Outbox, back_off_seconds
from monitor.desks.desk import Letter, Never, TryLater, letter_body
from monitor.ledger import IncidentRow, Ledger, OutboxMessage
from monitor.ledger.bodies import ticket_body
from monitor.testing.doubles import FakeDesk
from tests.unit.sample_ticket import ticket

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
_TICKET = ticket_body(ticket())


def after(**spans: float) -> datetime:
    return NOW + timedelta(**spans)


def open_incident(ledger: Ledger) -> int:
    with ledger.transaction() as t:
        return t.open_incident(
            IncidentRow(None, f"k{len(ledger.incidents())}", "Pune", "ivr", "P0", "vendor", NOW)
        )


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger(":memory:") as opened:
        yield opened


def enqueue(
    ledger: Ledger, incident: int | None, kind: str, recipient: str = "a@example.net", **more: Any
) -> bool:
    values = {
        "sequence": 1,
        "desk": "mail",
        "body": letter_body(_TICKET, {"n": kind}),
        "not_before": NOW,
        **more,
    }
    with ledger.transaction() as t:
        return t.enqueue(OutboxMessage(incident, kind, recipient=recipient, **values))


def refusing(error: Exception, times: int = 10**9) -> Any:
    """An answer that raises so many times, and takes letters afterwards."""
    left = iter(range(times))

    def answer(letter: Letter) -> str:
        if next(left, None) is not None:
            raise error
        return "taken"

    return answer


async def test_a_letter_goes_out_once(ledger: Ledger) -> None:
    incident, desk = open_incident(ledger), FakeDesk()
    assert enqueue(ledger, incident, "opened")
    assert not enqueue(ledger, incident, "opened"), "the same message is no second letter"
    outbox = Outbox(ledger, {"mail": desk}, "host")
    assert await outbox.deliver_due(NOW) == 1
    assert await outbox.deliver_due(after(days=1)) == 0
    assert [letter.kind for letter in desk.letters] == ["opened"]
    assert ledger.outbox_counts() == {"queued": 0, "sent": 1, "failed": 0}


async def test_a_message_without_an_incident_goes_out_once_too(ledger: Ledger) -> None:
    assert enqueue(ledger, None, "audit")
    assert not enqueue(ledger, None, "audit")
    assert enqueue(ledger, None, "audit", sequence=2)
    assert await Outbox(ledger, {"mail": FakeDesk()}, "host").deliver_due(NOW) == 2


async def test_receipts_stand_before_and_after_each_send(ledger: Ledger) -> None:
    seen: list[str] = []

    def answer(letter: Letter) -> str:
        seen.extend(receipt.kind for receipt in ledger.receipts(1))
        if len(seen) == 1:
            raise TryLater("451 greylisted")
        return "250 queued as 4711"

    enqueue(ledger, open_incident(ledger), "opened")
    outbox = Outbox(ledger, {"mail": FakeDesk(answer)}, "host")
    await outbox.deliver_due(NOW)
    assert seen == ["tried"], "written before the send"
    await outbox.deliver_due(after(seconds=10))
    assert [(r.kind, r.attempt, r.at) for r in ledger.receipts(1)] == [
        ("tried", 1, NOW),
        ("later", 1, NOW),
        ("tried", 2, after(seconds=10)),
        ("sent", 2, after(seconds=10)),
    ]
    assert ledger.outbox("sent")[0].reference == "250 queued as 4711"


async def test_later_waits_longer_each_time(ledger: Ledger) -> None:
    enqueue(ledger, open_incident(ledger), "opened")
    outbox = Outbox(ledger, {"mail": FakeDesk(refusing(TryLater("not now"), 9))}, "host")
    waits, now = [], NOW
    while (due := await outbox.next_due()) is not None:
        waits.append((due - now).total_seconds())
        now = due
        assert await outbox.deliver_due(now - timedelta(milliseconds=1)) == 0, "not a moment before"
        assert await outbox.deliver_due(now) == 1
    assert waits == [0, *BACK_OFF_SECONDS, 900, 900]
    assert ledger.outbox_counts()["sent"] == 1


async def test_never_fails_at_once_and_the_history_says_so(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    enqueue(ledger, incident, "opened", "gone@example.net")
    enqueue(ledger, incident, "opened", "here@example.net")
    desk = FakeDesk(
        lambda letter: (
            refusing(Never("550 no such user"))(letter) if "gone" in letter.recipient else "ok"
        )
    )
    await Outbox(ledger, {"mail": desk}, "host").deliver_due(NOW)
    assert [(row.recipient, row.last_error) for row in ledger.outbox("failed")] == [
        ("gone@example.net", "550 no such user")
    ]
    assert [
        (row.kind, row.body["recipient"], row.body["reason"]) for row in ledger.history(incident)
    ] == [("undeliverable", "gone@example.net", "550 no such user")]


async def test_a_letter_whose_time_is_over_fails_and_the_history_says_so(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    enqueue(ledger, incident, "opened")
    desk = FakeDesk(refusing(TryLater("451 full")))
    outbox = Outbox(ledger, {"mail": desk}, "host")
    await outbox.deliver_due(NOW)
    await outbox.deliver_due(after(days=3, seconds=-1))
    assert ledger.outbox_counts()["queued"] == 1
    await outbox.deliver_due(after(days=3, minutes=1))
    assert ledger.outbox_counts() == {"queued": 0, "sent": 0, "failed": 1}
    assert ledger.history(incident)[0].body["reason"] == "not delivered in its time; last: 451 full"
    assert [receipt.kind for receipt in ledger.receipts(1)][-1] == "expired"
    assert await outbox.next_due() is None


async def test_a_letter_that_we_were_off_for_is_tried_all_the_same(ledger: Ledger) -> None:
    """Off for a week, or a clock that ran ahead for an hour: it was never tried in its time."""
    enqueue(ledger, open_incident(ledger), "opened")
    outbox = Outbox(ledger, {"mail": FakeDesk()}, "host")
    assert await outbox.deliver_due(after(days=7)) == 1
    assert ledger.outbox_counts() == {"queued": 0, "sent": 1, "failed": 0}


async def test_closed_never_overtakes_opened(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    desk = FakeDesk(refusing(TryLater("451 greylisted"), 1), concurrency=4)
    for kind in ("opened", "acknowledged", "closed"):
        enqueue(ledger, incident, kind)
    outbox = Outbox(ledger, {"mail": desk}, "host")
    assert await outbox.deliver_due(NOW) == 1, "the others wait behind the first"
    assert await outbox.next_due() == after(seconds=10)
    await outbox.deliver_due(after(seconds=10))
    assert [letter.kind for letter in desk.letters] == ["opened", "acknowledged", "closed"]


async def test_another_recipient_and_another_incident_do_not_wait(ledger: Ledger) -> None:
    first, second = open_incident(ledger), open_incident(ledger)
    enqueue(ledger, first, "opened", "slow@example.net")
    enqueue(ledger, first, "opened", "quick@example.net")
    enqueue(ledger, second, "opened", "slow@example.net")
    later = refusing(TryLater("451"))
    desk = FakeDesk(
        lambda letter: (
            later(letter) if letter.recipient[0] == "s" and letter.incident == first else "ok"
        )
    )
    await Outbox(ledger, {"mail": desk}, "host").deliver_due(NOW)
    assert {(letter.incident, letter.recipient) for letter in desk.letters} == {
        (first, "quick@example.net"),
        (second, "slow@example.net"),
    }


async def test_a_letter_that_is_for_later_does_not_hold_up_what_is_due(ledger: Ledger) -> None:
    incident, desk = open_incident(ledger), FakeDesk()
    enqueue(ledger, incident, "escalated", not_before=after(hours=1))
    enqueue(ledger, incident, "closed")
    outbox = Outbox(ledger, {"mail": desk}, "host")
    await outbox.deliver_due(NOW)
    assert [letter.kind for letter in desk.letters] == ["closed"]
    assert await outbox.next_due() == after(hours=1)


async def test_a_failed_letter_lets_the_next_one_go(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    desk = FakeDesk(refusing(Never("552 too big"), 1))
    enqueue(ledger, incident, "opened")
    enqueue(ledger, incident, "closed")
    await Outbox(ledger, {"mail": desk}, "host").deliver_due(NOW)
    assert [letter.kind for letter in desk.letters] == ["closed"]
    assert desk.letters[0].previous is None, "nothing was sent before it"


async def test_every_try_has_the_same_key_and_every_letter_its_own(ledger: Ledger) -> None:
    keys: list[str] = []

    def answer(letter: Letter) -> str:
        keys.append(letter.key)
        raise TryLater("451")

    incident = open_incident(ledger)
    enqueue(ledger, incident, "opened", "a@example.net")
    outbox = Outbox(ledger, {"mail": FakeDesk(answer)}, "host")
    await outbox.deliver_due(NOW)
    await Outbox(ledger, {"mail": FakeDesk(answer)}, "another-host").deliver_due(after(hours=1))
    assert len(keys) == 2
    assert len(set(keys)) == 1
    enqueue(ledger, incident, "opened", "b@example.net")
    enqueue(ledger, incident, "opened", "b@example.net", sequence=2)
    enqueue(ledger, open_incident(ledger), "opened", "b@example.net")
    desk = FakeDesk()
    await Outbox(ledger, {"mail": desk}, "host").deliver_due(after(hours=2))
    assert len({letter.key for letter in desk.letters}) == 4


async def test_a_letter_names_the_one_before_it_in_its_thread(ledger: Ledger) -> None:
    incident, desk = open_incident(ledger), FakeDesk()
    enqueue(ledger, incident, "opened")
    enqueue(ledger, incident, "closed")
    enqueue(ledger, incident, "closed", "other@example.net")
    await Outbox(ledger, {"mail": desk}, "host").deliver_due(NOW)
    opened, closed, other = sorted(
        desk.letters, key=lambda letter: (letter.recipient, letter.kind == "closed")
    )
    assert (opened.previous, closed.previous, other.previous) == (None, opened.key, None)
    assert opened.thread == closed.thread == other.thread


async def test_two_ledgers_never_give_the_same_key(ledger: Ledger) -> None:
    desk = FakeDesk()
    with Ledger(":memory:") as another:
        for each in (ledger, another):
            enqueue(each, open_incident(each), "opened")
            await Outbox(each, {"mail": desk}, "host").deliver_due(NOW)
    assert desk.letters[0].key != desk.letters[1].key


class Gate:
    """A desk that holds its letters until it is opened, and knows how many it held at once."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency, self.timeout_seconds = concurrency, 5.0
        self.inside = self.most = 0
        self.opened = asyncio.Event()
        self.full = asyncio.Event()

    async def deliver(self, letter: Letter) -> str:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside == self.concurrency:
            self.full.set()
        await self.opened.wait()
        self.inside -= 1
        return letter.key


async def test_a_desk_takes_only_so_many_at_once_even_when_asked_twice(ledger: Ledger) -> None:
    desk = Gate(concurrency=3)
    for number in range(12):
        enqueue(ledger, None, "audit", f"{number}@example.net")
    outbox = Outbox(ledger, {"mail": desk}, "host")
    rounds = [asyncio.create_task(outbox.deliver_due(NOW)) for _ in range(2)]
    await asyncio.wait_for(desk.full.wait(), 5)
    assert len(ledger.leased_letters()) == 3
    desk.opened.set()
    assert sum(await asyncio.gather(*rounds)) == 12
    assert desk.most == 3


async def test_a_slow_desk_does_not_hold_up_another(ledger: Ledger) -> None:
    slow, quick = Gate(1), FakeDesk()
    enqueue(ledger, None, "audit", desk="slow")
    enqueue(ledger, None, "audit", desk="quick")
    outbox = Outbox(ledger, {"slow": slow, "quick": quick}, "host")
    delivering = asyncio.create_task(outbox.deliver_due(NOW))
    await asyncio.wait_for(slow.full.wait(), 5)
    assert len(quick.letters) == 1
    slow.opened.set()
    await delivering


async def test_a_desk_that_is_down_is_tried_with_one_letter(ledger: Ledger) -> None:
    desk = FakeDesk(refusing(TryLater("connection refused", whole_desk=True), 2), concurrency=1)
    for number in range(20):
        enqueue(ledger, None, "audit", f"{number}@example.net")
    outbox = Outbox(ledger, {"mail": desk}, "host")
    assert await outbox.deliver_due(NOW) == 1
    assert await outbox.deliver_due(after(seconds=9)) == 0, "it rests"
    assert await outbox.next_due() == after(seconds=10)
    assert await outbox.deliver_due(after(seconds=10)) == 1
    assert await outbox.next_due() == after(seconds=40)
    assert await outbox.deliver_due(after(seconds=40)) == 20
    assert sorted(row.attempts for row in ledger.outbox("sent")) == [1] * 18 + [2] * 2


async def test_a_bug_in_a_desk_is_only_later_and_no_secret_is_told(ledger: Ledger) -> None:
    enqueue(ledger, None, "audit")
    desk = FakeDesk(refusing(RuntimeError("password=hunter2"), 1))
    outbox = Outbox(ledger, {"mail": desk}, "host")
    await outbox.deliver_due(NOW)
    assert ledger.outbox()[0].last_error == "the desk broke: RuntimeError"
    await outbox.deliver_due(after(seconds=10))
    assert len(desk.letters) == 1


async def test_a_desk_that_never_answers_is_given_up(ledger: Ledger) -> None:
    desk = Gate(1)
    desk.timeout_seconds = 0.05
    enqueue(ledger, None, "audit")
    await Outbox(ledger, {"mail": desk}, "host").deliver_due(NOW)
    assert ledger.outbox("queued")[0].last_error == "no answer within 0.05 s"


async def test_what_was_under_way_at_a_stop_is_due_again(ledger: Ledger) -> None:
    desk = Gate(1)
    enqueue(ledger, None, "audit")
    outbox = Outbox(ledger, {"mail": desk}, "host")
    delivering = asyncio.create_task(outbox.deliver_due(NOW))
    await asyncio.wait_for(desk.full.wait(), 5)
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    assert [receipt.kind for receipt in ledger.receipts(1)] == ["tried", "interrupted"]
    assert await outbox.next_due() == NOW


async def test_letters_for_a_desk_that_is_gone_wait_and_say_why(ledger: Ledger) -> None:
    enqueue(ledger, None, "audit", desk="rt")
    await Outbox(ledger, {"mail": FakeDesk()}, "host").deliver_due(NOW)
    assert ledger.outbox("queued")[0].last_error == "there is no [desks.rt] in the configuration"
    desk = FakeDesk()
    await Outbox(ledger, {"rt": desk}, "host").deliver_due(after(seconds=10))
    assert len(desk.letters) == 1


def a_process_that_is_gone() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as sender:
        return sender.pid


def lease(ledger: Ledger, owner: str) -> None:
    with ledger.transaction() as t:
        assert t.lease_letter("mail", owner, NOW, after(minutes=5)) is not None


async def test_what_a_dead_sender_had_is_taken_over_at_once(ledger: Ledger) -> None:
    gone = a_process_that_is_gone()
    enqueue(ledger, None, "audit")
    lease(ledger, f"host:{gone}")
    desk = FakeDesk()
    outbox = Outbox(ledger, {"mail": desk}, "host")
    assert await outbox.deliver_due(NOW) == 0, "somebody has it"
    assert outbox.take_over(NOW) == 1
    assert await outbox.deliver_due(NOW) == 1


@pytest.mark.parametrize("owner", [f"host:{os.getppid()}", "another-host:1"])
async def test_what_a_living_or_a_far_sender_has_is_left_until_its_lease_ends(
    ledger: Ledger, owner: str
) -> None:
    enqueue(ledger, None, "audit")
    lease(ledger, owner)
    outbox = Outbox(ledger, {"mail": FakeDesk()}, "host")
    assert outbox.take_over(NOW) == 0
    assert await outbox.deliver_due(NOW) == 0
    assert await outbox.next_due() == after(minutes=5)
    assert await outbox.deliver_due(after(minutes=5)) == 1


async def test_a_broken_answer_of_a_far_side_can_be_kept(ledger: Ledger) -> None:
    enqueue(ledger, None, "audit")
    await Outbox(
        ledger, {"mail": FakeDesk(refusing(Never("550 \udcff\x1b[2J\r\n" + "x" * 9999)))}, "host"
    ).deliver_due(NOW)
    kept = ledger.outbox("failed")[0].last_error
    assert kept is not None
    assert len(kept) == 500
    assert kept.isprintable()


def test_the_table_of_waits() -> None:
    assert [back_off_seconds(attempts) for attempts in (1, 2, 3, 7, 8, 100)] == [
        10,
        30,
        60,
        900,
        900,
        900,
    ]
