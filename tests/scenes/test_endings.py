"""Stories of ends: only what looks have seen to work is told as working, and only that meets a
promise.
"""

from __future__ import annotations

from dataclasses import replace

from checks.contract import CannotTell, Failed
from monitor.core.incident import Incident
from monitor.desks.internet_message import compose
from monitor.incidents import store
from monitor.incidents.deadlines import forget_removed
from monitor.incidents.ticket_actions import TicketActions
from monitor.incidents.ticket_view import view
from monitor.testing.scenario import Scene, Scripted, ScriptedPortal, ScriptedTrunk
from tests.scenes.conftest import Make

SILENT = Failed("silent", "no sound for 8 s")
NO_CIRCUIT = Failed("sip:503/34", "Service Unavailable")
DOWN = Failed("http:503", "Service Unavailable")
IVR = {
    "main": {"every": 300.0, "diagnose": ("trunk",)},
    "trunk": {"of": ScriptedTrunk, "every": 300.0},
}


def configure(site: Scene, *names: str, **renamed: str) -> None:
    """Only these checks are configured any more; `renamed` ones under their new name."""
    checks = {name: site.configuration.checks[name] for name in names}
    for new, old in renamed.items():
        checks[new] = replace(
            site.configuration.checks[old], name=new, probe=Scripted(name=new, world=site.world)
        )
        site.world[new] = site.world[old]
    site.configuration = replace(site.configuration, checks=checks)
    site.rounds.configuration = site.configuration
    forget_removed(site.ledger, site.configuration, site.clock.now())


def kept(site: Scene, number: int = 1) -> Incident:
    row = site.ledger.incident(number)
    assert row is not None
    return store.incident_of(row)


def clocks(site: Scene, number: int = 1) -> dict[str, str]:
    found = kept(site, number).clocks(site.clock.now(), site.configuration.policy.calendars)
    return {clock.name: str(clock.state) for clock in found}


def kinds(site: Scene, who: str) -> list[str]:
    return [one.kind for one in site.desk.letters if one.recipient.startswith(who)]


def last_mail(site: Scene, kind: str = "closed") -> str:
    letter = [one for one in site.desk.letters if one.kind == kind][-1]
    body = compose(letter, "reveille@example.net", "").get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


async def test_a_lower_layer_that_fails_later_is_no_cause(scene: Make) -> None:
    site = scene(IVR)
    site.world["main"] = SILENT
    await site.run_for(minutes=20)
    site.world["trunk"] = NO_CIRCUIT
    await site.run_for(hours=2)
    assert [(row.issue, row.severity) for row in site.ledger.open_incidents()] == [
        ("ivr-not-working", "P0"),
        ("pri-down", "P2"),
    ]
    assert "closed" not in kinds(site, "change-request-desk")
    assert kinds(site, "change-request-desk").count("updated") == 1, "the trunk is told of, once"
    assert "trunk fails too: answer: sip:503/34" in last_mail(site, "updated")
    assert [clock for clock, _ in kept(site).breaches] == [
        "response",
        "resolution",
    ], "its clocks ran on"
    site.world["trunk"] = None
    await site.run_for(minutes=20)
    assert [row.issue for row in site.ledger.open_incidents()] == ["ivr-not-working"]


async def test_a_lower_layer_that_could_not_be_looked_at_first_explains_nothing_away(
    scene: Make,
) -> None:
    site = scene(IVR)
    site.world["main"], site.world["trunk"] = SILENT, CannotTell("no engine")
    await site.run_for(minutes=30)
    site.world["trunk"] = NO_CIRCUIT
    await site.run_for(minutes=30)
    assert {row.issue for row in site.ledger.open_incidents()} == {"ivr-not-working", "pri-down"}
    assert "closed" not in kinds(site, "change-request-desk")


