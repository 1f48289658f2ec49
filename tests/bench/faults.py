"""A matrix of far-end faults, each to be seen at its stage, by its code, as its issue: `./reveille
bench faults`.

The practice centre, SIPp, baresip and far ends made by hand. Exit status 1 when one passes unseen,
or when fewer than 95 in 100 are told right. With arguments: only rows whose name or peer holds one
of them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults import by_lab, by_peers, by_raw
from tests.faults.matrix import Result, Row, counts, ozonetel, result_of

ROWS: tuple[Row, ...] = (*by_raw.ROWS, *by_peers.ROWS, *by_lab.ROWS)
LEAST_ROWS = 60
LEAST_RIGHT_PERCENT = 95.0
AT_ONCE = 3


async def run(rows: Sequence[Row], folder: Path) -> list[Result]:
    """Every row, a few side by side; each is printed as it is done."""
    gate, policy = asyncio.Semaphore(AT_ONCE), ozonetel()

    async def one(row: Row) -> Result:
        async with gate:
            result = await result_of(row, folder, policy)
        mark = "" if result.right else ("  <-- not told" if not result.told else "  <-- WRONG")
        again = f" (look {result.tries})" if result.tries > 1 else ""
        print(
            f"{row.name:<30} {row.peer:<8} {row.expected:<58} {result.seen}{again}{mark}",
            flush=True,
        )
        return result

    return list(await asyncio.gather(*(one(row) for row in rows)))


def main(wanted: Sequence[str]) -> int:
    """Print the table and the figures."""
    rows = [
        row for row in ROWS if not wanted or any(word in (row.name, row.peer) for word in wanted)
    ]
    print(
        f"{'fault':<30} {'far end':<8} {'expected: stage: code -> issue':<58} seen: stage: code ->"
        " issue (layer)"
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-faults-") as folder:
        results = asyncio.run(run(rows, Path(folder)))
    passed, right, untold = counts(results)
    for result in results:
        if not result.right:
            print(
                f"\n{result.row.name} ({result.row.peer}): {result.row.expected}\n    seen"
                f" {result.seen}: {result.text}"
            )
    percent = 100 * right / len(results)
    print(
        f"\nfaults: {len(results)} faults, {passed} passed unseen (target 0), {right} with the"
        f" right stage, code and issue = {percent:.1f} % (target {LEAST_RIGHT_PERCENT:g} %),"
        f" {untold} the probe could not tell, {time.monotonic() - began:.0f} s"
    )
    enough = bool(wanted) or len(results) >= LEAST_ROWS
    return 0 if enough and not passed and percent >= LEAST_RIGHT_PERCENT else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
