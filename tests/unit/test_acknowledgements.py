"""Who has it in hand: every acknowledgement is kept, and what it answers for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.core.endings import closed, reopened
from monitor.core.incident import Closing, Evidence, Incident
from monitor.core.incident_escalation import formally, reminded, unmuted
from monitor.core.incident_transitions import acknowledged
from monitor.core.policy_terms import Ladder, Level
from tests.unit.sample_analyses import NOW
from tests.unit.sample_bodies import incidents

LADDER = Ladder("general", (Level(1, "desk", "desk", 0), Level(2, "team", "team", 3600)))
FAILED = Evidence("main", "sip-call")


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def told() -> Incident:
    small = replace(incidents()[-1], ladder=LADDER, counts_from=NOW, causes=("main",))
    return unmuted(small, NOW, (1,)).incident


def taken(was: Incident, by: str, minutes: float) -> Incident:
    return acknowledged(was, by, later(minutes)).incident


def test_each_person_who_takes_it_is_kept_and_the_newest_has_it() -> None:
    one = taken(taken(told(), "asha", 5), "ravi", 10)
    assert one.acknowledgements == ((later(5), "asha"), (later(10), "ravi"))
    assert (one.acknowledged_at, one.taken) == (later(5), (later(10), "ravi"))


def test_the_same_person_again_is_one_acknowledgement_until_something_asks_for_another() -> None:
    one = taken(told(), "asha", 5)
    assert not acknowledged(one, "asha", later(30)).orders
    # the next level's turn has come: is it still she?
    assert len(taken(one, "asha", 61).acknowledgements) == 2
    again = reminded(one, later(40)).incident
    assert len(taken(again, "asha", 41).acknowledgements) == 2


def test_nobody_has_what_was_escalated_since_or_came_back_long_after() -> None:
    one = taken(told(), "asha", 5)
    assert formally(one, LADDER, "boss", "too slow", later(20)).incident.taken is None
    over = closed(one, later(30), "done", Closing.RESOLVED, "asha").incident
    assert reopened(over, FAILED, later(40)).incident.taken, "within the hour it is the same outage"
    back = reopened(over, FAILED, later(120)).incident
    assert (back.taken, back.acknowledged_by) == (None, "asha")
    assert {clock.name: clock.state.value for clock in back.clocks(later(121))}["response"] == (
        "running"
    )


def test_who_took_it_while_a_maintenance_hid_it_need_not_say_so_again() -> None:
    hidden = taken(replace(told(), told=False), "asha", 5)
    assert unmuted(hidden, later(60), (1,)).incident.taken == (later(60), "asha")
