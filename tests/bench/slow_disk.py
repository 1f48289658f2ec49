"""For how long a loop that looks stands still while its ledger's disk is slow: looks are settled
all the time, every commit is held up, and the longest gap between two turns of the loop is taken;
on the spot, as a ledger was asked before it had a thread, and in its thread.

    held up    strace delays each fsync and fdatasync of the process by half a second
    held       somebody else holds the ledger for three seconds

./reveille bench slow-disk
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checks.contract import Observation
from monitor.core.verdict import State, Verdict
from monitor.ledger import Ledger, LedgerAccess, Transaction
from monitor.ledger.own_thread import LedgerThread
from monitor.ledger.together import Together

PEERS = "strace"
DELAY_SECONDS, HELD_SECONDS, TARGET_SECONDS = 0.5, 3.0, 0.25
CHECKS, SETTLED = 20, 10
_TURN_SECONDS = 0.005


async def longest_stall(work: asyncio.Future[Any]) -> float:
    """The longest time between two turns of the loop that were due 5 ms apart, until the work is
    done.
    """
    longest, last = 0.0, time.monotonic()
    while not work.done():
        await asyncio.sleep(_TURN_SECONDS)  # what is measured is how late it ends
        now = time.monotonic()
        longest, last = max(longest, now - last - _TURN_SECONDS), now
    await work
    return longest


async def settled(ledger: LedgerAccess) -> None:
    """Looks of twenty checks, each settled as the rounds do it."""
    together = Together(ledger)

    async def looks(check: str) -> None:
        for _ in range(SETTLED):

            def settle(_: Ledger, t: Transaction) -> None:
                at = datetime.now(UTC)
                t.record(check, "portal", "scheduled", at, Observation(), Verdict(State.OK))

            await together.write(settle, alone=False)

    await asyncio.gather(*(looks(f"check-{number}") for number in range(CHECKS)))


async def stall_of(file: Path, threaded: bool) -> float:
    """Settle, and give the longest stall."""
    if threaded:
        ledger = LedgerThread(lambda: Ledger(file))
        longest = await longest_stall(asyncio.ensure_future(settled(ledger)))
        await ledger.close(30)
        return longest
    with Ledger(file) as ledger_on_the_spot:
        return await longest_stall(asyncio.ensure_future(settled(ledger_on_the_spot)))


async def held(file: Path, threaded: bool) -> float:
    """The same while somebody holds the ledger."""
    Ledger(file).close()

    def hold() -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(HELD_SECONDS)  # it is a length of time that is measured
            other.execute("ROLLBACK")

    holding = asyncio.ensure_future(asyncio.to_thread(hold))
    longest = await stall_of(file, threaded)
    await holding
    return longest


def held_up(threaded: bool) -> float:
    """The same with a disk that takes half a second for every fsync."""
    delay = f"inject=fsync,fdatasync:delay_enter={int(DELAY_SECONDS * 1e6)}"
    words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", delay]
    me = [sys.executable, "-P", __file__, "child", "thread" if threaded else "spot"]
    ran = subprocess.run([*words, *me], capture_output=True, text=True, check=True)
    return float(ran.stdout)


def measured() -> dict[str, float]:
    """Print all four; gives those of the ledger in its thread."""
    found = {}
    for way, threaded in (("on the spot", False), ("in its thread", True)):
        with tempfile.TemporaryDirectory(prefix="reveille-slow-") as folder:
            by_other = asyncio.run(held(Path(folder) / "ledger.sqlite", threaded))
        by_disk = held_up(threaded)
        print(
            f"the loop stands still, ledger {way}: {by_disk:.3f} s where each fsync takes"
            f" {DELAY_SECONDS:g} s, {by_other:.3f} s where it is held for {HELD_SECONDS:g} s",
            flush=True,
        )
        if threaded:
            found = {"disk": by_disk, "held": by_other}
    return found


def main(words: list[str]) -> int:
    """All of it, or the child that is held up."""
    if words[:1] == ["child"]:
        with tempfile.TemporaryDirectory(prefix="reveille-slow-") as folder:
            file = Path(folder) / "ledger.sqlite"
            print(asyncio.run(stall_of(file, words[1] == "thread")))
        return 0
    found = measured()
    print(
        f"slow-disk: the loop stood still for {max(found.values()):.3f} s at the longest; target"
        f" {TARGET_SECONDS:g} s"
    )
    return 0 if max(found.values()) <= TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
