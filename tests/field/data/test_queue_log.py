"""Pauses in a queue's log: at the log-in already, and in one of two queues (asterisk#1021, PR
1022).
"""

from __future__ import annotations

from datetime import date

import pytest

from checks.data.usage.day import Day
from checks.data.usage.queue_log import QueueTally
from checks.data.usage.tally import Rules

DAY = Day.of(date(2026, 11, 20), "Asia/Kolkata")
HOUR = 3600
SCOPES = "a parameter or the queue of an event is not read"


def paused_hours(text: str) -> float:
    """How long Anna was paused; lines begin with seconds after nine o'clock."""
    tally = QueueTally(DAY, Rules(20, 5))
    fields = [line.strip().split("|") for line in text.strip().splitlines()]
    nine = DAY.begin + 9 * HOUR
    tally.take(
        [
            (nine + int(at), call, queue, agent, event, rest)
            for at, call, queue, agent, event, *rest in fields
        ]
    )
    tally.finish()
    return tally.agents["Anna"].paused_seconds / HOUR


@pytest.mark.xfail(strict=True, raises=AssertionError, reason=SCOPES)
def test_who_comes_in_paused_is_paused() -> None:
    assert paused_hours("""
        0|MANAGER|support|Anna|ADDMEMBER|PAUSED
        10800|NONE|support|Anna|UNPAUSE|
        10810|a|support|NONE|ENTERQUEUE||491|1
        10815|a|support|Anna|CONNECT|5|x|4
        14415|a|support|Anna|COMPLETECALLER|5|3600|1
        21600|MANAGER|support|Anna|REMOVEMEMBER|
    """) == pytest.approx(3)


@pytest.mark.xfail(strict=True, raises=AssertionError, reason=SCOPES)
def test_who_is_paused_in_one_of_two_queues_is_at_work() -> None:
    assert paused_hours("""
        0|MANAGER|support|Anna|ADDMEMBER|
        0|MANAGER|sales|Anna|ADDMEMBER|
        60|NONE|sales|Anna|PAUSE|admin
        3600|c|support|NONE|ENTERQUEUE||491|1
        3605|c|support|Anna|CONNECT|5|x|4
        7205|c|support|Anna|COMPLETEAGENT|5|3600|1
        14400|NONE|sales|Anna|UNPAUSE|
        14400|MANAGER|support|Anna|REMOVEMEMBER|
        14400|MANAGER|sales|Anna|REMOVEMEMBER|
    """) == pytest.approx(0)
