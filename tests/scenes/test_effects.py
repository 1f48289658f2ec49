"""What hangs on a cause and stays true decides how bad the one ticket is, and who hears of it: a
portal that is down since its server is, is down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checks.contract import Failed, Layer
from monitor.incidents import store
from monitor.incidents.ticket_actions import TicketActions
from monitor.testing.scenario import Scene, Scripted, ScriptedPortal, ScriptedTrunk
from tests.scenes.test_incidents import NO_CIRCUIT, SILENT, START
from tests.scenes.test_one_letter import at_once, words

Make = Callable[..., Scene]
DOWN = Failed("unit-down", "nginx.service is inactive")
REFUSED = Failed("refused", "connection refused")
PEOPLE = ("operators", "customer-support-desk", "shift-team-leader", "change-request-desk")


class Services(Scripted):
    """The units of the server below."""

    KIND: ClassVar[str] = "host-services"
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    STAGE: ClassVar[str] = "units"


def site_of(portal: str, **own: Any) -> dict[str, dict[str, Any]]:
    return {
        "services": {"every": 300.0, **own, "of": Services},
        "portal": {
            "every": 300.0, "of": ScriptedPortal, "component": portal, "diagnose": ("services",),
        },
    }  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Make]:
    made: list[Scene] = []

    def make(checks: dict[str, dict[str, Any]]) -> Scene:
        made.append(Scene(START, checks, folder=tmp_path, people={role: role for role in PEOPLE}))
        return made[-1]

    yield make
    for one in made:
        one.stop_daemon()


async def test_a_p0_that_hangs_on_a_p1_is_one_p0_and_its_vendor_hears(scene: Make) -> None:
    site = scene(site_of("agent-portal", every=None, at=(time(17, 30),)))
    site.world["services"], site.world["portal"] = DOWN, REFUSED
    await site.run_for(minutes=10)
    (row,) = site.ledger.incidents()
    one = store.incident_of(row)
    assert (one.issue, one.severity.id) == ("server-down", "P0")
    assert {t.name: t.seconds for t in one.severity.targets}["response"] == 1800
    assert {"customer-support-desk"} <= set(one.roles_told)
    said = words(site, "opened")
    assert "agent portal is down, since a building block of a server is down" in said
    assert "HANGS ON IT, AND IS NOT TICKETED portal" in said
    turns = [level.after_seconds for level in one.ladder.levels]
    assert turns == sorted(turns) and [n.number for n in one.ladder.levels] == [1, 2, 3, 4]
    assert at_once(site) == []
    site.world["services"] = site.world["portal"] = None
    await site.run_for(minutes=30)
    assert site.ledger.open_incidents() == []


async def test_what_comes_to_hang_on_it_later_raises_it_and_is_said(scene: Make) -> None:
    site = scene(site_of("agent-portal"))
    site.world["services"] = DOWN
    await site.run_for(minutes=40)
    (row,) = site.ledger.open_incidents()
    before = store.incident_of(row)
    assert before.severity.id == "P1"
    site.world["portal"] = REFUSED
    await site.run_for(minutes=10)
    (row,) = site.ledger.open_incidents()
    assert store.incident_of(row).severity.id == "P0"
    said = [one for one in site.desk.letters if one.recipient.startswith("operators")]
    text = words(site, said[-1].kind)
    assert "portal hangs on it: agent portal is down. It was P1 high" in text
    assert "Now with level 2, customer support desk. " in text
    assert at_once(site) == []


async def test_a_milder_effect_raises_nothing_and_calls_its_own_people(scene: Make) -> None:
    site = scene(site_of("report-portal"))
    site.world["services"], site.world["portal"] = DOWN, REFUSED
    await site.run_for(minutes=10)
    (row,) = site.ledger.incidents()
    one = store.incident_of(row)
    assert (one.issue, one.severity.id, one.attached) == ("server-down", "P1", ("portal",))
    assert "customer-support-desk" in one.roles_told


async def test_what_is_not_true_without_its_line_stays_the_telco_s(scene: Make) -> None:
    trunk = {"every": 300.0, "of": ScriptedTrunk}
    site = scene({"trunk": trunk, "main": {"every": 300.0, "diagnose": ("trunk",)}})
    site.world["trunk"], site.world["main"] = NO_CIRCUIT, SILENT
    await site.run_for(hours=1)
    found = [store.incident_of(row) for row in site.ledger.incidents()]
    assert [(one.issue, one.severity.id) for one in found] == [("pri-down", "P2")]
    assert "change-request-desk" not in found[0].roles_told


async def test_a_person_s_word_on_how_bad_it_is_stays(scene: Make) -> None:
    site = scene(site_of("agent-portal"))
    site.world["services"] = DOWN
    await site.run_for(minutes=10)
    TicketActions(site.ledger, site.configuration, site.clock.now()).reclassify(
        1, "ravi", severity="P2"
    )
    site.world["portal"] = REFUSED
    await site.run_for(minutes=10)
    (row,) = site.ledger.open_incidents()
    assert store.incident_of(row).severity.id == "P2"
    assert "agent portal is down" in words(site, "updated")
