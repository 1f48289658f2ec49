"""Lives of incidents under a daemon that dies and a clock that jumps: every step once, none lost,
none later than a minute after it is back (tests/scenes/lives.py).

Most on a clock moved by hand (tests/scenes/moved_lives.py); `--killed` of them under the real
daemon, whose wall clock libfaketime moves and which is ended by SIGKILL
(tests/scenes/killed_lives.py).

./reveille bench lives [--lives N] [--killed N] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.scenes.killed_lives import live_killed
from tests.scenes.moved_lives import POLICIES, Lives, Row

PEERS = "faketime"
# A site that grows old costs more at every turn: a row of so many batches is lived, and the next
# begins anew.
_BATCHES = 12
_SHOWN = 20
# A process that is killed leaves to the kernel what it has written: no disk is needed to see what
# its next life finds, and waiting for one was most of the time (100 commits a life).
_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


async def main(lives: int, killed: int, seed: int) -> int:
    """Live them; print what does not hold, and the figures."""
    draw, began = random.Random(seed), time.monotonic()

    async def moved(folder: Path) -> Lives:
        row = Row(folder, random.Random(draw.randrange(2**32)), draw.choice(POLICIES))
        return await row.live(_BATCHES)

    async def real(folder: Path) -> Lives:
        return await live_killed(folder, random.Random(draw.randrange(2**32)))

    by_hand = await _several(lives - killed, moved, "moved", began)
    by_kill = await _several(killed, real, "killed", began)
    wrong = by_hand.faults + by_kill.faults
    for name, seen in (("moved", by_hand), ("killed", by_kill)):
        print(f"{name}: {', '.join(f'{n} x {what}' for what, n in seen.happened.most_common())}")
    print(
        f"\nlives: {by_hand.lives} on a moved clock, {by_kill.lives} under a daemon that was"
        f" killed {by_kill.happened['SIGKILL']} times, {len(wrong)} faults,"
        f" {time.monotonic() - began:.0f} s, seed {seed}; target: no fault"
    )
    return 1 if wrong else 0


async def _several(
    wanted: int, live: Callable[[Path], Awaitable[Lives]], name: str, began: float
) -> Lives:
    all_of_them = Lives(0, Counter(), [])
    while all_of_them.lives < wanted:
        with tempfile.TemporaryDirectory(prefix="reveille-lives-", dir=_MEMORY) as folder:
            seen = await live(Path(folder))
        all_of_them.lives += seen.lives
        all_of_them.happened += seen.happened
        for fault in seen.faults:
            if len(all_of_them.faults) < _SHOWN:
                print(f"  {fault}")
            all_of_them.faults.append(fault)
        spent = time.monotonic() - began
        print(f"{all_of_them.lives:6} {name}  {spent:6.0f} s  {len(all_of_them.faults)} faults",
              flush=True)  # fmt: skip
    return all_of_them


if __name__ == "__main__":
    given = argparse.ArgumentParser()
    given.add_argument("--lives", type=int, default=10_000)
    given.add_argument("--killed", type=int, default=500)
    given.add_argument("--seed", type=int, default=20261130)
    chosen = given.parse_args()
    sys.exit(asyncio.run(main(chosen.lives, chosen.killed, chosen.seed)))
