"""Stories of tickets that people open: the same policy, clocks and ladder as what checks find; what
somebody asks for carries no clock; no look closes what a person has seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checks.contract import Failed
from monitor.core.incident import Incident
from monitor.incidents import store
from monitor.incidents.opening import Opening
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.incidents.ticket_view import view
from monitor.testing.scenario import Scene
from reports.render import render_mail, render_text
from reports.ticket import Ticket
from tests.scenes.conftest import Make

SILENT = Failed("silent", "no sound for 8 s")
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 300.0, "recheck": 1800.0}}
IVR = "ivr-not-working"
TEXT = "callers hear nothing after the menu"


def counter(site: Scene) -> Opening:
    return Opening(site.ledger, site.configuration, site.clock.now())


def incident(site: Scene, number: int = 1) -> Incident:
    row = site.ledger.incident(number)
    assert row is not None
    return store.incident_of(row)


def told(site: Scene, number: int = 1) -> list[str]:
    return [
        f"{one.kind} {one.recipient.partition('@')[0]}"
        for one in site.desk.letters
        if one.incident == number
    ]


def due(site: Scene, number: int = 1) -> dict[str, float]:
    """Minutes from the opening."""
    found = incident(site, number)
    clocks = found.clocks(site.clock.now(), site.configuration.policy.calendars)
    return {one.name: (one.due_at - found.opened_at).total_seconds() / 60 for one in clocks}


async def test_an_issue_has_the_clocks_and_the_ladder_of_its_policy(scene: Make) -> None:
    site = scene(CALLS)
    opened = counter(site).issue(IVR, TEXT, "asha")
    assert (opened.opened_by, opened.severity.id, opened.causes) == ("asha", "P0", ())
    assert due(site) == {"response": 30, "resolution": 120}
    await site.run_for(hours=2, minutes=1)
    assert "opened operators" in told(site)
    assert any(line.startswith("escalated") for line in told(site))
    assert [name for name, _ in incident(site).breaches] == ["response", "resolution"]
    letter = next(one for one in site.desk.letters if one.kind == "opened")
    mail = render_mail("opened", Ticket.from_dict(letter.body["ticket"]), letter.body["extra"])
    assert TEXT in mail.text
    assert "asha has opened it" in " ".join(mail.text.split())
    TicketActions(site.ledger, site.configuration, site.clock.now()).resolve(1, "ravi", "restarted")
    await site.run_for(minutes=1)
    assert "closed operators" in told(site)


async def test_a_check_that_finds_the_same_joins_it_and_closes_it_not(scene: Make) -> None:
    site = scene(CALLS)
    counter(site).issue(IVR, TEXT, "asha")
    site.world["main"] = SILENT
    await site.run_for(minutes=30)
    assert incident(site).causes == ("main",)
    assert site.ledger.incident(2) is None
    site.world["main"] = None
    await site.run_for(hours=1)
    assert incident(site).open
    assert incident(site).causes == ()
    said = [str(one.body["extra"].get("text")) for one in site.desk.letters]
    assert any("asha has opened the ticket, which a person closes" in text for text in said)


async def test_a_check_that_is_configured_no_more_leaves_it_open_and_its_ladder_goes_on(
    scene: Make,
) -> None:
    site = scene(CALLS)
    counter(site).issue(IVR, TEXT, "asha")
    site.world["main"] = SILENT
    await site.run_for(minutes=30)
    site.stop_daemon()
    site.configuration = replace(site.configuration, checks={})
    site.start_daemon()
    await site.run_for(hours=3)
    assert (incident(site).open, incident(site).causes) == (True, ())
    assert incident(site).unwatched_since is None
    assert any(line.startswith("escalated") for line in told(site))


async def test_what_is_open_already_is_not_opened_twice(scene: Make) -> None:
    site = scene(CALLS)
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    with pytest.raises(NotPossible, match=r"RV-1 is open for .* already; .*tickets note RV-1"):
        counter(site).issue(incident(site).issue, TEXT, "asha")


async def test_what_was_closed_just_now_goes_on_under_its_number(scene: Make) -> None:
    site = scene(CALLS)
    site.world["main"] = SILENT
    await site.run_for(minutes=10)
    site.world["main"] = None
    await site.run_for(minutes=20)
    assert not incident(site).open
    again = counter(site).issue(incident(site).issue, TEXT, "asha")
    assert (again.number, again.opened_by, again.causes) == (1, "asha", ())
    await site.run_for(minutes=1)
    assert "reopened operators" in told(site)


@pytest.mark.parametrize(
    ("policy", "first"),
    [
        ("ozonetel", {"change-request-desk"}),
        ("exotel", {"level-1-support"}),
        ("voxeo", {"support-team"}),
        ("xop", {"customer-staff", "support"}),
    ],
)
async def test_what_somebody_asks_for_carries_no_clock_says_so_and_calls_nobody_up(
    scene: Make, policy: str, first: set[str]
) -> None:
    site = scene({}, policy=policy)
    one = counter(site).request("change", "a new menu for the summer", "asha")
    two = counter(site).request("feature", "call back out of the queue", "asha")
    assert (one.number, two.number) == (1, 2)
    await site.run_for(days=9)
    assert due(site) == {}
    assert set(told(site)) == {f"opened {who}" for who in (*first, "operators")}
    page = " ".join(
        render_text(
            "ticket", ticket=view(site.ledger, site.configuration, incident(site), site.clock.now())
        ).split()
    )
    assert "never: a change request carries no SLA clock" in page
    letter = next(item for item in site.desk.letters if item.incident == 1)
    mail = render_mail("opened", Ticket.from_dict(letter.body["ticket"]), letter.body["extra"])
    for said in (mail.text, mail.html):
        assert "change request carries no SLA clock" in " ".join(said.split())


async def test_a_request_that_turns_out_as_an_issue_has_its_clocks_from_the_beginning(
    scene: Make,
) -> None:
    site = scene({})
    counter(site).request("change", "the menu is silent, please change it", "asha")
    await site.run_for(minutes=20)
    TicketActions(site.ledger, site.configuration, site.clock.now()).reclassify(1, "ravi", IVR)
    assert due(site) == {"response": 30, "resolution": 120}
    assert incident(site).request == ""


async def test_voxeo_s_ten_minutes_of_an_ordinary_ticket_run_from_the_escalation(
    scene: Make,
) -> None:
    site = scene({}, policy="voxeo")
    counter(site).issue("application-not-working", "the report is empty", "asha")
    await site.run_for(hours=3)
    assert due(site) == {}, "nothing is promised before"
    assert incident(site).breaches == ()
    counter_of_tickets = TicketActions(site.ledger, site.configuration, site.clock.now())
    counter_of_tickets.escalate(1, "asha", "month's end is tomorrow")
    assert due(site) == {"response": 190}
    await site.run_for(minutes=9, seconds=59)
    assert incident(site).breaches == ()
    assert {"escalated account-manager", "escalated vp-customer-experience"} <= set(told(site))
    await site.run_for(minutes=1)
    assert [name for name, _ in incident(site).breaches] == ["response"]


async def test_voxeo_s_critical_is_escalated_by_itself(scene: Make) -> None:
    site = scene({}, policy="voxeo")
    counter(site).issue("calls-affected", TEXT, "asha")
    assert due(site) == {"response": 10, "update": 30}
    await site.run_for(minutes=6)
    assert {"escalated account-manager", "escalated vp-customer-experience"} <= set(told(site))


@pytest.mark.parametrize(
    ("issue", "text", "severity", "why"),
    [
        ("ivr-not-workin", TEXT, "", "no issue 'ivr-not-workin'.*did you mean 'ivr-not-working'"),
        (IVR, TEXT, "P9", "no severity 'P9'.*P0"),
        (IVR, "  \n ", "", "say what it is about"),
        (IVR, "x" * 2001, "", "2001 signs; at most 2000"),
    ],
)
async def test_what_cannot_be_opened_says_what_would_be_right_and_opens_nothing(
    scene: Make, issue: str, text: str, severity: str, why: str
) -> None:
    site = scene({})
    with pytest.raises(NotPossible, match=why):
        counter(site).issue(issue, text, "asha", severity)
    assert site.ledger.open_incidents() == []


async def test_somebody_s_words_are_never_taken_for_a_look_s(scene: Make) -> None:
    site = scene({})
    counter(site).issue(IVR, "prompt: silent, \x1b[2J<script>alert(1)</script>", "asha")
    await site.run_for(minutes=1)
    letter = site.desk.letters[0]
    mail = render_mail("opened", Ticket.from_dict(letter.body["ticket"]), letter.body["extra"])
    assert "prompt: silent, " in mail.text
    assert "\x1b" not in mail.text
    assert "<script" not in mail.html
