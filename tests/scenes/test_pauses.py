"""Stories of waiting: a planned maintenance, or the customer who has to let somebody in, counts for
no promise and moves no level.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks.contract import Failed
from monitor.core.maintenance import Once, Window
from monitor.incidents import store
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.testing.scenario import Scene
from tests.scenes.conftest import START, Make

SILENT = Failed("silent", "no sound for 8 s")
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 60.0}}


def counter(site: Scene) -> TicketActions:
    return TicketActions(site.ledger, site.configuration, site.clock.now())


def due(site: Scene, clock: str) -> float:
    """When a promise is due, in minutes from where the clocks began."""
    row = site.ledger.incident(1)
    assert row is not None
    incident = store.incident_of(row)
    found = incident.clocks(site.clock.now(), site.configuration.policy.calendars)
    at = next(one.due_at for one in found if one.name == clock)
    return round((at - incident.counts_from).total_seconds() / 60)


def breaches(site: Scene) -> list[str]:
    row = site.ledger.incident(1)
    assert row is not None
    return [clock for clock, _ in store.incident_of(row).breaches]


async def failing(make: Make, **more: Any) -> Scene:
    site = make(CALLS, **more)
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    return site


async def test_a_maintenance_in_the_middle_of_an_outage_counts_for_nothing(scene: Make) -> None:
    begin = START.replace(tzinfo=None) + timedelta(minutes=20)
    planned = Window(("*",), Once(begin, begin + timedelta(hours=3)), "UTC", "planned")
    site = await failing(scene, maintenance=(planned,))
    await site.run_for(hours=3, minutes=15)
    assert breaches(site) == []
    assert not any("change-request-level-2" in line for line in site.told())
    await site.run_for(minutes=10)
    assert 205 <= due(site, "response") <= 215, "30 minutes, and the three hours"
    await site.run_for(minutes=10)
    assert breaches(site) == ["response"]


async def test_it_waits_for_the_customer_and_no_level_moves(scene: Make) -> None:
    site = await failing(scene)
    await site.run_for(minutes=10)
    counter(site).wait(1, "asha", "the key of the rack")
    with pytest.raises(NotPossible, match="waits already"):
        counter(site).wait(1, "asha", "the key of the rack")
    await site.run_for(hours=6)
    assert breaches(site) == []
    assert not any("change-request-level-2" in line for line in site.told())
    counter(site).go_on(1, "asha")
    with pytest.raises(NotPossible, match="waits for nobody"):
        counter(site).go_on(1, "asha")
    await site.run_for(minutes=30)
    assert breaches(site) == ["response"]
    await site.run_for(hours=2)
    assert any("change-request-level-2" in line for line in site.told())


async def test_what_waits_and_works_again_is_closed(scene: Make) -> None:
    site = await failing(scene)
    counter(site).wait(1, "asha", "access")
    site.world["main"] = None
    await site.run_for(minutes=10)
    row = site.ledger.incident(1)
    assert row is not None
    assert store.incident_of(row).closed_at is not None
    assert breaches(site) == []
