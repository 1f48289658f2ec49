"""One ledger for several sites: each sees what is its own, under the names it knows, and one
transaction holds for all of them.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from checks.contract import Observation
from monitor.core.verdict import State, Verdict
from monitor.ledger import AlreadyOpen, IncidentRow, Ledger, OutboxMessage
from monitor.ledger.of_site import of_site

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def incident(site: str, issue: str = "ivr") -> IncidentRow:
    return IncidentRow(None, f"{site}/{issue}", site, issue, "P0", "vendor", NOW)


def lived_in(ledger: Ledger, site: str) -> int:
    """What a site leaves in an hour; the number of its incident."""
    own = of_site(ledger, site)
    check, desk = f"{site}/agent-portal", f"{site}/mail"
    with own.transaction() as t:
        t.claim(check, "08:30", NOW, NOW)
        seen = Observation(), Verdict(State.OK, ())
        t.record(check, "portal", "scheduled", NOW, *seen, muted=False)
        t.keep_condition(check, {"of": site})
        number = t.open_incident(incident(site))
        t.happened(number, NOW, "opened", {"of": site})
        t.happened(None, NOW, "audit", {"of": site})
        t.enqueue(OutboxMessage(number, "opened", 1, desk, "shift@example.net", {}, NOW))
    return number


def test_each_site_sees_its_own_alone(ledger: Ledger) -> None:
    numbers = {site: lived_in(ledger, site) for site in ("Pune", "Pune-2", "Austin")}
    with ledger.transaction() as t:
        t.happened(None, NOW, "started")
    for site, number in numbers.items():
        own = of_site(ledger, site)
        assert [row.number for row in own.open_incidents()] == [number]
        assert [row.number for row in own.incidents()] == [number]
        assert [row.number for row in own.incidents_within(NOW, NOW.replace(hour=4))] == [number]
        assert own.conditions() == {f"{site}/agent-portal": {"of": site}}
        assert [row.check for row in own.attempts()] == [f"{site}/agent-portal"]
        assert [row.job for row in own.unfinished_slots()] == [f"{site}/agent-portal"]
        assert [row.desk for row in own.outbox()] == [f"{site}/mail"]
        assert own.outbox_counts()["queued"] == 1
        assert [(row.kind, row.body) for row in own.newest("audit", 9)] == [("audit", {"of": site})]
        assert [row.kind for row in own.history(None)] == ["audit"]
        assert [row.kind for row in own.history(number)] == ["opened"]
        others = set(numbers.values()) - {number}
        assert [own.incident(other) for other in others] == [None, None]


def test_the_whole_has_all_of_them_by_names_that_say_whose(ledger: Ledger) -> None:
    numbers = [lived_in(ledger, site) for site in ("Pune", "Austin")]
    assert [row.number for row in ledger.open_incidents()] == numbers
    assert set(ledger.conditions()) == {"Pune/agent-portal", "Austin/agent-portal"}
    kinds = [row.kind for row in ledger.history(None)]
    assert kinds == ["Pune/audit", "Austin/audit"]
    assert ledger.newest("audit") == []
    assert ledger.outbox_counts()["queued"] == 2


def test_one_transaction_holds_for_all_sites(ledger: Ledger) -> None:
    lived_in(ledger, "Pune")
    austin = of_site(ledger, "Austin")
    with pytest.raises(AlreadyOpen), austin.transaction() as t:
        t.happened(None, NOW, "audit")
        t.open_incident(incident("Pune"))
    assert austin.history(None) == []


def test_what_readers_remember_is_each_sites_own(ledger: Ledger) -> None:
    pune, austin = of_site(ledger, "Pune"), of_site(ledger, "Austin")
    pune.memo()["conditions"] = "Pune's"
    assert "conditions" not in austin.memo()
    assert pune.memo()["conditions"] == "Pune's"
    assert of_site(ledger, "") is ledger
    assert of_site(ledger, "Pune") is pune
