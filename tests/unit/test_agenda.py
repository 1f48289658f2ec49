"""Who may be owed a look: nobody is forgotten, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.scheduling.ready_queue import Agenda

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_everybody_is_asked_at_first_and_until_nothing_is_owed() -> None:
    agenda = Agenda(["a", "b"])
    assert agenda.ripe(at(0)) == agenda.ripe(at(1)) == ["a", "b"]
    agenda.rest("a", at(60))
    assert agenda.ripe(at(59)) == ["b"] and agenda.next() == at(60)
    assert sorted(agenda.ripe(at(60))) == ["a", "b"] and agenda.next() is None


def test_a_rest_is_cut_short_and_a_later_one_counts() -> None:
    agenda = Agenda(["a"])
    agenda.rest("a", at(60))
    agenda.ripen("a")
    assert agenda.ripe(at(1)) == ["a"] and agenda.next() is None
    agenda.rest("a", at(90))
    assert agenda.ripe(at(61)) == [] and agenda.next() == at(90)
    agenda.rest("a", None)
    assert agenda.ripe(at(1000)) == [] and agenda.next() is None


def test_a_clock_that_goes_back_wakes_everybody_who_waits_for_a_time() -> None:
    agenda = Agenda(["a", "b"])
    agenda.ripe(at(3600))
    agenda.rest("a", at(3660))
    agenda.rest("b", None)
    assert agenda.ripe(at(0)) == ["a"]
