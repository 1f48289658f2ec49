"""The ledger keeps what happened, once, and gives it back as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Exhibit, Fault, Observation, Stage
from monitor.core.verdict import State, Verdict
from monitor.ledger import AlreadyOpen, IncidentRow, Ledger
from monitor.ledger.errors import ConstraintBroken

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def incident(**changes: Any) -> IncidentRow:
    values: dict[str, Any] = {
        "number": None,
        "key": "Pune/ivr",
        "site": "Pune",
        "issue": "ivr",
        "severity": "P0",
        "owner": "vendor",
        "opened_at": NOW,
        "body": {"rule": "silent", "times": 2},
    }
    return IncidentRow(**{**values, **changes})


def test_a_slot_is_claimed_once_and_finished(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        assert t.claim("main-number", "2026-11-22T08:30", NOW, NOW)
        assert not t.claim("main-number", "2026-11-22T08:30", NOW, NOW + timedelta(minutes=1))
        assert t.claim("pri-1", "2026-11-22T08:30", NOW, NOW)
    assert [slot.job for slot in ledger.unfinished_slots()] == ["main-number", "pri-1"]
    with ledger.transaction() as t:
        t.finish("main-number", "2026-11-22T08:30", NOW + timedelta(seconds=9), 2.5)
    newest = ledger.newest_slot("main-number")
    assert newest is not None
    assert (newest.finished_at, newest.late_seconds) == (NOW + timedelta(seconds=9), 2.5)
    assert [slot.job for slot in ledger.unfinished_slots()] == ["pri-1"]
    assert ledger.newest_slot("nobody") is None


def test_the_newest_slot_is_the_one_latest_in_time_not_in_spelling(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        t.claim("audit", "z-early", NOW, NOW)
        t.claim("audit", "a-late", NOW + timedelta(days=1), NOW)
    newest = ledger.newest_slot("audit")
    assert newest is not None
    assert newest.slot_key == "a-late"


def test_a_slot_that_nobody_claimed_cannot_be_finished(ledger: Ledger) -> None:
    with pytest.raises(LookupError, match="never claimed"), ledger.transaction() as t:
        t.finish("audit", "2026-11-22", NOW)


SEEN = Observation(
    stages=(Stage("answer", 0.5, 1.25, True), Stage("prompt", 1.75, 6.0, False)),
    measures={"answer_seconds": 1.25, "rx_loss_percent": 0.1},
    fault=Fault("prompt", "silent", "\udcff said the far end: “\x00”", "far"),
    notes=("codec PCMA", "ünïcode"),
    exhibits=(Exhibit("call.wav", "audio/wav", Path("/tmp/x/call.wav")),),
    seconds=7.75,
    warnings=("DISK WARNING",),
)


def test_an_attempt_comes_back_as_it_was(ledger: Ledger) -> None:
    judged = Verdict(State.FAILED, ("prompt: silent",), SEEN.fault)
    with ledger.transaction() as t:
        identity = t.record("main-number", "sip-call", "confirm", NOW, SEEN, judged, muted=True)
    kept = ledger.attempt(identity)
    assert kept is not None
    assert (kept.observation, kept.verdict) == (SEEN, judged)
    assert (kept.check, kept.kind, kept.purpose, kept.started_at, kept.muted) == (
        "main-number",
        "sip-call",
        "confirm",
        NOW,
        True,
    )
    assert ledger.attempt(identity + 1) is None


def test_two_attempts_in_one_millisecond_are_both_kept(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        first = t.record("a", "tcp", "scheduled", NOW, Observation(), Verdict(State.OK))
        second = t.record(
            "a", "tcp", "once", NOW, Observation(blind="x"), Verdict(State.UNKNOWN, ("x",))
        )
    assert first != second
    assert [row.purpose for row in ledger.attempts("a")] == ["once", "scheduled"]


def test_attempts_come_newest_first_of_one_check_or_of_all(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        for minute in range(30):
            name = "a" if minute % 3 else "b"
            t.record(
                name,
                "tcp",
                "scheduled",
                NOW + timedelta(minutes=minute),
                Observation(),
                Verdict(State.OK),
            )
    everything = ledger.attempts(limit=30)
    assert [row.started_at for row in everything] == sorted(
        (row.started_at for row in everything), reverse=True
    )
    assert len(everything) == 30
    assert [row.started_at.minute for row in ledger.attempts("b", limit=2)] == [27, 24]
    assert len(ledger.attempts(since=NOW + timedelta(minutes=28))) == 2
    assert ledger.attempts("nobody") == []


def test_what_happened_cannot_be_changed_nor_deleted(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        t.record("a", "tcp", "scheduled", NOW, Observation(), Verdict(State.OK))
        t.happened(t.open_incident(incident()), NOW, "opened")
    for statement in (
        "UPDATE attempts SET state = 'OK'",
        "DELETE FROM attempts",
        "UPDATE history SET kind = 'x'",
        "DELETE FROM history",
        "DELETE FROM incidents",
    ):
        with pytest.raises(ConstraintBroken), ledger.transaction():
            ledger._database.change(statement)


def test_a_condition_is_kept_over_the_one_before(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        t.keep_condition("a", {"state": "FAILED", "times": 1})
        t.keep_condition("a", {"state": "FAILED", "times": 2})
        t.keep_condition("b", {"state": "OK"})
    assert ledger.conditions() == {"a": {"state": "FAILED", "times": 2}, "b": {"state": "OK"}}
    assert ledger.condition("nobody") is None


def test_one_incident_is_open_under_a_key(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        number = t.open_incident(incident())
    with pytest.raises(AlreadyOpen, match="Pune/ivr"), ledger.transaction() as t:
        t.open_incident(incident())
    with ledger.transaction() as t:
        assert t.open_incident(incident(key="Mumbai/ivr")) == number + 1
    assert ledger.open_incident_by_key("Pune/ivr") == incident(number=number)


def test_an_incident_is_closed_and_the_next_gets_a_new_number(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        first = t.open_incident(incident())
        t.save_incident(
            incident(number=first, acknowledged_at=NOW, recovered_at=NOW, closed_at=NOW)
        )
        second = t.open_incident(incident())
    closed = ledger.latest_closed("Pune/ivr")
    assert closed is not None
    assert closed.number == first
    assert [row.number for row in ledger.open_incidents()] == [second]
    assert [row.number for row in ledger.incidents(10, "closed")] == [first]
    assert [row.number for row in ledger.incidents()] == [second, first]
    with pytest.raises(AlreadyOpen), ledger.transaction() as t:
        t.save_incident(incident(number=first))  # reopened beside an open one


def test_incidents_are_listed_by_where_they_stand(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        taken = t.open_incident(incident(key="1", acknowledged_at=NOW))
        back = t.open_incident(incident(key="2", acknowledged_at=NOW, recovered_at=NOW))
    assert [row.number for row in ledger.incidents(state="acknowledged")] == [taken]
    assert [row.number for row in ledger.incidents(state="recovered")] == [back]
    assert [row.number for row in ledger.incidents(state="open")] == [back, taken]


def test_history_keeps_its_order(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        number = t.open_incident(incident())
        t.happened(number, NOW, "opened", {"severity": "P0"})
        t.happened(
            number, NOW - timedelta(seconds=5), "note", {"text": "later written, earlier dated"}
        )
        t.happened(None, NOW, "started", {})
    assert [(row.kind, row.body) for row in ledger.history(number)] == [
        ("opened", {"severity": "P0"}),
        ("note", {"text": "later written, earlier dated"}),
    ]
    assert [row.kind for row in ledger.history(None)] == ["started"]


def test_history_of_an_incident_that_is_not_there_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ConstraintBroken), ledger.transaction() as t:
        t.happened(99, NOW, "opened")


def test_a_transaction_is_all_or_nothing(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.transaction() as t:
        t.keep_condition("a", {})
        assert ledger.conditions() == {"a": {}}, "what is read inside is what was written inside"
        raise ZeroDivisionError
    assert ledger.conditions() == {}


def test_a_moment_without_a_zone_is_refused(ledger: Ledger) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"), ledger.transaction() as t:
        t.claim("a", "b", naive, NOW)


def test_nothing_is_written_outside_a_transaction(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        pass
    with pytest.raises(RuntimeError, match="inside a transaction"):
        t.keep_condition("a", {})


def test_what_bad_looks_left_is_known_by_the_path_of_its_first_exhibit(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        for number, state in enumerate((State.OK, State.FAILED, State.UNKNOWN, State.FAILED)):
            page = Exhibit("page.html", "text/html", Path(f"/state/{number}/page.html"))
            left = (page, page) if number < 3 else ()
            at, seen = NOW + timedelta(minutes=number), Observation(exhibits=left, notes=("\0",))
            t.record("portal", "portal", "scheduled", at, seen, Verdict(state))
    found = ["/state/2/page.html", "/state/1/page.html"]
    assert ledger.bad_exhibits(NOW, 10) == found
    assert ledger.bad_exhibits(NOW, 1) == found[:1]
    assert ledger.bad_exhibits(NOW + timedelta(days=3), 10) == []