async def test_what_goes_on_under_another_ticket_says_so_and_meets_nothing(scene: Make) -> None:
    site = scene(
        {
            "agents": {"of": ScriptedPortal, "every": 300.0, "component": "agent-portal"},
            "admin": {"of": ScriptedPortal, "every": 300.0, "component": "admin-portal"},
        }
    )
    site.world["agents"] = site.world["admin"] = DOWN
    await site.run_for(minutes=10)
    entry = replace(site.configuration.checks["agents"], component="admin-portal")
    site.configuration = replace(
        site.configuration, checks={**site.configuration.checks, "agents": entry}
    )
    site.rounds.configuration = site.configuration
    await site.run_for(minutes=15)
    (ended,) = [one for one in map(store.incident_of, site.ledger.incidents(50)) if not one.open]
    assert (ended.issue, str(ended.closing)) == ("agent-portal-down", "explained")
    (other,) = site.ledger.open_incidents()
    assert ended.goes_on_as == other.number
    assert clocks(site, ended.number or 0) == {"response": "stopped", "resolution": "stopped"}
    mail = last_mail(site)
    assert "not repaired" in mail
    assert f"goes on as RV-{other.number}" in mail
    assert "works again" not in mail
    assert "met" not in mail.split("DO NOW")[0].split()


async def test_a_check_that_is_no_longer_configured_has_not_been_repaired(scene: Make) -> None:
    site = scene({"main": {"every": 300.0}, "other": {"every": 300.0}})
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    configure(site, "other")
    await site.run_for(minutes=15)
    assert str(kept(site).closing) == "withdrawn"
    assert clocks(site) == {"response": "stopped", "resolution": "stopped"}
    mail = last_mail(site)
    assert "nothing looks at it any more (main is no longer configured)" in mail
    assert "works again" not in mail
    assert "ended without repair" in mail


async def test_one_of_two_recovers_and_the_other_is_no_longer_looked_at(scene: Make) -> None:
    site = scene({"main": {"every": 300.0}, "second": {"every": 300.0}})
    site.world["main"] = site.world["second"] = SILENT
    await site.run_for(minutes=10)
    configure(site, "main")
    site.world["main"] = None
    await site.run_for(minutes=15)
    assert str(kept(site).closing) == "withdrawn", "second was never seen to work"


async def test_a_renamed_check_keeps_its_ticket_and_nobody_hears_of_an_end(scene: Make) -> None:
    site = scene({"main": {"every": 300.0}})
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    configure(site, renamed="main")
    await site.run_for(minutes=30)
    assert kept(site).causes == ("renamed",)
    assert not {"closed", "reopened"} & set(kinds(site, "operators"))
    site.world["renamed"] = None
    await site.run_for(minutes=15)
    assert str(kept(site).closing) == "recovered"


async def test_a_check_that_is_configured_again_goes_on_and_recovers(scene: Make) -> None:
    site = scene({"main": {"every": 300.0}, "other": {"every": 300.0}})
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    checks = site.configuration.checks
    configure(site, "other")
    await site.run_for(minutes=2)
    site.configuration = site.rounds.configuration = replace(site.configuration, checks=checks)
    await site.run_for(minutes=20)
    assert kept(site).open
    site.world["main"] = None
    await site.run_for(minutes=10)
    assert str(kept(site).closing) == "recovered"
    assert "works again" in last_mail(site)


async def test_resolved_by_hand_meets_its_promise_when_looks_bear_it_out(scene: Make) -> None:
    site = scene({"main": {"every": 300.0}})
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    TicketActions(site.ledger, site.configuration, site.clock.now()).resolve(1, "asha", "rebooted")
    await site.run_for(seconds=1)
    assert clocks(site) == {"response": "met", "resolution": "stopped"}
    assert "asha has closed it" in last_mail(site)
    assert "works again" not in last_mail(site)
    site.world["main"] = None
    await site.run_for(minutes=15)
    assert clocks(site) == {"response": "met", "resolution": "met"}
    assert kinds(site, "operators") == ["opened", "closed"]


async def test_resolved_by_hand_and_still_broken_is_not_said_to_have_worked(scene: Make) -> None:
    site = scene({"main": {"every": 300.0}})
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    TicketActions(site.ledger, site.configuration, site.clock.now()).resolve(1, "asha", "rebooted")
    await site.run_for(minutes=15)
    assert kinds(site, "operators") == ["opened", "closed", "reopened"]
    assert "asha had closed it, and it is still broken" in last_mail(site, "reopened")
    ticket = view(site.ledger, site.configuration, kept(site), site.clock.now())
    assert ticket.state == "open"
    assert ticket.closing == ""


async def test_only_a_repair_says_works_again(scene: Make) -> None:
    site = scene({"main": {"every": 300.0}})
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    site.world["main"] = None
    await site.run_for(minutes=10)
    assert str(kept(site).closing) == "recovered"
    assert clocks(site) == {"response": "met", "resolution": "met"}
    assert "It works again since" in last_mail(site)
