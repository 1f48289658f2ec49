"""Callers who wait, and agents at work, out of a queue's own log."""

from __future__ import annotations

from datetime import date

import pytest

from checks.data.usage.day import Day
from checks.data.usage.queue_log import Event, QueueTally
from checks.data.usage.tally import Rules

DAY = Day.of(date(2026, 11, 20), "Asia/Kolkata")
TEN = DAY.begin + 10 * 3600


def log(text: str) -> list[Event]:
    """Lines as Asterisk writes them, the second counted from ten o'clock."""
    fields = [line.strip().split("|") for line in text.strip().splitlines()]
    return [
        (TEN + int(at), call, queue, agent, event, rest)
        for at, call, queue, agent, event, *rest in fields
    ]


def tallied(text: str, wrap_seconds: int = 0) -> QueueTally:
    tally = QueueTally(DAY, Rules(20, 5), wrap_seconds)
    tally.take(log(text))
    tally.finish()
    return tally


def test_a_caller_is_answered_in_time_or_not_or_gives_up_soon_or_late() -> None:
    total = tallied("""
        0|a|support|NONE|ENTERQUEUE||100|1
        20|a|support|Anna|CONNECT|20|x|3
        80|a|support|Anna|COMPLETECALLER|20|60|1
        100|b|support|NONE|ENTERQUEUE||101|1
        121|b|support|Anna|CONNECT|21|x|3
        125|b|support|Anna|COMPLETEAGENT|21|4|1
        200|c|support|NONE|ENTERQUEUE||102|1
        205|c|support|NONE|ABANDON|1|1|5
        300|d|support|NONE|ENTERQUEUE||103|1
        306|d|support|NONE|ABANDON|1|1|6
        400|e|support|NONE|ENTERQUEUE||104|1
        460|e|support|NONE|EXITWITHTIMEOUT|1|1|60
    """).total
    assert (total.offered, total.answered, total.answered_in_time) == (5, 2, 1)
    assert (total.abandoned, total.short_abandoned, total.abandoned_in_time) == (1, 1, 1)
    assert (total.talk_seconds, total.wait_seconds) == (64, 41)


def test_who_is_still_there_at_the_end_was_offered_and_said() -> None:
    tally = tallied("0|a|support|NONE|ENTERQUEUE||100|1")
    assert (tally.total.offered, tally.total.answered, dict(tally.left)) == (
        1,
        0,
        {"STILL THERE": 1},
    )


def test_an_answer_without_an_entry_is_counted() -> None:
    tally = tallied("5|a|support|Anna|CONNECT|5|x|3")
    assert (tally.total.offered, tally.without_entry) == (0, 1)


def test_an_agents_day() -> None:
    tally = tallied(
        """
        0|MANAGER|support|Anna|ADDMEMBER|
        0|MANAGER|sales|Anna|ADDMEMBER|
        10|a|support|NONE|ENTERQUEUE||100|1
        20|a|support|Anna|CONNECT|10|x|3
        120|a|support|Anna|COMPLETECALLER|10|100|1
        200|NONE|NONE|Anna|PAUSEALL|lunch
        500|NONE|NONE|Anna|UNPAUSEALL|
        600|NONE|NONE|Anna|PAUSEALL|Wrap-up
        630|NONE|NONE|Anna|UNPAUSEALL|
        700|b|support|Anna|RINGNOANSWER|5000
        900|MANAGER|sales|Anna|REMOVEMEMBER|
        1000|MANAGER|support|Anna|REMOVEMEMBER|
        """,
        wrap_seconds=15,
    )
    anna = tally.agents["Anna"]
    assert (anna.logged_in_seconds, anna.paused_seconds, anna.wrap_seconds) == (1000, 300, 45)
    assert (anna.talk_seconds, anna.handled, anna.not_answered) == (100, 1, 1)


def test_who_logged_in_yesterday_is_there_from_midnight_and_who_never_left_until_midnight() -> None:
    early = DAY.begin - TEN - 3600
    assert (
        tallied(f"{early}|M|support|Anna|ADDMEMBER|").agents["Anna"].logged_in_seconds
        == DAY.seconds
    )
    late = tallied("0|M|support|Anna|ADDMEMBER|").agents["Anna"]
    assert late.logged_in_seconds == DAY.end - TEN


def test_a_member_by_configuration_is_there_from_midnight() -> None:
    seen = tallied(
        "0|a|support|NONE|ENTERQUEUE||1|1\n"
        "1|a|support|Anna|CONNECT|1|x|1\n"
        "5|a|support|Anna|COMPLETEAGENT|1|4|1"
    )
    assert seen.agents["Anna"].logged_in_seconds == DAY.seconds


@pytest.mark.parametrize("when", [-11 * 3600, 15 * 3600])
def test_who_worked_on_another_day_alone_is_not_told_of(when: int) -> None:
    assert tallied(f"{when}|a|support|Anna|RINGNOANSWER|5000").agents == {}


def test_a_call_over_midnight_belongs_to_the_day_of_its_entry() -> None:
    over = DAY.end - TEN
    tally = tallied(f"""
        {over - 30}|a|support|NONE|ENTERQUEUE||100|1
        {over - 20}|a|support|Anna|CONNECT|10|x|3
        {over + 100}|a|support|Anna|COMPLETECALLER|10|120|1
    """)
    assert tally.total.talk_seconds == 120
    assert tally.agents["Anna"].talk_seconds == 20
