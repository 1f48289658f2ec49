"""A host that is silent has one ticket, which ends when it is heard; on each engine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.incidents import store
from monitor.incidents.deadlines import keep_watch
from monitor.incidents.house_troubles import miss_hosts
from monitor.incidents.ticket_actions import TicketActions
from monitor.ledger import Ledger
from monitor.testing.scenario import Scene
from tests.ledger.test_shared_rounds import START

NOW, LONG = timedelta(0), timedelta(hours=1)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(START, {"portal": {}}, folder=tmp_path)
    made.stop_daemon()  # the ledger is another
    return made


def missed(ledger: Ledger, scene: Scene, silent: timedelta) -> list[str]:
    now = scene.clock.now()
    miss_hosts(ledger, scene.configuration, now, silent)
    keep_watch(ledger, scene.configuration, now)
    return [row.key for row in ledger.open_incidents()]


def test_a_silent_host_is_missed_once_and_until_it_is_heard(ledger: Ledger, scene: Scene) -> None:
    for name in ("pune", "delhi"):
        ledger.hear_host(name, "hall 2", name, LONG)
    assert missed(ledger, scene, LONG) == []
    silent = ["Pune/host-is-silent @delhi", "Pune/host-is-silent @pune"]
    for _ in range(3):
        scene.clock.advance(3600)
        assert missed(ledger, scene, NOW) == silent
    opened = [row for row in ledger.outbox() if row.kind == "opened"]
    assert {row.incident for row in opened} == {1, 2}
    one = store.incident_of(ledger.open_incidents()[0])
    assert one.title == "probe host delhi is silent" and "delhi (hall 2)" in one.evidence.reasons[0]
    assert missed(ledger, scene, LONG) == []
    assert [row.kind for row in ledger.history(1)][-1] == "closed"


def test_one_that_said_it_stops_is_not_missed(ledger: Ledger, scene: Scene) -> None:
    ledger.hear_host("pune", "", "one", LONG)
    ledger.host_leaves("pune", "one")
    assert missed(ledger, scene, NOW) == []


def test_what_a_person_has_resolved_stays_so(ledger: Ledger, scene: Scene) -> None:
    ledger.hear_host("pune", "", "one", LONG)
    scene.clock.advance((ledger.now() - scene.clock.now()).total_seconds())
    (_,) = missed(ledger, scene, NOW)
    actions = TicketActions(ledger, scene.configuration, scene.clock.now())
    actions.resolve(1, "Asha", "it was taken away")
    for _ in range(2):
        assert missed(ledger, scene, NOW) == []
    ledger.hear_host("pune", "", "one", LONG)
    scene.clock.advance((ledger.now() - scene.clock.now()).total_seconds())
    assert len(missed(ledger, scene, NOW)) == 1, "heard since, and silent again"
