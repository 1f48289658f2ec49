"""Stories of the update clock: where nothing changes for as long as the policy lets its customer
wait, the customer hears that too, and nobody else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from checks.contract import Failed
from monitor.incidents import store
from monitor.incidents.ticket_actions import TicketActions
from monitor.incidents.ticket_view import view
from monitor.testing.scenario import Scene
from tests.scenes.conftest import Make

DEAD = Failed("silent", "no sound for 8 s")
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 300.0, "recheck": 1800.0}}
PEOPLE = {role: role for role in ("customer", "support-team", "operators")}


def heard(site: Scene, who: str) -> list[str]:
    return [one.kind for one in site.desk.letters if one.recipient.startswith(f"{who}@")]


async def broken(scene: Make, **more: Any) -> Scene:
    """An outage under voxeo, told a few seconds ago."""
    site = scene(CALLS, policy="voxeo", people=PEOPLE, **more)
    await site.run_for(minutes=10)
    site.world["main"] = DEAD
    while not heard(site, "customer"):
        await site.run_for(minutes=1)
    return site


async def test_the_customer_hears_every_half_hour_that_nothing_has_changed(scene: Make) -> None:
    site = await broken(scene)
    await site.run_for(minutes=28)
    before, others = len(heard(site, "customer")), len(heard(site, "support-team"))
    await site.run_for(minutes=95)
    words = heard(site, "customer")[before:]
    assert words == 4 * ["updated"], "after 30, 60, 90 and 120 minutes"
    assert len(heard(site, "support-team")) == others, "whoever works on it knows"
    letter = [one for one in site.desk.letters if one.recipient.startswith("customer@")][-1]
    said = letter.body["extra"]["text"]
    assert "it is still open, and nothing has changed since the last word" in said
    assert "support team" in said
    row = site.ledger.incident(1)
    assert row is not None
    shown = view(site.ledger, site.configuration, store.incident_of(row), site.clock.now())
    clock = next(one for one in shown.clocks if one.name == "update")
    assert clock.state == "running"
    assert timedelta(0) < clock.due_at - site.clock.now() <= timedelta(minutes=30)


async def test_any_other_word_is_one_and_a_pause_and_the_end_are_its_end(scene: Make) -> None:
    site = await broken(scene)
    await site.run_for(minutes=35)
    told = len(heard(site, "customer"))
    actions = TicketActions(site.ledger, site.configuration, site.clock.now())
    actions.acknowledge(1, "asha")
    await site.run_for(minutes=29)
    assert heard(site, "customer")[told:] == ["acknowledged"]
    TicketActions(site.ledger, site.configuration, site.clock.now()).wait(1, "asha", "access")
    await site.run_for(minutes=120)
    assert heard(site, "customer")[told:] == ["acknowledged"]
    TicketActions(site.ledger, site.configuration, site.clock.now()).go_on(1, "asha")
    site.world["main"] = None
    await site.run_for(minutes=120)
    assert heard(site, "customer")[-1] == "closed"


async def test_after_a_downtime_one_word_makes_up_for_all(scene: Make) -> None:
    site = await broken(scene)
    await site.run_for(minutes=40)
    told = len(heard(site, "customer"))
    site.stop_daemon()
    site.clock.advance(4 * 3600)
    site.start_daemon()
    await site.run_for(minutes=5)
    assert len(heard(site, "customer")) - told == 1
