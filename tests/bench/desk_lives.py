"""Lives of tickets at each helpdesk's server, over a way that drops, loses, doubles, holds and
delays requests at every point: how many were doubled, how many lost.

The servers are those of tests/desks, written from the vendors' documents. What is only told
(webhook, PagerDuty, osTicket) and helpdesks as their makers ship them have tests of their own there
(`./reveille test --desks`).

./reveille bench desk-lives [NAME ...] [--lives N] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.desks.proxy import between
from tests.desks.server import VendorServer, serving
from tests.desks.story import ended_well
from tests.desks.test_helpdesks import through_trouble
from tests.desks.vendors import VENDORS, Vendor

# Of a hundred requests. A hold costs its time, so there is one of it, and one that comes late.
_TROUBLE = [*("drop", "lose", "twice", "overload") * 3, "hold", "late", *["pass"] * 86]
_TIMEOUT_SECONDS = 0.2


async def main(names: list[str], lives: int, seed: int) -> int:
    """Live them; print a line for each helpdesk, and the figures."""
    whole: Counter[str] = Counter()
    for name in names:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="reveille-desks-") as folder:
            seen = await lived(VENDORS[name], Path(folder), lives, random.Random(seed))
        told = ", ".join(f"{seen[what]} {what}" for what in ("well", "doubled", "lost", "wrong"))
        spent = f"{seen['requests']} requests, {seen['trouble']} of them in trouble"
        print(f"{name:16} {told}; {spent}, {time.monotonic() - began:.0f} s", flush=True)
        whole += seen
    print(
        f"desk-lives: {lives} lives at each of {len(names)} helpdesks, {whole['doubled']} doubled,"
        f" {whole['lost']} lost, {whole['wrong']} wrong otherwise; target 0, 0, 0"
    )
    return 0 if whole["well"] == lives * len(names) else 1


async def lived(vendor: Vendor, folder: Path, lives: int, dice: random.Random) -> Counter[str]:
    """What became of so many lives at one of them."""
    server, seen = vendor.begun(), Counter[str]()

    def trouble(_: int) -> str:
        what = dice.choice(_TROUBLE)
        seen["requests"] += 1
        seen["trouble"] += what != "pass"
        return what

    async with serving(server) as port, between(port) as (proxy, way):
        desk = vendor.desk(way, folder, timeout=_TIMEOUT_SECONDS)
        for number in range(lives):
            await through_trouble(server, proxy, desk, number, trouble)
            seen[judged(server, vendor, number)] += 1
    return seen


def judged(server: VendorServer, vendor: Vendor, number: int) -> str:
    """How one life ended: "well", "doubled", "lost" or "wrong"."""
    alive = server.alive(f"rv-{number}.cafe0001")
    if len(alive) != 1:
        return "doubled" if alive else "lost"
    try:
        ended_well(server, number, vendor.words, copies=True)
    except AssertionError:
        return "wrong"
    return "well"


if __name__ == "__main__":
    given = argparse.ArgumentParser()
    given.add_argument("names", nargs="*", default=list(VENDORS), metavar="NAME")
    given.add_argument("--lives", type=int, default=500)
    given.add_argument("--seed", type=int, default=15)
    chosen = given.parse_args()
    sys.exit(asyncio.run(main(chosen.names, chosen.lives, chosen.seed)))
