"""Far-end faults at their stage, by their code, as their issue: a part of `bench faults`, the rest is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.core.verdict import State
from tests.bench.faults import LEAST_ROWS, ROWS
from tests.faults import by_raw
from tests.faults.matrix import Row, ozonetel, result_of

ELSEWHERE = ("refused", "registrar", "name does not", "nobody listens")
"""the bench alone has these, or a test of their own kind"""
CHOSEN = {row.name: row for row in by_raw.PROTOCOL if not row.name.startswith(ELSEWHERE)}
CHOSEN |= {row.name: row for row in by_raw.ROWS if row.name in ("refused 503, cause 34", "refused 404, cause 1")}
CHOSEN |= {row.name: row for row in ROWS if row.name in ("echo", "moved, 302", "prompt cut short")}


def test_the_matrix_is_large_and_each_row_has_its_name() -> None:
    assert len(ROWS) >= LEAST_ROWS
    assert len({(row.name, row.peer) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", CHOSEN.values(), ids=CHOSEN.keys())
async def test_a_far_ends_fault_is_told_right(row: Row, tmp_path: Path) -> None:
    result = await result_of(row, tmp_path, ozonetel())
    if result.verdict.state is State.UNKNOWN:
        pytest.skip(f"this machine is too busy to tell: {result.text}")
    assert result.right, (row.expected, result.seen, result.text)
