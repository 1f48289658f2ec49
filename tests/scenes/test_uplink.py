"""The uplink is down: portals, calls and all else fail with it, and it is one ticket, the
carrier's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checks.contract import CannotTell, Failed, Layer, Trace
from monitor.testing.scenario import Scene, Scripted, ScriptedPortal, ScriptedTrunk

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CUT = Failed("timeout", "0 of 3 targets answered, 1 needed")
FLAPPING = Failed("flapping", "up in 3 of 5 rounds, with 4 changes")
NO_WAY = Failed("timeout", "nothing within 10 s")


class ScriptedUplink(Scripted):
    """The ground that all stand on."""

    KIND: ClassVar[str] = "uplink"
    LAYER: ClassVar[Layer] = Layer.UPLINK
    STAGE: ClassVar[str] = "reach"


SITE: dict[str, dict[str, Any]] = {
    "main-number": {"every": 300.0, "diagnose": ("trunk",)},
    "agent-portal": {
        "of": ScriptedPortal,
        "every": 60.0,
        "component": "agent-portal",
        "diagnose": ("uplink",),
    },
    "report-portal": {
        "of": ScriptedPortal,
        "every": 120.0,
        "component": "report-portal",
        "diagnose": ("uplink",),
    },
    "trunk": {"of": ScriptedTrunk, "every": 60.0, "diagnose": ("uplink",)},
    "uplink": {"of": ScriptedUplink, "every": 60.0},
}

Make = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Make]:
    made: list[Scene] = []

    def make(checks: dict[str, dict[str, Any]] = SITE) -> Scene:
        made.append(Scene(START, checks, folder=tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.stop_daemon()


def all_fails(site: Scene, uplink: Exception) -> None:
    for name in SITE:
        site.world[name] = NO_WAY
    site.world["uplink"] = uplink


class SlowUplink(ScriptedUplink):
    """One that answers after all have asked."""

    looks: ClassVar[list[int]] = []

    async def probe(self, trace: Trace) -> None:
        """Its one stage, and how many looks were being made at it."""
        self.looks.append(1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert sum(self.looks) == 1
        self.looks.append(-1)
        await super().probe(trace)


async def test_ten_that_fail_together_look_at_it_once(scene: Make) -> None:
    portals = {
        f"portal-{n}": {"of": ScriptedPortal, "every": 60.0, "diagnose": ("uplink",)}
        for n in range(10)
    }
    site = scene({**portals, "uplink": {"of": SlowUplink, "every": 60.0}})
    for name in (*portals, "uplink"):
        site.world[name] = CUT
    for _ in range(2):
        owed = await site.rounds.owed(site.clock.now())
        await asyncio.gather(*(site.rounds.look(due) for due in owed))
        site.clock.advance(60)
    made = [row.purpose for row in site.ledger.attempts(limit=100) if row.check == "uplink"]
    assert len(made) <= 3, made
    (incident,) = site.ledger.incidents()
    assert (incident.issue, incident.body["causes"]) == ("internet-down", ["uplink"])
    assert len(incident.body["attached"]) == 10


def issues(site: Scene) -> list[str]:
    return [row.issue for row in site.ledger.incidents()]


@pytest.mark.parametrize("wrong", [CUT, FLAPPING], ids=["down", "flapping"])
async def test_everything_fails_with_the_uplink_and_the_carrier_gets_the_one_ticket(
    scene: Make, wrong: Failed
) -> None:
    site = scene()
    await site.run_for(minutes=3)
    all_fails(site, wrong)
    await site.run_for(minutes=15)
    (incident,) = site.ledger.incidents()
    assert (incident.issue, incident.body["causes"]) == ("internet-down", ["uplink"])
    assert sorted(incident.body["attached"]) == [
        "agent-portal",
        "main-number",
        "report-portal",
        "trunk",
    ]
    ticket = site.desk.letters[0].body["ticket"]
    assert (ticket["title"], ticket["severity"], ticket["owner"]) == (
        "internet is down / flapping in the IDC",
        "P2",
        "telco (third party)",
    )

    for name in SITE:
        site.world[name] = None
    await site.run_for(minutes=15)
    assert issues(site) == ["internet-down"] and site.ledger.open_incidents() == []


async def test_it_does_not_matter_who_notices_first(scene: Make) -> None:
    """Here nobody looks at the uplink of his own accord: a portal's failure makes somebody look."""
    site = scene({name: {k: v for k, v in given.items() if name != "uplink" or k != "every"}
                  for name, given in SITE.items()})  # fmt: skip
    all_fails(site, CUT)
    await site.run_for(minutes=15)
    assert issues(site) == ["internet-down"]


async def test_a_portal_that_fails_while_the_uplink_is_good_is_its_own_ticket(scene: Make) -> None:
    site = scene()
    site.world["agent-portal"] = NO_WAY
    await site.run_for(minutes=15)
    (incident,) = site.ledger.incidents()
    assert (incident.issue, incident.body["attached"]) == ("agent-portal-down", [])


async def test_what_is_still_broken_after_the_uplink_is_back_gets_its_own_ticket_then(
    scene: Make,
) -> None:
    site = scene()
    all_fails(site, CUT)
    await site.run_for(minutes=15)
    assert issues(site) == ["internet-down"]
    for name in SITE:
        site.world[name] = NO_WAY if name == "report-portal" else None
    await site.run_for(minutes=15)
    assert issues(site) == ["report-portal-down", "internet-down"]
    assert [row.issue for row in site.ledger.open_incidents()] == ["report-portal-down"]


async def test_an_uplink_that_cannot_be_told_hides_nothing(scene: Make) -> None:
    """Where every means is forbidden nothing is known of the uplink: the portal has its ticket,
    which says so.
    """
    site = scene()
    site.world["agent-portal"] = NO_WAY
    site.world["uplink"] = CannotTell(
        "icmp 192.0.2.1: not counted, this host does not let this user send ICMP"
    )
    await site.run_for(minutes=3)
    assert sorted(issues(site)) == ["agent-portal-down", "monitor-is-blind"]
    (portal,) = (row for row in site.ledger.incidents() if row.issue == "agent-portal-down")
    findings = portal.body["evidence"]["findings"]
    (uplink,) = (finding for finding in findings if finding["check"] == "uplink")
    assert uplink["state"] == "UNKNOWN" and uplink["text"].startswith(
        "could not be looked at: icmp"
    )
