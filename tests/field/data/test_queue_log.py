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


def test_who_comes_in_paused_is_paused() -> None:
    assert paused_hours("""
        0|MANAGER|support|Anna|ADDMEMBER|PAUSED
        10800|NONE|support|Anna|UNPAUSE|
        10810|a|support|NONE|ENTERQUEUE||491|1
        10815|a|support|Anna|CONNECT|5|x|4
        14415|a|support|Anna|COMPLETECALLER|5|3600|1
        21600|MANAGER|support|Anna|REMOVEMEMBER|
    """) == pytest.approx(3)


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


def test_who_is_paused_in_both_queues_one_by_one_is_paused_from_the_second_on() -> None:
    assert paused_hours("""
        0|MANAGER|support|Anna|ADDMEMBER|
        0|MANAGER|sales|Anna|ADDMEMBER|
        3600|NONE|sales|Anna|PAUSE|lunch
        7200|NONE|support|Anna|PAUSE|lunch
        10800|NONE|sales|Anna|UNPAUSE|
        14400|MANAGER|support|Anna|REMOVEMEMBER|
        14400|MANAGER|sales|Anna|REMOVEMEMBER|
    """) == pytest.approx(1)


def test_who_joins_another_queue_is_at_work_again() -> None:
    joined = """
        0|MANAGER|support|Anna|ADDMEMBER|
        3600|NONE|{}|Anna|{}|lunch
        7200|MANAGER|sales|Anna|ADDMEMBER|
        10800|MANAGER|sales|Anna|REMOVEMEMBER|
        10800|MANAGER|support|Anna|REMOVEMEMBER|
    """
    assert paused_hours(joined.format("support", "PAUSE")) == pytest.approx(1)
    assert paused_hours(joined.format("NONE", "PAUSEALL")) == pytest.approx(1)


def test_a_restart_loses_its_callers_and_those_agents_who_never_come_back() -> None:
    """asterisk-java#350 and the like."""
    tally = QueueTally(DAY, Rules(20, 5), until=DAY.end)
    nine = DAY.begin + 9 * HOUR
    tally.take(
        [
            (nine, "MANAGER", "support", "Anna", "ADDMEMBER", []),
            (nine, "MANAGER", "support", "Ben", "ADDMEMBER", []),
            (nine + 60, "a", "support", "NONE", "ENTERQUEUE", ["", "491", "1"]),
            (nine + HOUR, "NONE", "NONE", "NONE", "QUEUESTART", []),
            (nine + 2 * HOUR, "MANAGER", "support", "Anna", "REMOVEMEMBER", []),
        ]
    )
    tally.finish()
    assert dict(tally.left) == {"RESTART": 1}
    there = {name: agent.logged_in_seconds for name, agent in tally.agents.items()}
    assert there == {"Anna": 2 * HOUR, "Ben": HOUR}


def test_a_day_that_is_not_over_counts_until_now() -> None:
    nine = DAY.begin + 9 * HOUR
    tally = QueueTally(DAY, Rules(20, 5), until=nine + HOUR)
    tally.take([(nine, "MANAGER", "support", "Anna", "ADDMEMBER", [])])
    tally.finish()
    assert tally.agents["Anna"].logged_in_seconds == HOUR
