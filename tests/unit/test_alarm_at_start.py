"""The last word of a daemon that cannot start is not said at every try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from monitor.delivery import at_start
from monitor.delivery.last_resort import AGAIN_AFTER

NOW = datetime(2026, 11, 30, 3, 10, tzinfo=UTC)


def test_a_mark_holds_for_half_an_hour_and_not_for_a_clock_set_back(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert not at_start._fresh(mark, NOW)
    assert at_start._touched(mark, at=NOW.timestamp())
    assert at_start._fresh(mark, NOW)
    assert not at_start._fresh(mark, NOW + AGAIN_AFTER)
    assert not at_start._fresh(mark, NOW - timedelta(hours=2))


def test_to_see_whether_it_can_be_kept_is_not_to_have_told(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert at_start._touched(mark, at=0)
    assert not at_start._fresh(mark, NOW)
    assert not at_start._touched(tmp_path / "gone" / "mark", at=0)
    assert list(tmp_path.iterdir()) == [mark]


@given(st.integers(0, 10**9), st.integers(1, 10))
def test_without_a_mark_a_daemon_that_tries_for_ever_tells_a_few_times_an_hour(
    began: int, apart: int
) -> None:
    """Every start but those of a short spell keeps still, and no half hour is without one."""
    starts = [datetime.fromtimestamp(began + n, UTC) for n in range(0, 3600 - apart, apart)]
    told = sum(at_start._begins(start) for start in starts)
    assert 1 <= told <= 2 * (15 / apart + 1)
