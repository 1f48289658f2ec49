"""Changes written together: all, in order; one that cannot be written takes no other along."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from monitor.core.condition import Condition
from monitor.incidents import store
from monitor.ledger import Ledger, Transaction
from monitor.ledger.together import Change, Together

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def happens(name: str) -> Change:
    def change(_: Ledger, t: Transaction) -> None:
        t.happened(None, AT, name, {})

    return change


def written(ledger: Ledger) -> list[str]:
    return [row.kind for row in ledger.history(None)]


async def test_what_comes_together_is_one_transaction(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("together")
    with (
        Ledger(folder / "a.sqlite") as ledger,
        Ledger(folder / "a.sqlite", read_only=True) as other,
    ):
        together = Together(ledger)
        looks = [
            asyncio.ensure_future(together.write(happens(f"look-{n}"), alone=False))
            for n in range(5)
        ]
        await asyncio.sleep(0)
        assert written(other) == [] and not any(look.done() for look in looks)
        await asyncio.gather(*looks)
        assert sorted(written(other)) == [f"look-{n}" for n in range(5)]


async def test_one_alone_is_written_at_once() -> None:
    with Ledger(":memory:") as ledger:
        task = asyncio.ensure_future(
            Together(ledger, gather_seconds=3600).write(happens("alone"), alone=True)
        )
        await asyncio.wait_for(task, 30)
        assert written(ledger) == ["alone"]


async def test_only_the_one_at_fault_fails() -> None:
    def broken(_: Ledger, t: Transaction) -> None:
        t.happened(None, AT, "half", {})
        raise ZeroDivisionError

    with Ledger(":memory:") as ledger:
        together = Together(ledger)
        changes = (happens("before"), broken, happens("after"))
        ended = await asyncio.gather(
            *(together.write(c, alone=False) for c in changes), return_exceptions=True
        )
        assert [type(end) for end in ended] == [type(None), ZeroDivisionError, type(None)]
        assert sorted(written(ledger)) == ["after", "before"]


async def test_one_that_is_cancelled_before_its_turn_is_not_made() -> None:
    with Ledger(":memory:") as ledger:
        together = Together(ledger)
        one, other = (
            asyncio.ensure_future(together.write(happens(n), alone=False)) for n in ("one", "other")
        )
        await asyncio.sleep(0)
        one.cancel()
        await other
        assert written(ledger) == ["other"] and one.cancelled()


async def test_what_is_kept_of_conditions_is_what_the_ledger_says(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Through changes of our own, of another process, and changes that were undone."""
    file = tmp_path_factory.mktemp("kept") / "a.sqlite"

    def fresh() -> dict[str, Condition]:
        with Ledger(file, read_only=True) as reader:
            return store.conditions(reader)

    with Ledger(file) as ours, Ledger(file) as theirs:
        for number, ledger in enumerate((ours, theirs, ours, ours, theirs)):
            with ledger.transaction() as t:
                looked = Condition(
                    f"c{number % 2}",
                    looked_at=AT,
                    next_look=AT if number % 2 else None,
                    bad_in_row=number,
                )
                store.keep_condition(t, looked)
            assert store.conditions(ours) == store.conditions(theirs) == fresh()
            assert set(store.next_looks(ours)) == {n for n, c in fresh().items() if c.next_look}
        with pytest.raises(ZeroDivisionError), ours.transaction() as t:
            store.keep_condition(t, Condition("c0", bad_in_row=99))
            assert store.condition_of(ours, "c0").bad_in_row == 99
            raise ZeroDivisionError
        assert store.condition_of(ours, "c0") == fresh()["c0"]
