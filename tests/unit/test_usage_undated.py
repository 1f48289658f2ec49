"""Which records without a time may be of the day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.data.usage.timestamps import NEVER
from checks.data.usage.undated import Undated

BEGIN, END = 1000, 2000
OLD, DAY, NEW = 500, 1500, 2500


def counted(*batches: list[int]) -> tuple[int, int]:
    """Those that may be of the day, and those of them behind the last time; NEVER tells none."""
    found = Undated(BEGIN, END)
    for starts in batches:
        times = np.array(starts, np.int64)
        found.take(times, times == NEVER)
    found.file_ended()
    return found.near, found.last


@pytest.mark.parametrize(
    ("starts", "near", "last"),
    [
        ([OLD, NEVER, OLD], 0, 0),
        ([NEVER, OLD], 0, 0),
        ([NEVER, DAY], 1, 0),
        ([OLD, NEVER, NEVER], 2, 2),
        ([OLD, NEVER, NEW], 1, 0),
        ([OLD, NEVER, DAY, NEVER, DAY, NEVER], 3, 1),
        ([DAY, NEW, NEVER, NEW, NEVER], 0, 0),
        ([NEVER, NEVER], 2, 2),
    ],
)
def test_the_nearest_times_say_of_when_a_record_may_be(
    starts: list[int], near: int, last: int
) -> None:
    assert counted(starts) == (near, last)


@given(st.lists(st.sampled_from([NEVER, OLD, DAY, NEW])), st.integers(0, 20))
def test_it_does_not_matter_where_a_block_ends(starts: list[int], cut: int) -> None:
    assert counted(starts[:cut], starts[cut:]) == counted(starts)
