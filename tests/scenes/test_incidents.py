"""Stories of trouble: what is told, to whom, when, and on how many tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.contract import CannotTell, Failed
from monitor.core.maintenance import Once, Window
from monitor.testing.scenario import Scene, ScriptedPortal, ScriptedTrunk

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # 08:30 in Pune
SILENT = Failed("silent", "no sound for 8 s")
NO_CIRCUIT = Failed("sip:503/34", "Service Unavailable")

UPGRADE = Window(
    ("*",),
    Once(datetime.fromisoformat("2026-11-22T08:00"), datetime.fromisoformat("2026-11-22T10:00")),
    "Asia/Kolkata",
    "upgrade",
)

Make = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Make]:
    made: list[Scene] = []

    def make(checks: dict[str, dict[str, Any]] | None = None, **more: Any) -> Scene:
        made.append(
            Scene(
                START,
                checks or {"main-number": {"at": (time(8, 30), time(17, 30))}},
                folder=tmp_path,
                **more,
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.stop_daemon()


async def test_one_failure_is_not_told(scene: Make) -> None:
    site = scene()
    site.world["main-number"] = SILENT
    await site.turn()
    site.world["main-number"] = None
    await site.run_for(hours=1)
    assert site.told() == []
    assert site.ledger.incidents() == []


async def test_a_confirmed_failure_is_one_ticket_that_says_whose_and_how_bad(scene: Make) -> None:
    site = scene()
    site.world["main-number"] = SILENT
    await site.run_for(minutes=1)
    assert site.told() == ["opened RV-1 to change-request-desk", "opened RV-1 to operators"]
    ticket = site.desk.letters[0].body["ticket"]
    assert (ticket["title"], ticket["severity"], ticket["owner"]) == (
        "PRI is up but IVR is not working",
        "P0",
        "vendor",
    )


async def test_it_recovers_and_whoever_was_told_hears_of_it(scene: Make) -> None:
    site = scene()
    site.world["main-number"] = SILENT
    await site.run_for(minutes=1)
    site.world["main-number"] = None
    await site.run_for(minutes=10)
    assert site.told()[2:] == ["closed RV-1 to change-request-desk", "closed RV-1 to operators"]
    assert site.ledger.open_incidents() == []


async def test_the_ladder_climbs_once_a_level_until_it_is_closed(scene: Make) -> None:
    site = scene()
    site.world["main-number"] = SILENT
    await site.run_for(hours=7)
    escalations = [line for line in site.told() if line.startswith("escalated")]
    assert escalations == [
        "escalated RV-1 to change-request-level-2",
        "escalated RV-1 to change-request-desk",
        "escalated RV-1 to operators",
        "escalated RV-1 to change-request-level-3",
        "escalated RV-1 to change-request-level-2",
        "escalated RV-1 to change-request-desk",
        "escalated RV-1 to operators",
    ]
    breaches = [row.body["clock"] for row in site.ledger.history(1) if row.kind == "breached"]
    assert breaches == ["response", "resolution"]


async def test_the_lowest_failing_layer_owns_the_one_ticket(scene: Make) -> None:
    site = scene(
        {
            "main-number": {"at": (time(8, 30),), "diagnose": ("trunk",)},
            "trunk": {"of": ScriptedTrunk},
        }
    )
    site.world["main-number"], site.world["trunk"] = SILENT, NO_CIRCUIT
    await site.run_for(minutes=10)
    (incident,) = site.ledger.incidents()
    assert incident.issue == "pri-down"
    assert incident.body["causes"] == ["trunk"]
    assert incident.body["attached"] == ["main-number"]

    site.world["trunk"] = None
    await site.run_for(minutes=10)
    assert [row.issue for row in site.ledger.incidents()] == ["ivr-not-working", "pri-down"]
    assert [row.issue for row in site.ledger.open_incidents()] == ["ivr-not-working"]


async def test_two_checks_with_one_issue_share_a_ticket(scene: Make) -> None:
    site = scene({"main-number": {"at": (time(8, 30),)}, "second-number": {"at": (time(8, 30),)}})
    site.world["main-number"] = site.world["second-number"] = SILENT
    await site.run_for(minutes=5)
    (incident,) = site.ledger.incidents()
    assert incident.body["causes"] == ["main-number", "second-number"]
    site.world["main-number"] = None
    await site.run_for(minutes=15)
    assert [row.number for row in site.ledger.open_incidents()] == [1]
    site.world["second-number"] = None
    await site.run_for(minutes=15)
    assert site.ledger.open_incidents() == []


async def test_trouble_that_comes_back_within_the_hour_goes_on_under_its_ticket(
    scene: Make,
) -> None:
    site = scene({"main-number": {"every": 60.0}})
    for _ in range(2):
        site.world["main-number"] = SILENT
        await site.run_for(minutes=5)
        site.world["main-number"] = None
        await site.run_for(minutes=12)
    assert len(site.ledger.incidents()) == 1
    assert [line for line in site.told() if line.startswith("reopened")]


async def test_flapping_stays_on_one_ticket_and_is_said_once(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0, "recheck": 60.0}})
    await site.run_for(minutes=30)
    for turn in range(60):
        site.world["main-number"] = SILENT if turn % 2 == 0 else None
        await site.run_for(minutes=3)
    site.world["main-number"] = None
    await site.run_for(hours=3)
    assert len(site.ledger.incidents()) == 1
    assert site.ledger.open_incidents() == []
    kinds = [row.kind for row in site.ledger.history(1)]
    assert kinds.count("flapping") == 1
    assert kinds.count("closed") - kinds.count("reopened") == 1


async def test_unknown_neither_opens_nor_heals_but_blindness_is_one_ticket(scene: Make) -> None:
    site = scene(
        {"main-number": {"at": (time(8, 30),)}, "portal": {"of": ScriptedPortal, "every": 300.0}}
    )
    site.world["main-number"] = SILENT
    await site.run_for(minutes=5)
    assert [row.issue for row in site.ledger.open_incidents()] == ["ivr-not-working"]
    site.world["main-number"] = site.world["portal"] = CannotTell("no engine")
    await site.run_for(minutes=30)
    assert [row.issue for row in site.ledger.open_incidents()] == [
        "ivr-not-working",
        "monitor-is-blind",
    ]
    blind = site.ledger.open_incidents()[1]
    assert blind.body["causes"] == ["main-number", "portal"]
    site.world["main-number"], site.world["portal"] = SILENT, None
    await site.run_for(minutes=30)
    assert [row.issue for row in site.ledger.open_incidents()] == ["ivr-not-working"]


async def test_a_maintenance_is_watched_and_not_told_until_its_end(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0}}, maintenance=(UPGRADE,))
    site.world["main-number"] = SILENT
    await site.run_for(minutes=89)
    assert site.told() == []
    assert len(site.ledger.open_incidents()) == 1
    await site.run_for(minutes=2)
    assert site.told() == ["opened RV-1 to change-request-desk", "opened RV-1 to operators"]


async def test_what_came_and_went_within_a_maintenance_is_never_told(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0}}, maintenance=(UPGRADE,))
    site.world["main-number"] = SILENT
    await site.run_for(minutes=30)
    site.world["main-number"] = None
    await site.run_for(hours=3)
    assert site.told() == []


async def test_the_operators_have_a_first_level_that_nobody_fills(scene: Make) -> None:
    site = agent_portal(scene, "shift-team-leader")
    await site.run_for(minutes=29)
    assert site.told() == ["opened RV-1 to operators"]
    ladder = site.desk.letters[0].body["ticket"]["ladder"]
    assert [rung["state"] for rung in ladder] == ["told", "next", "later"]
    await site.run_for(minutes=32)
    assert "escalated RV-1 to shift-team-leader" in site.told()


async def test_where_two_levels_reach_nobody_the_next_is_told_at_once(scene: Make) -> None:
    site = agent_portal(scene, "director-technical-support")
    await site.run_for(minutes=1)
    assert site.told() == ["opened RV-1 to director-technical-support", "opened RV-1 to operators"]
    ladder = site.desk.letters[0].body["ticket"]["ladder"]
    assert [rung["state"] for rung in ladder] == ["skipped", "skipped", "told"]


def agent_portal(scene: Make, role: str) -> Scene:
    site = scene(
        {"portal": {"of": ScriptedPortal, "every": 300.0, "component": "agent-portal"}},
        people={"operators": "operators", role: role},
    )
    site.world["portal"] = Failed("http:503", "Service Unavailable")
    return site


async def test_trouble_that_turns_out_as_another_is_reclassified_on_its_ticket(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0}})
    site.world["main-number"] = SILENT
    await site.run_for(minutes=3)
    site.world["main-number"] = NO_CIRCUIT
    await site.run_for(minutes=30)
    assert [row.issue for row in site.ledger.incidents()] == ["pri-down"]
    (moved,) = [row.body for row in site.ledger.history(1) if row.kind == "reclassified"]
    assert (moved["from"], moved["to"]) == ("ivr-not-working", "pri-down")


async def test_a_restart_in_the_middle_loses_nothing_and_says_nothing_twice(scene: Make) -> None:
    site = scene()
    site.world["main-number"] = SILENT
    await site.run_for(seconds=10)
    site.stop_daemon()
    site.clock.advance(timedelta(minutes=3).total_seconds())
    site.start_daemon()
    await site.run_for(minutes=20)
    assert site.told() == [
        "opened RV-1 to change-request-desk",
        "opened RV-1 to operators",
    ]


async def test_on_another_ladder_its_people_are_told_and_the_old_ones_hear_the_end(
    scene: Make,
) -> None:
    site = scene({"main-number": {"every": 60.0}})
    site.world["main-number"] = SILENT
    await site.run_for(minutes=3)
    site.world["main-number"] = NO_CIRCUIT
    await site.run_for(minutes=12)
    assert "escalated RV-1 to customer-support-desk" in site.told()
    site.world["main-number"] = None
    await site.run_for(minutes=12)
    closed = {line for line in site.told() if line.startswith("closed")}
    assert closed == {
        "closed RV-1 to customer-support-desk",
        "closed RV-1 to change-request-desk",
        "closed RV-1 to operators",
    }
