"""Every row of the ozonetel matrix, raised by a real fault: row -> check -> fault -> ticket, and no
second beside it.

For each row a practice centre is broken in one way, and the real daemon, in a process of its own,
is started on it: it looks at everything there is to look at, confirms, looks below, classifies,
opens. All fifteen must come to exactly one ticket each, their own. ./reveille bench rows [ISSUE
...]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.scenes.matrix import ROWS, Raised, Row, raise_row

AT_ONCE = 1


async def main(wanted: list[str]) -> int:
    """Raise them, one after the other; print the table and the figures."""
    rows = [row for row in ROWS if not wanted or row.issue in wanted]
    if unknown := set(wanted) - {row.issue for row in rows}:
        print(
            f"there is no row {', '.join(sorted(unknown))}; there are"
            f" {', '.join(row.issue for row in ROWS)}"
        )
        return 2
    gate, began, done = asyncio.Semaphore(AT_ONCE), time.monotonic(), Counter[str]()

    async def one(row: Row) -> Raised:
        async with gate:
            with tempfile.TemporaryDirectory(prefix="reveille-rows-") as folder:
                raised = await raise_row(row, Path(folder))
        done["rows"] += 1
        mark = "raised" if raised.right else "NOT RAISED"
        print(
            f"{done['rows']:3} of {len(rows)}  {row.issue:28} {raised.seconds:5.0f} s  {mark}",
            flush=True,
        )
        return raised

    table = await asyncio.gather(*(one(row) for row in rows))
    print(f"\n{'row':28} {'check':16} {'fault':25} {'ticket':4} {'because'}")
    for raised in table:
        print(_line(raised))
    right = [raised for raised in table if raised.right]
    spare = sum(max(0, len(raised.tickets) - 1) for raised in table)
    seconds = time.monotonic() - began
    print(
        f"\nrows: {len(right)} of {len(rows)} rows raised by a real fault, {spare} tickets beside"
        f" them, {seconds:.0f} s; targets: all {len(rows)}, none beside them"
    )
    return 0 if len(right) == len(rows) and not spare else 1


def _line(raised: Raised) -> str:
    row = raised.row
    tickets = ", ".join(f"{ticket.severity}" for ticket in raised.tickets) or "none"
    told = f"{row.issue:28} {row.check:16} {row.fault:25} {tickets:6} {raised.reason[:110]}"
    if raised.right:
        return told
    evidence = [ticket.body["evidence"] for ticket in raised.tickets]
    issues = ", ".join(
        f"{ticket.issue}: {seen['check']} {seen['reasons']}"
        for ticket, seen in zip(raised.tickets, evidence, strict=True)
    )
    return f"{told}\n    WRONG: {issues or 'no ticket'}; {raised.trouble}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
