"""A matrix of far-end faults, each to be seen at its stage, by its code, as its issue: `./reveille
bench faults`.

The practice centre, SIPp, baresip and far ends made by hand. Exit status 1 when one passes unseen,
or when fewer than 95 in 100 are told right. With arguments: only rows whose name or peer holds one
of them.

With `--load PROGRAMS` busy ones beside it each row is looked at once: none may pass unseen, and of
so many as busy.py has the probe must be able to tell.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.busy import busy, least_told
from tests.faults import by_lab, by_peers, by_raw
from tests.faults.matrix import TRIES, Result, Row, counts, ozonetel, result_of

ROWS: tuple[Row, ...] = (*by_raw.ROWS, *by_peers.ROWS, *by_lab.ROWS)
LEAST_ROWS = 60
LEAST_RIGHT_PERCENT = 95.0
AT_ONCE = 3


async def run(rows: Sequence[Row], folder: Path, tries: int = TRIES) -> list[Result]:
    """Every row, a few side by side; each is printed as it is done."""
    gate, policy = asyncio.Semaphore(AT_ONCE), ozonetel()

    async def one(row: Row) -> Result:
        async with gate:
            result = await result_of(row, folder, policy, tries)
        mark = "" if result.right else ("  <-- not told" if not result.told else "  <-- WRONG")
        again = f" (look {result.tries})" if result.tries > 1 else ""
        print(
            f"{row.name:<30} {row.peer:<8} {row.expected:<58} {result.seen}{again}{mark}",
            flush=True,
        )
        return result

    return list(await asyncio.gather(*(one(row) for row in rows)))


def main() -> int:
    """Print the table and the figures."""
    parser = argparse.ArgumentParser(prog="reveille bench faults", description=__doc__)
    parser.add_argument("wanted", nargs="*", metavar="NAME", help="rows or far ends; all without")
    parser.add_argument("--load", type=int, default=0, metavar="PROGRAMS", help="busy beside it")
    asked = parser.parse_args()
    wanted, load = asked.wanted, asked.load
    rows = [
        row for row in ROWS if not wanted or any(word in (row.name, row.peer) for word in wanted)
    ]
    print(
        f"{'fault':<30} {'far end':<8} {'expected: stage: code -> issue':<58} seen: stage: code ->"
        " issue (layer)"
    )
    began = time.monotonic()
    # Raw far ends are in this process; beside load a practice centre has its own (by_lab.py).
    with (
        tempfile.TemporaryDirectory(prefix="bench-faults-") as folder,
        busy(load, here=True) as first,
    ):
        results = asyncio.run(run(rows, Path(folder), 1 if load else TRIES))
    passed, right, untold = counts(results)
    for result in results:
        if not result.right:
            print(
                f"\n{result.row.name} ({result.row.peer}): {result.row.expected}\n    seen"
                f" {result.seen}: {result.text}"
            )
    percent = 100 * right / len(results)
    if load:
        share, least = 100 * (1 - untold / len(results)), least_told(load)
        print(
            f"\nfaults: {len(results)} faults beside {load} busy programs, far ends"
            f" {'before' if first else 'among'} them: {passed} passed unseen (target 0), {right}"
            f" told right, {len(results) - right - passed - untold} told otherwise, a verdict in"
            f" {share:.1f} % (target {least:g} %), {time.monotonic() - began:.0f} s"
        )
        return 0 if not passed and share >= least else 1
    print(
        f"\nfaults: {len(results)} faults, {passed} passed unseen (target 0), {right} with the"
        f" right stage, code and issue = {percent:.1f} % (target {LEAST_RIGHT_PERCENT:g} %),"
        f" {untold} the probe could not tell, {time.monotonic() - began:.0f} s"
    )
    enough = bool(wanted) or len(results) >= LEAST_ROWS
    return 0 if enough and not passed and percent >= LEAST_RIGHT_PERCENT else 1


if __name__ == "__main__":
    raise SystemExit(main())
