"""Kill the daemon (SIGKILL) at 200 points between an observation and its mail, drawn by lot; count
what was lost.

./reveille bench crash [KILLS] [SEED]
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.scenes.crash import Life, live

KILLS_A_LIFE = 10
AT_ONCE = 2


async def main(kills: int, seed: int) -> int:
    """Run the lives, two at a time; print the table and the figures."""
    draw = random.Random(seed)
    seeds = [draw.randrange(2**32) for _ in range(-(-kills // KILLS_A_LIFE))]
    gate, began = asyncio.Semaphore(AT_ONCE), time.monotonic()

    async def one(number: int, seed: int) -> Life:
        async with gate:
            with tempfile.TemporaryDirectory(prefix="reveille-crash-") as folder:
                life = await live(Path(folder), random.Random(seed), KILLS_A_LIFE)
        state = "; ".join(life.faults) or "whole"
        print(
            f"life {number + 1:3} of {len(seeds)}  {len(life.kills)} kills  {life.mails} mails "
            f" {state}",
            flush=True,
        )
        return life

    lives = await asyncio.gather(*(one(number, seed) for number, seed in enumerate(seeds)))
    points = Counter(kill for life in lives for kill in life.kills)
    print("\nkilled after")
    for point, count in sorted(points.items()):
        print(f"  {point:24} {count:4}")
    broken = [life for life in lives if life.faults]
    repeated = sum(life.repeated for life in lives)
    print(
        f"\ncrash: {sum(points.values())} kills in {len(lives)} lives, {len(broken)} lives with a"
        f" loss or a double, {repeated} mails repeated under their Message-ID,"
        f" {time.monotonic() - began:.0f} s, seed {seed}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    arguments = [int(written) for written in sys.argv[1:]]
    sys.exit(asyncio.run(main(*(arguments + [200, 20261122][len(arguments) :]))))
