"""A failing call that costs is not placed every few minutes; but once there is a reason to think
that it works again, it is placed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from monitor.incidents.ticket_actions import TicketActions
from monitor.testing.scenario import Scene, Scripted, ScriptedPortal, ScriptedTrunk
from tests.scenes.test_incidents import NO_CIRCUIT, SILENT, START


class Costly(Scripted):
    """A call that somebody pays for."""

    COSTS: ClassVar[bool] = True


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Scene]:
    checks = {
        "main": {"at": (time(8, 30), time(17, 30)), "recheck": 1800.0, "diagnose": ("trunk",)},
        "trunk": {"every": 60.0, "of": ScriptedTrunk},
    }
    made = Scene(START, checks, folder=tmp_path)
    yield made
    made.stop_daemon()


def looks(site: Scene, since: datetime) -> list[datetime]:
    return [row.started_at for row in site.ledger.attempts("main", 50) if row.started_at >= since]


async def test_who_says_that_it_is_repaired_has_it_looked_at_at_once(site: Scene) -> None:
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    said = site.clock.now()
    site.world["main"] = None
    TicketActions(site.ledger, site.configuration, said).resolve(1, "asha", "rebooted")
    await site.run_for(minutes=2)
    assert len(looks(site, said)) == 2, "two good looks bear it out"
    assert not site.ledger.open_incidents()


async def test_who_says_so_too_early_hears_of_it_within_the_minute(site: Scene) -> None:
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    said = site.clock.now()
    TicketActions(site.ledger, site.configuration, said).resolve(1, "asha", "rebooted")
    await site.run_for(minutes=2)
    assert site.ledger.open_incidents()
    assert len(looks(site, said)) <= 3


async def test_a_layer_below_that_turns_good_has_it_looked_at_at_once(site: Scene) -> None:
    site.world["main"] = SILENT
    await site.run_for(minutes=3)
    site.world["trunk"] = NO_CIRCUIT
    await site.run_for(minutes=7)
    assert len(looks(site, START + timedelta(minutes=4))) == 0, "it costs"
    back = site.clock.now()
    site.world["trunk"] = site.world["main"] = None
    await site.run_for(minutes=5)
    assert 1 <= len(looks(site, back)) <= 3
    assert not site.ledger.open_incidents()


BELOW = {"at": (time(8, 30), time(17, 30)), "recheck": 1800.0, "of": Costly}
CHEAP = {"every": 60.0, "of": ScriptedPortal, "diagnose": ("main",)}


@pytest.mark.parametrize("call", [None, SILENT], ids=["works", "fails too"])
@pytest.mark.parametrize("cheap", [1, 3])
async def test_what_stands_above_it_and_fails_all_night_has_it_placed_each_half_hour(
    tmp_path: Path, call: Exception | None, cheap: int
) -> None:
    """A portal looked at each minute had a call placed each minute."""
    above = [f"portal-{one}" for one in range(cheap)]
    made = Scene(START, {"main": BELOW, **dict.fromkeys(above, CHEAP)}, folder=tmp_path)
    try:
        await made.run_for(minutes=5)
        for name in above:
            made.world[name] = SILENT
        made.world["main"] = call
        since = made.clock.now()
        await made.run_for(hours=3)
        # Its own confirmation, and once each half hour: by itself, or for those above.
        assert 5 <= len(looks(made, since)) <= 10
        assert len(made.ledger.open_incidents()) == 1 or call is None
        made.world["main"] = None
        for name in above:
            made.world[name] = None
        await made.run_for(hours=1)
        assert not made.ledger.open_incidents()
    finally:
        made.stop_daemon()


async def test_the_first_failure_above_has_a_look_of_its_own(tmp_path: Path) -> None:
    made = Scene(START, {"main": BELOW, "portal": CHEAP}, folder=tmp_path)
    try:
        await made.run_for(minutes=5)
        made.world["portal"] = made.world["main"] = SILENT
        since = made.clock.now()
        await made.run_for(minutes=10)
        assert looks(made, since), "what was seen at half past eight was before the trouble"
        (incident,) = made.ledger.open_incidents()
        assert incident.body["causes"] == ["main"]
    finally:
        made.stop_daemon()
