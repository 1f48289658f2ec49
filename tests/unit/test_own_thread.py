"""The ledger in a thread of its own: in order, whole or not at all; the loop waits for nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.ledger import Ledger, LedgerFault, Transaction
from monitor.ledger.own_thread import LedgerThread
from monitor.ledger.together import Together

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


@asynccontextmanager
async def threaded(folder: Path) -> AsyncIterator[LedgerThread]:
    ledger = LedgerThread(lambda: Ledger(folder / "a.sqlite"))
    yield ledger
    assert await ledger.close(30)


def happens(name: str, ledger: Ledger) -> None:
    with ledger.transaction() as t:
        t.happened(None, AT, name, {})


def kinds(ledger: Ledger) -> list[str]:
    return [row.kind for row in ledger.history(None)]


async def test_what_is_handed_in_is_done_in_that_order(tmp_path: Path) -> None:
    names = [f"look-{n:03}" for n in range(50)]
    async with threaded(tmp_path) as ledger:
        for name in names[:-1]:
            ledger.hand_in(lambda one, name=name: happens(name, one))  # type: ignore[misc]
        await ledger.do(lambda one: happens(names[-1], one))
        assert await ledger.read(kinds) == names, "a reader sees what is committed"


async def test_a_ledger_that_is_held_keeps_no_loop_from_turning(tmp_path: Path) -> None:
    async with threaded(tmp_path) as ledger:
        await ledger.do(lambda one: happens("before", one))
        with closing(sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            written = asyncio.ensure_future(Together(ledger).write(_happened, alone=False))
            turns = 0
            while ledger.waits_seconds() < 0.3:
                await asyncio.sleep(0.005)  # the loop turns on meanwhile
                turns += 1
            assert turns > 10 and not written.done()
            assert await ledger.read(kinds) == ["before"], "nor a reader from reading"
            other.execute("ROLLBACK")
        await written
        assert await ledger.read(kinds) == ["before", "settled"]


def removed(folder: Path) -> None:
    for path in folder.glob("a.sqlite*"):
        path.unlink()


def _happened(_: Ledger, t: Transaction) -> None:
    t.happened(None, AT, "settled", {})


async def test_a_fault_is_raised_where_it_is_awaited_and_the_next_is_done(tmp_path: Path) -> None:
    def broken(ledger: Ledger) -> None:
        with ledger.transaction() as t:
            t.happened(None, AT, "half", {})
            raise ZeroDivisionError

    async with threaded(tmp_path) as ledger:
        with pytest.raises(ZeroDivisionError):
            await ledger.do(broken)
        await ledger.do(lambda one: happens("whole", one))
        assert await ledger.read(kinds) == ["whole"]


async def test_cancelled_before_its_turn_it_is_not_done_and_once_begun_it_is(
    tmp_path: Path,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(ledger: Ledger) -> None:
        begun.set()
        go_on.wait(30)
        happens("begun", ledger)

    async with threaded(tmp_path) as ledger:
        first, second = ledger.do(slow), ledger.do(lambda one: happens("waiting", one))
        await asyncio.to_thread(begun.wait, 30)
        first.cancel()
        second.cancel()
        go_on.set()
        assert await ledger.do(kinds) == ["begun"]


async def test_no_other_thread_can_use_its_connection(tmp_path: Path) -> None:
    async with threaded(tmp_path) as ledger:
        stolen = await ledger.do(lambda one: one)
        with pytest.raises(LedgerFault, match="thread"):
            stolen.open_incidents()


async def test_what_comes_after_its_end_is_refused_and_all_before_is_kept(tmp_path: Path) -> None:
    async with threaded(tmp_path) as ledger:
        handed_in = ledger.do(lambda one: happens("last", one))
        assert await ledger.close(30)
        await handed_in
        with pytest.raises(LedgerFault, match="has stopped"):
            await ledger.do(kinds)
    with Ledger(tmp_path / "a.sqlite", read_only=True) as kept:
        assert kinds(kept) == ["last"]


async def test_a_reader_follows_a_ledger_that_was_put_in_its_place(tmp_path: Path) -> None:
    async with threaded(tmp_path) as ledger:
        await ledger.do(lambda one: happens("ours", one))
        assert await ledger.read(kinds) == ["ours"]
        removed(tmp_path)
        await ledger.do(lambda one: one.rescue(AT))
        await ledger.do(lambda one: happens("after", one))
        assert await ledger.read(kinds) == ["ours", "after"]


def test_one_that_cannot_be_opened_says_so_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(LedgerFault):
        LedgerThread(lambda: Ledger(tmp_path, read_only=True))
    assert time.monotonic() - began < 30
