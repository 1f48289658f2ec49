"""Stories of who is on call, and of who sleeps, on a moved clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Any

from checks.contract import Failed
from monitor.config.day_span import Span
from monitor.config.section_models import Person
from monitor.core.rota import Rota
from monitor.incidents.ticket_actions import TicketActions
from monitor.testing.scenario import Scene, ScriptedTrunk
from tests.scenes.conftest import Make

# P2 and P0 of the policy; the stories begin on Monday at 08:30 in Pune.
TRUNK: dict[str, dict[str, Any]] = {"trunk": {"every": 60.0, "of": ScriptedTrunk}}
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 60.0}}
SILENT, DEAD = Failed("silent", "no sound for 8 s"), Failed("timeout", "no response")
MORNING = Span(time(8), time(10))


def staffed(site: Scene, *people: Person, rotas: tuple[Rota, ...] = ()) -> None:
    """The operators are these."""
    others = [one for one in site.configuration.people if one.role != "operators"]
    site.configuration = replace(site.configuration, people=(*people, *others), rotas=rotas)
    site.rounds.configuration = site.configuration


def operator(name: str, quiet: Span | None = None) -> Person:
    return Person(role="operators", name=name, mail=f"{name}@example.net", quiet=quiet)


def told(site: Scene, who: str) -> list[str]:
    return [line.split()[0] for line in site.told() if line.endswith(f"to {who}")]


def rota(hand_over: time) -> Rota:
    turn = ("Asha", "Ravi")
    return Rota("operators", turn, 0, hand_over, date(2026, 11, 16), "Asia/Kolkata")


async def test_who_is_on_call_is_told_and_after_the_hand_over_both(scene: Make) -> None:
    site = scene(TRUNK)
    staffed(site, operator("Asha"), operator("Ravi"), rotas=(rota(time(9)),))
    site.world["trunk"] = DEAD
    await site.run_for(minutes=5)
    assert (told(site, "Asha"), told(site, "Ravi")) == (["opened"], [])
    await site.run_for(minutes=40)
    site.world["trunk"] = None
    await site.run_for(minutes=15)
    assert told(site, "Asha")[-1] == "closed", "who heard of the problem hears of its end"
    assert told(site, "Ravi")[-1] == "closed", "and who is on call now"


async def test_who_rests_is_told_when_the_rest_is_over_if_it_is_still_open(scene: Make) -> None:
    site = scene(TRUNK)
    staffed(site, operator("Asha", MORNING), operator("Ravi"))
    site.world["trunk"] = DEAD
    await site.run_for(minutes=80)
    assert told(site, "Asha") == []
    assert told(site, "Ravi")[0] == "opened"
    await site.run_for(minutes=20)
    assert len(told(site, "Asha")) == 1, "one letter, however much has happened"


async def test_what_is_over_by_then_is_not_told(scene: Make) -> None:
    site = scene(TRUNK)
    staffed(site, operator("Asha", MORNING), operator("Ravi"))
    site.world["trunk"] = DEAD
    await site.run_for(minutes=10)
    site.world["trunk"] = None
    await site.run_for(hours=4)
    assert told(site, "Ravi")[-1] == "closed"
    assert told(site, "Asha") == []
    assert site.ledger.undelivered_letters() == []


async def test_the_gravest_wakes_everybody(scene: Make) -> None:
    site = scene(CALLS)
    staffed(site, operator("Asha", MORNING))
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    assert told(site, "Asha") == ["opened"]


async def test_what_becomes_the_gravest_wakes_who_rested(scene: Make) -> None:
    site = scene(TRUNK)
    staffed(site, operator("Asha", MORNING))
    site.world["trunk"] = DEAD
    await site.run_for(minutes=5)
    assert told(site, "Asha") == []
    now = site.clock.now()
    TicketActions(site.ledger, site.configuration, now).reclassify(1, "meera", severity="P0")
    await site.run_for(minutes=1)
    assert told(site, "Asha") == ["reclassified"]
