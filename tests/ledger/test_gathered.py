"""Changes of one transaction that are alike may be made together: what is asked meanwhile, and what
is there in the end, is the same. On each engine.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from checks.contract import Observation
from monitor.core.verdict import State, Verdict
from monitor.ledger import Ledger
from monitor.ledger.leases import LeaseLost

AT = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
LONG = timedelta(minutes=1)
GOOD = Verdict(State.OK)


def test_two_looks_of_one_millisecond_are_both_kept(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        for seconds in (0.25, 0.5, 0.5):
            seen = Observation(seconds=seconds)
            t.keep_attempt("portal", "portal", "scheduled", AT, seen, GOOD)
        t.keep_attempt("trunk", "trunk", "scheduled", AT, Observation(seconds=1.0), GOOD)
    with ledger.transaction() as t:
        t.keep_attempt("portal", "portal", "confirm", AT, Observation(seconds=2.0), GOOD)
    kept = {row.started_at: row.observation.seconds for row in ledger.attempts("portal")}
    moments = [AT + timedelta(milliseconds=number) for number in range(4)]
    assert sorted(kept) == moments
    assert sorted(kept.values()) == [0.25, 0.5, 0.5, 2.0] and kept[moments[0]] == 0.25
    assert len(ledger.attempts("trunk")) == 1


def test_what_was_changed_is_seen_at_once(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        t.keep_attempt("portal", "portal", "scheduled", AT, Observation(), GOOD)
        assert len(ledger.attempts("portal")) == 1
        t.keep_condition("portal", {"bad": 1})
        assert ledger.condition("portal") == {"bad": 1}
        t.keep_condition("portal", {"bad": 2})
        t.keep_condition("portal", {"bad": 3})
    assert ledger.condition("portal") == {"bad": 3}
    assert ledger.condition_texts(["portal", "never"]) == {"portal": '{"bad":3}'}
    assert ledger.condition_texts() == {"portal": '{"bad":3}'}


def test_which_checks_are_owed_an_extra_look(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        t.keep_condition("waits", {"next_look": "2026-11-30T06:00:00Z"})
        t.keep_condition("rests", {"next_look": None})
        t.keep_condition("speaks", {"memory": {"text": '"next_look":"now"'}})
    assert list(ledger.waiting_condition_texts()) == ["waits"]


def test_one_lease_that_is_lost_undoes_all(ledger: Ledger) -> None:
    leases = ledger.claim_leases("a", [f"portal-{number}" for number in range(5)], LONG)
    ledger.free_leases(leases[2:3])
    with pytest.raises(LeaseLost, match="'portal-2' was over"), ledger.transaction() as t:
        for lease in leases:
            t.settle_lease(lease, AT)
            t.keep_condition(lease.job, {"bad": 1})
    assert ledger.conditions() == {}
    rows = ledger.lease_rows([lease.job for lease in leases])
    assert all(row.done_to.year == 1970 for row in rows.values())
    assert sum(row.held for row in rows.values()) == 4


def test_a_run_that_nobody_claimed_undoes_all(ledger: Ledger) -> None:
    with pytest.raises(LookupError, match="never claimed"), ledger.transaction() as t:
        t.claim("call", "one", AT, AT)
        t.finish("call", "one", AT, 0.5)
        t.finish("call", "two", AT)
    assert ledger.slot("call", "one") is None
    with ledger.transaction() as t:
        t.claim("call", "one", AT, AT)
        t.finish("call", "one", AT, 0.5)
    found = ledger.slot("call", "one")
    assert found is not None and (found.finished_at, found.late_seconds) == (AT, 0.5)


def test_what_is_undone_is_known_no_more(ledger: Ledger) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError), ledger.transaction() as t:
            t.keep_attempt("portal", "portal", "scheduled", AT, Observation(), GOOD)
            raise RuntimeError
    with ledger.transaction() as t:
        t.keep_attempt("portal", "portal", "scheduled", AT, Observation(), GOOD)
    assert len(ledger.attempts("portal")) == 1


def test_more_than_stand_in_one_statement(ledger: Ledger) -> None:
    jobs = [f"portal-{number}" for number in range(450)]
    leases = ledger.claim_leases("a", jobs, LONG)
    assert len(leases) == len(jobs) and ledger.claim_leases("b", jobs, LONG) == []
    with ledger.transaction() as t:
        for lease in leases:
            t.settle_lease(lease, AT)
            t.keep_condition(lease.job, {"bad": 0})
            t.keep_attempt(lease.job, "portal", "scheduled", AT, Observation(), GOOD)
    assert {row.done_to for row in ledger.lease_rows(jobs).values()} == {AT}
    assert len(ledger.condition_texts(jobs)) == len(ledger.attempts(limit=999)) == len(jobs)


def test_new_checks_are_numbered_together(ledger: Ledger) -> None:
    names = [f"portal-{number}" for number in range(9)]
    with pytest.raises(RuntimeError), ledger.transaction() as t:
        t.ask_numbers(names)
        raise RuntimeError
    for some in (names[:4], names, names):
        with ledger.transaction() as t:
            t.ask_numbers(some)
            for name in some:
                t.keep_attempt(name, "portal", "scheduled", AT, Observation(), GOOD)
    assert {len(ledger.attempts(name)) for name in names[:4]} == {3}
    assert {len(ledger.attempts(name)) for name in names[4:]} == {2}
