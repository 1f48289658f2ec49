"""The clocks beside the minute oracle: some thousand lives here, a million by
`./reveille bench clock-oracle --cases 1000000`.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import pytest

from tests.unit.clock_cases import mismatches
from tests.unit.minute_oracle import DAY, opened
from tests.unit.zone_oracle import days_to, read

# The longest changes of half an hour, of an hour at 02:00 and before midnight.
FEW = ("Europe/Berlin", "Australia/Lord_Howe", "America/Nuuk")
SEED = 20261130


@pytest.mark.slow
def test_lives_agree_with_counting_minutes() -> None:
    """20 100 deadlines."""
    differ = [one for one in mismatches(random.Random(SEED), 6700, FEW) if one]
    assert not differ, differ[0]


def test_the_oracle_finds_a_clock_that_is_a_minute_off() -> None:
    """An oracle that agrees with everything proves nothing."""
    found = islice(mismatches(random.Random(SEED), 50, FEW, off_by=1), 50)
    assert all(found)


def test_the_zone_files_are_read_as_they_say() -> None:
    berlin = read("Europe/Berlin")
    summer = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    assert (berlin.offset(summer - 1), berlin.offset(summer)) == (3600, 7200)
    # Far beyond what the file lists: by its rule.
    assert berlin.offset(int(datetime(2061, 7, 1, tzinfo=UTC).timestamp())) == 7200
    assert read("Asia/Kolkata").offset(0) == 19800
    assert days_to(2026, 11) * 86400 == datetime(2026, 11, 1, tzinfo=UTC).timestamp()


def test_office_hours_are_open_when_a_person_would_say_so() -> None:
    week = np.arange(20_500 * DAY, 20_507 * DAY)
    minutes = opened(week, [(day, 480, 1080) for day in range(5)], set())
    assert int(minutes.sum()) == 5 * 600
