"""Stories of telling: levels of one instant together, the customer beside the ladder, one letter
for one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from checks.contract import CannotTell, Failed
from monitor import policies
from monitor.core.policy import Policy
from monitor.desks.internet_message import compose
from monitor.incidents.ticket_actions import TicketActions
from monitor.testing.scenario import Scene, ScriptedPortal

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SILENT = Failed("silent", "no sound for 8 s")
DOWN = Failed("http:503", "Service Unavailable")
XOP = (
    "operators",
    "customer-staff",
    "support",
    "support-engineers",
    "product-development",
    "customer",
)

Make = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Make]:
    made: list[Scene] = []

    def make(checks: dict[str, dict[str, Any]], policy: str = "ozonetel", **more: Any) -> Scene:
        site = Scene(START, checks, folder=tmp_path, **more)
        site.stop_daemon()
        parsed = Policy.parse(policies.read(policy), policies.read("house"))
        site.configuration = replace(site.configuration, policy=parsed)
        site.start_daemon()
        made.append(site)
        return site

    yield make
    for one in made:
        one.stop_daemon()


def kinds(site: Scene, who: str) -> list[str]:
    return [one.kind for one in site.desk.letters if one.recipient == f"{who}@example.net"]


def mail(site: Scene, kind: str, who: str) -> str:
    letter = next(
        one
        for one in site.desk.letters
        if one.kind == kind and one.recipient == f"{who}@example.net"
    )
    body = compose(letter, "reveille@example.net", "").get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


async def test_both_levels_of_the_opening_hear_it_and_every_step_after(scene: Make) -> None:
    site = scene({"bridge": {"every": 300.0}}, "xop", people={role: role for role in XOP})
    site.world["bridge"] = SILENT
    await site.run_for(hours=2.1)
    assert kinds(site, "customer-staff")[0] == kinds(site, "support")[0] == "opened"
    assert "escalated" in kinds(site, "customer-staff")
    ladder = site.desk.letters[0].body["ticket"]["ladder"]
    assert [rung["state"] for rung in ladder][:2] == ["told", "told"]
    site.world["bridge"] = None
    await site.run_for(minutes=15)
    assert kinds(site, "customer-staff")[-1] == "closed"


async def test_the_customer_follows_a_ticket_without_being_a_level_of_it(scene: Make) -> None:
    site = scene({"bridge": {"every": 300.0}}, "xop", people={role: role for role in XOP})
    site.world["bridge"] = SILENT
    await site.run_for(hours=2.1)
    site.world["bridge"] = None
    await site.run_for(minutes=15)
    assert [kind for kind in kinds(site, "customer") if kind != "updated"] == [
        "opened",
        "escalated",
        "closed",
    ]
    handed_over = mail(site, "escalated", "customer")
    assert "It is reached at support-engineers@example.net" in handed_over
    assert "Nothing for you to do" in handed_over
    assert "$ reveille" not in mail(site, "opened", "customer"), "they have no command line here"


async def test_the_customer_is_not_told_that_the_monitor_is_blind(scene: Make) -> None:
    site = scene({"bridge": {"every": 300.0}}, "xop", people={role: role for role in XOP})
    site.world["bridge"] = CannotTell("no engine")
    await site.run_for(hours=1)
    assert kinds(site, "operators") == ["blind"]
    assert kinds(site, "customer") == []


async def test_what_is_missed_and_handed_over_at_one_moment_is_one_letter(scene: Make) -> None:
    site = scene({"portal": {"of": ScriptedPortal, "every": 300.0, "component": "agent-portal"}})
    site.world["portal"] = DOWN
    await site.run_for(minutes=10)
    site.stop_daemon()
    site.clock.advance(5 * 3600)
    site.start_daemon()
    await site.run_for(seconds=1)
    assert kinds(site, "director-technical-support") == ["escalated"], (
        "the first that the director hears, and one"
    )
    said = mail(site, "escalated", "director-technical-support")
    assert "The response was due by" in said
    assert "and the resolution was due by" in said
    assert "Take it over" in said
    assert "Take it over" not in mail(site, "escalated", "operators")
    assert "Hand over to level 3" in mail(site, "escalated", "customer-support-desk")
    recorded = [row.body["clock"] for row in site.ledger.history(1) if row.kind == "breached"]
    assert recorded == ["response", "resolution"]


async def test_what_joins_within_a_while_is_one_letter(scene: Make) -> None:
    names = [f"portal-{number:02}" for number in range(49)]
    site = scene(
        {
            name: {"of": ScriptedPortal, "every": 300.0, "component": "agent-portal"}
            for name in names
        }
    )
    await site.run_for(minutes=10)
    for name in names:
        site.world[name] = DOWN
    await site.run_for(minutes=20)
    assert kinds(site, "operators").count("opened") == 1
    assert kinds(site, "operators").count("updated") <= 2
    assert " more fail in the same way" in mail(site, "updated", "operators")
    assert len(site.ledger.open_incidents()) == 1


async def test_two_at_once_are_one_letter(scene: Make) -> None:
    site = scene(
        {name: {"of": ScriptedPortal, "every": 300.0, "component": "agent-portal"} for name in "ab"}
    )
    site.world["a"] = site.world["b"] = DOWN
    await site.run_for(minutes=15)
    assert kinds(site, "operators") == ["opened"]
    assert [row.kind for row in site.ledger.history(1)].count("joined") == 1


async def test_a_second_cause_later_is_told_within_minutes(scene: Make) -> None:
    site = scene(
        {name: {"of": ScriptedPortal, "every": 300.0, "component": "agent-portal"} for name in "ab"}
    )
    site.world["a"] = DOWN
    await site.run_for(minutes=15)
    site.world["b"] = DOWN
    await site.run_for(minutes=11)
    assert kinds(site, "operators") == ["opened", "updated"]


async def test_what_joined_and_recovered_at_once_is_not_told_of(scene: Make) -> None:
    site = scene(
        {name: {"of": ScriptedPortal, "every": 300.0, "component": "agent-portal"} for name in "ab"}
    )
    site.world["a"] = site.world["b"] = DOWN
    await site.run_for(minutes=1)
    site.world["b"] = None
    await site.run_for(minutes=15)
    assert kinds(site, "operators") == ["opened"]


async def test_after_the_last_level_it_is_said_again_every_day(scene: Make) -> None:
    site = scene({"portal": {"of": ScriptedPortal, "every": 3600.0, "component": "report-portal"}})
    site.world["portal"] = DOWN
    await site.run_for(days=3)
    again = [
        one
        for one in site.desk.letters
        if one.kind == "updated" and one.recipient.startswith("operators")
    ]
    assert len(again) == 2
    assert "still open after 40 h" in mail(site, "updated", "operators"), (
        "a day after the 16 h were missed"
    )
    assert "nobody has taken it" in mail(site, "updated", "operators")


async def test_an_acknowledgement_holds_it_off_and_runs_out(scene: Make) -> None:
    site = scene({"portal": {"of": ScriptedPortal, "every": 3600.0, "component": "agent-portal"}})
    site.world["portal"] = DOWN
    await site.run_for(hours=7)
    TicketActions(site.ledger, site.configuration, site.clock.now()).acknowledge(1, "asha")
    await site.run_for(hours=3.5)
    assert kinds(site, "operators").count("updated") == 0
    await site.run_for(hours=1)
    assert "asha has it" in mail(site, "updated", "operators")
    site.world["portal"] = None
    await site.run_for(hours=30)
    assert kinds(site, "operators").count("updated") == 1
    assert kinds(site, "operators")[-1] == "closed"


async def test_a_clock_that_is_set_back_puts_no_look_off(scene: Make) -> None:
    site = scene({"main": {"at": (time(8, 30), time(17, 30))}})
    site.world["main"] = SILENT
    await site.run_for(minutes=20)
    site.clock.advance(-3 * 3600)
    looks = len(site.seen)
    await site.run_for(minutes=30)
    assert len(site.seen) - looks >= 5


async def test_a_first_failure_is_confirmed_though_the_clock_is_set_back(scene: Make) -> None:
    site = scene({"main": {"at": (time(8, 30), time(17, 30))}})
    site.world["main"] = SILENT
    await site.turn()
    site.clock.advance(-3 * 3600)
    await site.run_for(minutes=1)
    assert kinds(site, "operators") == ["opened"]
