"""Far-end faults at their stage, by their code, as their issue: a part of `bench faults`, the rest
is there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.core.verdict import State
from tests.bench.faults import LEAST_ROWS, ROWS
from tests.faults.matrix import Row, ozonetel, result_of

IN_SHORT = (
    *(
        "refused 503, cause 38",
        "moved, 302",
        "provisionals without end",
        "forked answers",
        "answer without SDP",
    ),
    *("answer with another codec", "RTP that is none", "RTP flood", "prompt cut short", "echo"),
)
CHOSEN = {row.name: row for row in ROWS if row.name in IN_SHORT}


def test_the_matrix_is_large_and_each_row_has_its_name() -> None:
    assert len(ROWS) >= LEAST_ROWS
    assert len(CHOSEN) == len(IN_SHORT)
    assert len({(row.name, row.peer) for row in ROWS}) == len(ROWS)


@pytest.mark.engine
@pytest.mark.parametrize("row", CHOSEN.values(), ids=CHOSEN.keys())
async def test_a_far_ends_fault_is_told_right(row: Row, tmp_path: Path) -> None:
    result = await result_of(row, tmp_path, ozonetel())
    if result.verdict.state is State.UNKNOWN:
        pytest.skip(f"this machine is too busy to tell: {result.text}")
    assert result.right, (row.expected, result.seen, result.text)
