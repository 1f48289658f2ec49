"""Lives of tickets at each helpdesk's server, over a way that drops, loses, doubles, holds and
delays requests at every point: how many were doubled, how many lost. Several live at once; each has
its faults by a seed of its own.

The servers are those of tests/desks, written from the vendors' documents. What is only told
(webhook, PagerDuty, osTicket) and helpdesks as their makers ship them have tests of their own there
(`./reveille test --desks`).

./reveille bench desk-lives [NAME ...] [--lives N] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from tests.desks.lanes import lived_at_once
from tests.desks.vendor_lanes import lanes_to
from tests.desks.vendors import VENDORS, Vendor


async def main(names: list[str], lives: int, seed: int) -> int:
    """Live them; print a line for each helpdesk, and the figures."""
    whole: Counter[str] = Counter()
    for name in names:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="reveille-desks-") as folder:
            seen = await lived(VENDORS[name], Path(folder), lives, seed)
        told = ", ".join(f"{seen[what]} {what}" for what in ("well", "doubled", "lost", "wrong"))
        spent = f"{seen['requests']} requests, {seen['trouble']} of them in trouble"
        print(f"{name:16} {told}; {spent}, {time.monotonic() - began:.0f} s", flush=True)
        whole += seen
    print(
        f"desk-lives: {lives} lives at each of {len(names)} helpdesks, {whole['doubled']} doubled,"
        f" {whole['lost']} lost, {whole['wrong']} wrong otherwise; target 0, 0, 0"
    )
    return 0 if whole["well"] == lives * len(names) else 1


async def lived(vendor: Vendor, folder: Path, lives: int, seed: int) -> Counter[str]:
    """What became of so many lives at one of them."""
    async with AsyncExitStack() as opened:
        lanes = await lanes_to(vendor, folder, opened)
        await lived_at_once(lanes, range(lives), seed, seen := Counter[str]())
    return seen


if __name__ == "__main__":
    given = argparse.ArgumentParser()
    given.add_argument("names", nargs="*", default=list(VENDORS), metavar="NAME")
    given.add_argument("--lives", type=int, default=500)
    given.add_argument("--seed", type=int, default=15)
    chosen = given.parse_args()
    sys.exit(asyncio.run(main(chosen.names, chosen.lives, chosen.seed)))
