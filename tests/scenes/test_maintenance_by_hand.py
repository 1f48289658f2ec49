"""Stories of a maintenance that a person begins: nobody is told meanwhile and no promise counts, it
outlives a restart, its end is told, and what is bad then is a ticket.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from checks.contract import Failed
from monitor.audit import releases
from monitor.audit.gathering import Asked, Reporting
from monitor.incidents import maintenances, store
from monitor.incidents.maintenances import ByHand
from monitor.testing.scenario import Scene
from reports.maintenance import Ended
from reports.render import render_audit, render_maintenance
from tests.scenes.conftest import Make

SILENT = Failed("silent", "no sound for 8 s")
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 300.0}, "other": {"every": 3600.0}}


def begin(site: Scene, hours: float, *checks: str) -> ByHand:
    with site.ledger.transaction() as t:
        return maintenances.begin(
            site.ledger, t, checks, hours * 3600, "new firmware", "asha", site.clock.now()
        )


def stop(site: Scene) -> None:
    (one, *_) = maintenances.by_hand(site.ledger)
    with site.ledger.transaction() as t:
        maintenances.stop(t, one, "ravi", site.clock.now())


def ends(site: Scene) -> list[Ended]:
    return [
        Ended.from_dict(one.body["maintenance"])
        for one in site.desk.letters
        if one.kind == "maintenance-over"
    ]


def breaches(site: Scene) -> list[str]:
    (row,) = site.ledger.open_incidents()
    return [clock for clock, _ in store.incident_of(row).breaches]


async def test_nobody_is_told_meanwhile_and_what_is_bad_at_its_end_is_a_ticket(scene: Make) -> None:
    site = scene(CALLS)
    await site.run_for(minutes=10)
    begin(site, 1, "main")
    site.world["main"] = SILENT
    await site.run_for(minutes=59)
    assert site.told() == []
    await site.run_for(minutes=3)
    assert site.told()[0].partition(" ")[0] == "maintenance-over"
    assert any(line.startswith("opened RV-1 to operators") for line in site.told())
    (ended,) = ends(site)
    mail = render_maintenance(ended)
    assert mail.subject == "[still bad] Pune: maintenance of main is over"
    assert "main is still bad, and looked at again now" in mail.text
    (row,) = site.ledger.open_incidents()
    due = store.incident_of(row).clocks(site.clock.now())[0].due_at
    assert due - site.clock.now() > timedelta(minutes=25), "the promises begin when it is told"


async def test_what_works_at_its_end_is_no_ticket_and_its_end_is_told_once(scene: Make) -> None:
    site = scene(CALLS)
    await site.run_for(minutes=10)
    begin(site, 1, "main")
    site.world["main"] = SILENT
    await site.run_for(minutes=30)
    site.world["main"] = None
    await site.run_for(hours=3)
    assert site.told() == ["maintenance-over RV-None to operators"]
    (ended,) = ends(site)
    assert "Nothing of it is bad" in render_maintenance(ended).text


async def test_it_covers_what_was_named_and_nothing_else(scene: Make) -> None:
    site = scene(CALLS)
    begin(site, 5, "ma*")
    site.world["other"] = SILENT
    await site.run_for(hours=2)
    assert any(line.startswith("opened RV-1") for line in site.told())


async def test_an_open_ticket_waits_with_it_and_a_restart_forgets_nothing(scene: Make) -> None:
    site = scene(CALLS)
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    assert breaches(site) == []
    begin(site, 4, "main")
    await site.run_for(minutes=30)
    site.stop_daemon()
    site.start_daemon()
    await site.run_for(hours=3, minutes=29)
    assert breaches(site) == [], "four hours that count for nothing"
    await site.run_for(minutes=35)
    assert breaches(site) == ["response"]


async def test_who_stops_it_is_said_and_it_hides_nothing_from_then_on(scene: Make) -> None:
    site = scene(CALLS)
    begin(site, 5, "main")
    await site.run_for(minutes=20)
    stop(site)
    site.world["main"] = SILENT
    await site.run_for(minutes=20)
    (ended,) = ends(site)
    assert (ended.stopped_by, ended.ended_at - ended.since) == ("ravi", timedelta(minutes=20))
    assert "ravi has ended it before its time" in render_maintenance(ended).text
    assert any(line.startswith("opened RV-1") for line in site.told())


async def test_two_of_one_check_end_with_the_later_one(scene: Make) -> None:
    site = scene(CALLS)
    begin(site, 1, "main")
    begin(site, 3, "*")
    site.world["main"] = SILENT
    await site.run_for(hours=2, minutes=50)
    assert site.told() == ["maintenance-over RV-None to operators"], "the first of them"
    await site.run_for(minutes=15)
    assert any(line.startswith("opened RV-1") for line in site.told())
    assert [one.number for one in ends(site)] == [1, 2]


async def test_it_stands_in_the_morning_report(scene: Make) -> None:
    site = scene(CALLS, zone="UTC")
    begin(site, 1, "main")
    await site.run_for(hours=2)
    begin(site, 30, "other")
    reporting = Reporting(site.ledger, site.configuration)
    report = await reporting.make(
        Asked(date(2026, 11, 23)), site.clock.now(), await releases.taken(site.configuration)
    )
    assert [(one.number, one.state) for one in report.maintenance] == [(2, "running"), (1, "over")]
    for page in (render_audit(report).text, render_audit(report).html):
        assert "new firmware" in page
        assert "by asha" in page
    after = await reporting.make(
        Asked(date(2026, 11, 20)), site.clock.now(), await releases.taken(site.configuration)
    )
    assert [one.number for one in after.maintenance] == [2], "what runs now, and no other day's"


@pytest.mark.parametrize("damage", [{"number": 1}, {"v": 9, "number": 1}, {}])
async def test_one_that_cannot_be_read_hides_nothing(scene: Make, damage: dict[str, Any]) -> None:
    site = scene(CALLS)
    with site.ledger.transaction() as t:
        t.happened(None, site.clock.now(), maintenances.BEGAN, damage)
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    assert any(line.startswith("opened RV-1") for line in site.told())
