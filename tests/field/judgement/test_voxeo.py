"""Management by the minute: a ticket, then the account manager, then management within ten minutes,
then the chief executive twenty minutes later; for what affects service, or what a human escalates.

The numbers are those of voxeo.toml, which says what was given and what must be.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Failed
from monitor import policies
from monitor.core.maintenance import Once, Window
from monitor.incidents.ticket_actions import TicketActions
from monitor.ledger.letters import OutboxRow
from monitor.testing.scenario import Scene, ScriptedPortal, ScriptedTrunk
from tests.field.judgement.golden import Golden, rungs, told
from tests.scenes.conftest import START, Make, scene

__all__ = ["scene"]

CASES = tomllib.loads((Path(__file__).parent / "voxeo.toml").read_text(encoding="utf-8"))["case"]
SILENT = Failed("silent", "no sound for 8 s")
DOWN = Failed("http:503", "Service Unavailable")
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 60.0}}
MANAGEMENT = (
    "account-manager",
    "director-customer-support",
    "vp-customer-experience",
    "chief-executive",
)


def letters(site: Scene, role: str) -> list[OutboxRow]:
    """What somebody of this role was written."""
    return [row for row in site.ledger.outbox() if row.recipient.startswith(f"{role}@")]


def first(site: Scene, role: str) -> datetime | None:
    """When somebody of this role was written to for the first time."""
    return next((row.not_before for row in letters(site, role)), None)


def minutes(site: Scene, role: str, since: datetime) -> float | None:
    """The same in minutes."""
    at = first(site, role)
    return None if at is None else (at - since).total_seconds() / 60


async def failing(make: Make, **more: Any) -> tuple[Scene, datetime]:
    """A site whose calls have just been confirmed as failing, and when."""
    site = make(CALLS, policy="voxeo", **more)
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    opened = first(site, "support-team")
    assert opened is not None
    return site, opened


def test_the_cases_are_numbered_and_say_what_must_be() -> None:
    assert [case["number"] for case in CASES] == list(range(1, 27))
    assert all(case["given"] and case["must"] for case in CASES)


def test_the_dated_ladder() -> None:
    """1, 2, 4, 5."""
    row = Golden(1, "", ("sip-call", "prompt", "silent"), "critical")
    found = told("voxeo", row.case, zone="America/New_York")
    assert (found.severity, rungs(found)) == ("critical", [(1, 0), (2, 2), (3, 5), (4, 5), (5, 25)])


@pytest.mark.parametrize(
    "opened",
    ["2026-11-29T08:00", "2026-12-25T08:00", "2028-02-29T08:00", "2026-03-08T06:50"],
    ids=["sunday", "christmas", "leap day", "clocks go forward"],
)
def test_regardless_of_the_hour_or_date(opened: str) -> None:
    """10, 11."""
    at = datetime.fromisoformat(opened).replace(tzinfo=UTC)
    row = Golden(1, "", ("sip-call", "prompt", "silent"), "critical")
    found = told("voxeo", row.case, zone="America/New_York", opened=at)
    assert [offset for _, offset in rungs(found)] == [0, 2, 5, 5, 25]


@pytest.mark.parametrize(
    "failure",
    [
        ("report", "compare", "differs"),
        ("hygiene", "live-judge", "overdue"),
        ("portal", "connect", "refused", "report-portal"),
    ],
)
def test_what_affects_no_service_is_a_ticket_only(failure: tuple[str, ...]) -> None:
    """13, 14."""
    found = told("voxeo", Golden(13, "", failure, "ordinary").case)
    assert (found.severity, [number for number, _ in rungs(found)]) == ("ordinary", [1])


async def test_ticket_then_account_manager_then_management_then_the_chief(scene: Make) -> None:
    """1 to 5, 9: an acknowledgement does not stop it."""
    site, opened = await failing(scene)
    TicketActions(site.ledger, site.configuration, site.clock.now()).acknowledge(1, "asha")
    await site.run_for(minutes=40)
    reached = [minutes(site, role, opened) for role in ("support-team", *MANAGEMENT)]
    assert reached == [0, 2, 5, 5, 25]


async def test_resolved_in_time_the_chief_never_hears_and_later_hears_of_the_end(
    scene: Make,
) -> None:
    """7, 8, 25."""
    site, _ = await failing(scene)
    await site.run_for(minutes=20)
    site.world["main"] = None
    await site.run_for(minutes=60)
    assert first(site, "chief-executive") is None
    ends = [one for one in site.desk.letters if one.kind == "closed"]
    assert {one.recipient.partition("@")[0] for one in ends} >= set(MANAGEMENT[:3])


async def test_after_a_downtime_all_must_have_been_contacted(scene: Make) -> None:
    """12: the highest overdue, and everybody below who was to be told meanwhile."""
    site, _ = await failing(scene)
    site.clock.advance(40 * 60)
    await site.run_for(minutes=1)
    assert all(first(site, role) for role in MANAGEMENT)
    assert [row.kind for row in letters(site, "chief-executive")] == ["escalated"]


async def test_a_level_that_nobody_fills_passes_its_turn(scene: Make) -> None:
    """21."""
    people = {role: role for role in ("operators", "support-team", *MANAGEMENT[1:])}
    site, opened = await failing(scene, people=people)
    await site.run_for(minutes=10)
    assert minutes(site, "director-customer-support", opened) == 2


async def test_a_human_escalates_an_ordinary_ticket_and_the_minutes_count_from_then(
    scene: Make,
) -> None:
    """14, 15."""
    portal: dict[str, Any] = {"of": ScriptedPortal, "every": 60.0}
    site = scene({"portal": portal}, policy="voxeo")
    site.world["portal"] = DOWN
    await site.run_for(hours=2)
    assert not any(first(site, role) for role in MANAGEMENT)
    said = site.clock.now()
    TicketActions(site.ledger, site.configuration, said).escalate(1, "asha", "customers complain")
    await site.run_for(minutes=40)
    assert [minutes(site, role, said) for role in MANAGEMENT] == [2, 5, 5, 25]


async def test_a_lower_layer_that_explains_it_is_told_once(scene: Make) -> None:
    """16, 20."""
    checks = {"main": {"every": 60.0, "diagnose": ("trunk",)}, "trunk": {"of": ScriptedTrunk}}
    site = scene(checks, policy="voxeo")
    site.world["main"], site.world["trunk"] = SILENT, Failed("timeout", "no answer")
    await site.run_for(minutes=40)
    assert {one.incident for one in site.desk.letters} == {1}
    row = site.ledger.incident(1)
    assert row is not None
    assert row.body["owner_title"] == "telecom team"


def window(minutes: float) -> tuple[Window, ...]:
    """A planned maintenance from the start on."""
    begin = START.astimezone(UTC).replace(tzinfo=None) - timedelta(minutes=1)
    return (Window(("*",), Once(begin, begin + timedelta(minutes=minutes)), "UTC", "planned"),)


async def test_a_planned_maintenance_wakes_nobody_and_the_minutes_count_from_its_end(
    scene: Make,
) -> None:
    """23, 24."""
    site = scene(CALLS, policy="voxeo", maintenance=window(31))
    site.world["main"] = SILENT
    await site.run_for(minutes=29)
    assert site.desk.letters == []
    await site.run_for(minutes=40)
    opened = first(site, "support-team")
    assert opened is not None
    assert opened >= START + timedelta(minutes=30)
    assert minutes(site, "chief-executive", opened) == 25


async def test_bad_spells_are_one_ticket_whose_minutes_count_from_the_first(scene: Make) -> None:
    """22."""
    site, opened = await failing(scene)
    for _spell in range(8):
        site.world["main"] = None
        await site.run_for(minutes=2)
        site.world["main"] = SILENT
        await site.run_for(minutes=2)
    assert {one.incident for one in site.desk.letters} == {1}
    assert minutes(site, "director-customer-support", opened) == 5


def test_the_policy_names_roles_and_no_person() -> None:
    """26."""
    found = policies.load("voxeo")
    assert found.desks == ()
    assert {*MANAGEMENT, "support-team", "operators"} == set(found.roles)
