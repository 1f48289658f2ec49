"""Looks that are handed in late: judged as of their time, and nothing that is over is begun anew;
on each engine.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from checks.contract import Fault, Observation
from monitor.core.timetable import Slot
from monitor.core.verdict import State, Verdict
from monitor.incidents import store
from monitor.incidents.attempt_result import AttemptResult
from monitor.incidents.late_looks import LateLooks
from monitor.incidents.ticket_actions import TicketActions
from monitor.ledger import Ledger
from monitor.ledger.seals import Seal
from monitor.scheduling.late_look import late_look, result_of
from monitor.testing.scenario import Scene
from tests.ledger.test_shared_rounds import START

MINUTE = timedelta(minutes=1)
WRONG = Fault("response", "refused", "connection refused")


class Site:
    def __init__(self, ledger: Ledger, folder: Path) -> None:
        scene = Scene(START, {"portal": {"every": 60.0}}, folder=folder)
        scene.stop_daemon()  # the ledger is another
        self.ledger, self.configuration = ledger, scene.configuration
        self.entry = self.configuration.checks["portal"]

    def seen(self, at: datetime, fault: Fault | None = WRONG) -> AttemptResult:
        state = State.FAILED if fault else State.OK
        observation = Observation(fault=fault, seconds=0.25, memory={"seen": at.isoformat()})
        verdict = Verdict(state, (str(fault.text),) if fault else (), fault)
        return AttemptResult(self.entry, "scheduled", at, observation, verdict)

    def hand_in(self, *looks: AttemptResult, slot: Slot | None = None, place: str = "") -> None:
        for look in looks:
            kept = late_look(look, place, slot)
            back, slot_back = result_of(kept, self.entry)
            assert back == look and slot_back == slot
            with self.ledger.transaction() as t:
                now = START + 60 * MINUTE
                LateLooks(self.ledger, t, self.configuration, now).settle(back, place, slot_back)

    def looks(self) -> list[str]:
        return [f"{one.started_at:%H:%M} {one.verdict.state}" for one in
                reversed(self.ledger.attempts("portal"))]  # fmt: skip


@pytest.fixture
def site(ledger: Ledger, tmp_path: Path) -> Site:
    return Site(ledger, tmp_path)


def test_a_ticket_is_as_old_as_the_trouble_that_was_seen_late(site: Site) -> None:
    site.hand_in(site.seen(START, None), site.seen(START + MINUTE), site.seen(START + 2 * MINUTE))
    (row,) = site.ledger.open_incidents()
    assert START + MINUTE <= row.opened_at <= START + 3 * MINUTE
    assert site.looks() == ["06:00 OK", "06:01 FAILED", "06:02 FAILED"]
    (note,) = site.ledger.attempts("portal")[0].observation.notes
    assert note.endswith(
        "while it could not reach the ledger; delivered at 2026-11-30 07:00:00 UTC"
    )


def test_what_is_handed_in_twice_is_there_once(site: Site) -> None:
    looks = (site.seen(START + MINUTE), site.seen(START + 2 * MINUTE))
    site.hand_in(*looks, *looks)
    assert len(site.looks()) == 2
    assert len([row for row in site.ledger.history(1) if row.kind == "opened"]) == 1


def test_a_check_that_others_saw_since_is_judged_by_them(site: Site) -> None:
    site.hand_in(site.seen(START + 10 * MINUTE, None))
    known = store.condition_of(site.ledger, "portal")
    site.hand_in(site.seen(START + MINUTE), site.seen(START + 2 * MINUTE))
    assert site.ledger.incidents() == [] and len(site.looks()) == 3
    assert store.condition_of(site.ledger, "portal") == known


def test_what_a_person_has_closed_stays_closed(site: Site) -> None:
    site.hand_in(site.seen(START + MINUTE), site.seen(START + 2 * MINUTE))
    actions = TicketActions(site.ledger, site.configuration, START + 5 * MINUTE)
    actions.resolve(1, "Asha", "the firewall was in the way")
    for _ in range(2):
        site.hand_in(site.seen(START + 3 * MINUTE), site.seen(START + 4 * MINUTE))
    assert site.ledger.open_incidents() == [] and len(site.ledger.incidents()) == 1
    assert len(site.looks()) == 4


def test_however_many_tickets_were_closed_since_each_is_known(site: Site) -> None:
    site.hand_in(site.seen(START + MINUTE), site.seen(START + 2 * MINUTE))
    TicketActions(site.ledger, site.configuration, START + 5 * MINUTE).resolve(1, "Asha", "done")
    (row,) = site.ledger.incidents()
    with site.ledger.transaction() as t:
        for number in range(300):
            body = {**row.body, "causes": ["another"], "attached": []}
            t.open_incident(replace(row, number=None, key=f"another {number}", body=body))
    site.hand_in(site.seen(START + 3 * MINUTE), site.seen(START + 4 * MINUTE))
    assert site.ledger.open_incidents() == []


def test_a_run_at_a_time_of_day_is_done(site: Site) -> None:
    slot = Slot("2026-11-30T11:30", START)
    site.hand_in(site.seen(START, None), slot=slot)
    done = site.ledger.slot("portal", slot.key)
    assert done is not None and done.finished_at is not None


def test_a_places_word_is_kept_as_its_own(site: Site) -> None:
    site.hand_in(site.seen(START + MINUTE), site.seen(START + 2 * MINUTE), place="pune")
    assert site.looks() == [] and site.ledger.incidents() == []
    assert len(site.ledger.attempts("portal@pune")) == 2


def test_a_day_that_is_sealed_stays_as_it_was(site: Site) -> None:
    day = int(START.timestamp()) // 86400
    with site.ledger.transaction() as t:
        t.put_seal(Seal(day, "looks", 0, "", 0, 0, "", START + timedelta(days=2), "chain"))
    site.hand_in(site.seen(START + MINUTE))
    assert site.looks() == []
    (told,) = site.ledger.history(None)
    assert told.kind == "late-look" and told.body["state"] == "FAILED"
