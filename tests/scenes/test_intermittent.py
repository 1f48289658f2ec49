"""Stories of trouble that comes and goes: it is found without a row of failures, and it is one
ticket, not thirty.
"""

from __future__ import annotations

import random
import re
from collections import Counter as Tally
from datetime import timedelta
from typing import ClassVar

import pytest

from checks.contract import CannotTell, Failed, Trace
from monitor.incidents import store
from monitor.testing.scenario import Scene, Scripted, ScriptedPortal, ScriptedTrunk
from tests.scenes.conftest import START, Make

DOWN = Failed("http:503", "Service Unavailable")
NO_CIRCUIT = Failed("sip:503/34", "Service Unavailable")


class EveryOther(ScriptedPortal):
    """A portal behind a balancer: every `of`-th request meets a dead backend."""

    of: ClassVar[int] = 2
    asked: ClassVar[list[int]] = [0]

    async def probe(self, trace: Trace) -> None:
        with trace.stage(self.STAGE):
            self.asked[0] += 1
            if self.asked[0] % self.of == 1:
                raise DOWN


def portal(of: int) -> type[Scripted]:
    return type(
        "Behind",
        (EveryOther,),
        {
            "of": of,
            "asked": [0],
            "__annotations__": {"of": ClassVar[int], "asked": ClassVar[list[int]]},
        },
    )


def kinds(site: Scene) -> Tally[str]:
    return Tally(one.kind for one in site.desk.letters if one.recipient.startswith("operators"))


@pytest.mark.parametrize(("of", "minutes"), [(2, 30), (3, 55), (4, 80)])
async def test_one_dead_backend_is_found_without_two_failures_in_a_row(
    scene: Make, of: int, minutes: int
) -> None:
    site = scene({"portal": {"of": portal(of), "every": 300.0, "component": "agent-portal"}})
    await site.run_for(minutes=minutes)
    (row,) = site.ledger.open_incidents()
    assert row.issue == "agent-portal-down"
    assert re.fullmatch(
        r"[67] of the last (1\d|2[01]) looks failed", store.incident_of(row).evidence.reasons[-1]
    )
    await site.run_for(hours=6)
    assert len(site.ledger.incidents(50)) == 1
    assert kinds(site)["closed"] == 0, "while it goes on like that, it stays open"
    assert kinds(site)["updated"] == 0, "its first letter says that it comes and goes"


async def test_it_is_closed_when_it_has_been_quiet_for_an_hour(scene: Make) -> None:
    kind = portal(2)
    site = scene({"portal": {"of": kind, "every": 300.0, "component": "agent-portal"}})
    await site.run_for(hours=1)
    kind.of = 10**9  # type: ignore[attr-defined]
    await site.run_for(minutes=30)
    assert kinds(site)["closed"] == 0
    await site.run_for(hours=1)
    assert kinds(site) == {"opened": 1, "breached": 1, "escalated": 1, "closed": 1}


async def test_rare_single_failures_open_nothing(scene: Make) -> None:
    site = scene({"portal": {"of": portal(20), "every": 300.0, "component": "agent-portal"}})
    await site.run_for(hours=48)
    assert site.ledger.incidents() == []


async def test_more_patience_is_patience_here_too(scene: Make) -> None:
    site = scene(
        {"portal": {"of": portal(2), "every": 300.0, "component": "agent-portal", "confirm": 9}}
    )
    await site.run_for(minutes=35)
    assert site.ledger.incidents() == []
    await site.run_for(minutes=30)
    assert len(site.ledger.open_incidents()) == 1


async def test_outages_that_were_confirmed_and_ended_do_not_add_up(scene: Make) -> None:
    site = scene({"portal": {"of": ScriptedPortal, "every": 300.0, "component": "agent-portal"}})
    for _ in range(2):
        site.world["portal"] = DOWN
        await site.run_for(minutes=12)
        site.world["portal"] = None
        await site.run_for(hours=30)
    site.world["portal"] = DOWN
    await site.run_for(seconds=310)
    site.world["portal"] = None
    await site.run_for(minutes=5)
    assert len(site.ledger.incidents()) <= 3


async def test_a_week_of_a_degraded_trunk_is_a_few_tickets_with_a_count(scene: Make) -> None:
    site = scene({"trunk": {"of": ScriptedTrunk, "every": 300.0}})
    chance, end, spells = random.Random(7), START + timedelta(days=7), 0
    while site.clock.now() < end:
        site.world["trunk"] = NO_CIRCUIT
        spells += 1
        await site.run_for(
            minutes=chance.uniform(1, 9) if chance.random() < 0.85 else chance.uniform(9, 25)
        )
        site.world["trunk"] = None
        await site.run_for(minutes=min(chance.expovariate(1 / 110), 24 * 60))
    tickets = [store.incident_of(row) for row in site.ledger.incidents(100)]
    assert spells > 60
    assert len(tickets) <= 3
    assert max(ticket.times_bad for ticket in tickets) > spells / 4
    assert sum(kinds(site).values()) <= 25, kinds(site)


async def test_once_quiet_for_long_the_next_trouble_is_news_again(scene: Make) -> None:
    site = scene({"trunk": {"of": ScriptedTrunk, "every": 300.0}})
    for _ in range(4):
        site.world["trunk"] = NO_CIRCUIT
        await site.run_for(minutes=8)
        site.world["trunk"] = None
        await site.run_for(minutes=25)
    assert len(site.ledger.incidents()) == 1
    await site.run_for(hours=4)
    assert site.ledger.open_incidents() == []
    await site.run_for(hours=25)
    site.world["trunk"] = NO_CIRCUIT
    await site.run_for(minutes=8)
    assert [row.number for row in site.ledger.open_incidents()] == [2]


async def test_a_monitor_that_is_blind_by_turns_says_so_a_few_times(scene: Make) -> None:
    site = scene({"trunk": {"of": ScriptedTrunk, "every": 300.0}})
    for _ in range(12):
        site.world["trunk"] = CannotTell("no engine")
        await site.run_for(minutes=5)
        site.world["trunk"] = None
        await site.run_for(minutes=5)
    assert len(site.ledger.incidents()) == 1
    assert sum(kinds(site).values()) <= 8, kinds(site)
