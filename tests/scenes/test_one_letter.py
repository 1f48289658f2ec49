"""What one act brings with it is one letter, and reads right by itself: who did it, what it was,
whose it is now, and what is late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Failed
from monitor.incidents.ticket_actions import TicketActions
from monitor.testing.scenario import Scene
from reports.render import render_mail
from reports.ticket import Ticket
from tests.scenes.test_by_hand import Missing, Queue, under_exotel
from tests.scenes.test_incidents import NO_CIRCUIT, SILENT, START

# exotel's clocks run on business days.
MONDAY = START + timedelta(days=1)
Make = Callable[..., Scene]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Make]:
    made: list[Scene] = []

    def make(checks: dict[str, dict[str, Any]], **more: Any) -> Scene:
        made.append(Scene(MONDAY, checks, folder=tmp_path, **more))
        return made[-1]

    yield make
    for one in made:
        one.stop_daemon()


def words(site: Scene, kind: str) -> str:
    """The newest letter of a kind to the operators, on one line."""
    letters = [one for one in site.desk.letters if one.recipient.startswith("operators")]
    one = [letter for letter in letters if letter.kind == kind][-1]
    told = Ticket.from_dict(one.body["ticket"])
    return " ".join(render_mail(kind, told, one.body["extra"]).text.split())


def at_once(site: Scene) -> list[tuple[str, str]]:
    """Whoever was sent two letters of one ticket in one moment."""
    sent = [(one.recipient, str(one.written_at)) for one in site.desk.letters]
    return [one for one in set(sent) if sent.count(one) > 1]


async def test_what_turns_out_as_another_is_handed_on_in_one_letter(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0}})
    site.world["main-number"] = SILENT
    await site.run_for(minutes=3)
    site.world["main-number"] = NO_CIRCUIT
    await site.run_for(minutes=30)
    said = words(site, "escalated")
    assert "It has turned out as this; until now it was P0 urgent, PRI is up but IVR is" in said
    assert "Now with level 1, customer support desk." in said
    assert "levels before" not in said and "level before" not in said and "reclassified" not in said
    assert at_once(site) == []


async def test_what_a_person_reclassifies_names_them_and_what_it_was(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0}})
    site.world["main-number"] = SILENT
    await site.run_for(minutes=40)
    TicketActions(site.ledger, site.configuration, site.clock.now()).reclassify(
        1, "ravi", "reports"
    )
    await site.run_for(minutes=2)
    said = words(site, "escalated")
    assert "ravi has reclassified it; it was P0 urgent, PRI is up but IVR is not working." in said
    assert "as a person classified it" in said
    # It was missed as a P0, and its time as a P3 is still to come.
    assert "RESPONSE BY 16:30 IST (8 h), missed" in said
    assert at_once(site) == []


async def test_reclassified_upwards_what_is_late_by_that_is_said_with_it(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0}})
    site.world["main-number"] = NO_CIRCUIT
    await site.run_for(minutes=50)
    TicketActions(site.ledger, site.configuration, site.clock.now()).reclassify(
        1, "ravi", "webrtc-not-working"
    )
    await site.run_for(minutes=2)
    said = words(site, "breached")
    assert "ravi has reclassified it; it was P2 medium, PRI is down" in said
    assert "The response was due by" in said
    assert at_once(site) == []


async def test_a_formal_escalation_is_one_letter_with_its_reason(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0}})
    site.world["main-number"] = SILENT
    await site.run_for(minutes=10)
    actions = TicketActions(site.ledger, site.configuration, site.clock.now())
    actions.escalate(1, "ravi", "the centre is silent")
    await site.run_for(minutes=2)
    said = words(site, "escalated")
    assert "ravi has escalated it: the centre is silent. Now with level 1" in said
    assert "writes" not in said and "The levels before" not in said
    assert at_once(site) == []


async def test_a_loss_that_grows_says_so_and_that_nobody_has_reclassified_it(scene: Make) -> None:
    roles = ("operators", "level-1-support", "level-2-specialists", "level-3-experts")
    site = scene({"q": {"of": Queue, "every": 300.0}}, people={role: role for role in roles})
    under_exotel(site)
    site.world["q"] = Missing(5)
    await site.run_for(minutes=20)
    site.world["q"] = Missing(60)
    await site.run_for(minutes=9)
    said = words(site, "reclassified")
    assert "CRITICAL, WAS MAJOR" in said and "It has become worse: it was major." in said
    assert "has reclassified it" not in said
    assert "critical critical" not in said.lower() and "major major" not in said.lower()


async def test_an_end_says_what_was_missed_and_what_is_still_owed(scene: Make) -> None:
    roles = ("operators", "level-1-support", "customer")
    site = scene({"main-number": {"every": 300.0}}, people={role: role for role in roles})
    under_exotel(site)
    site.world["main-number"] = Failed("sip:503", "Service Unavailable")
    await site.run_for(hours=1)
    assert "OVERDUE" in words(site, "breached")
    site.world["main-number"] = None
    await site.run_for(hours=2)
    said = words(site, "closed")
    assert "(30 min), missed" in said and "OVERDUE" not in said
    assert "(2 days after the end)" in said
    assert "Nothing is left to repair. The root cause analysis is due by" in said


async def test_another_check_s_outage_is_another_ticket_with_its_own_times(scene: Make) -> None:
    checks = {name: {"every": 60.0} for name in ("first-number", "second-number")}
    site = scene(checks)
    site.world["first-number"] = SILENT
    await site.run_for(minutes=15)
    site.world["first-number"] = None
    await site.run_for(minutes=20)
    site.world["second-number"] = SILENT
    await site.run_for(minutes=5)
    assert {row.number for row in site.ledger.incidents()} == {1, 2}
    assert "worked for a while" not in words(site, "opened")
    site.world["second-number"] = None
    await site.run_for(minutes=15)
    said = words(site, "closed")
    assert "it was broken for 5 min" in said or "it was broken for 6 min" in said
    # A third time it is the intermittent trouble of both.
    site.world["first-number"] = SILENT
    await site.run_for(minutes=5)
    assert [row.number for row in site.ledger.open_incidents()] == [2]


async def test_what_comes_back_is_not_said_to_have_been_broken_in_between(scene: Make) -> None:
    site = scene({"first-number": {"every": 60.0}})
    for _ in range(2):
        site.world["first-number"] = SILENT
        await site.run_for(minutes=5)
        site.world["first-number"] = None
        await site.run_for(minutes=20)
    assert "it was broken 2 times from 08:30 IST on" in words(site, "closed")
    assert len(site.ledger.incidents()) == 1


async def test_operators_in_a_levels_place_read_that_it_is_theirs(scene: Make) -> None:
    site = scene(
        {"main-number": {"every": 60.0}},
        people={role: role for role in ("operators", "shift-team-leader")},
    )
    site.world["main-number"] = NO_CIRCUIT
    await site.run_for(minutes=5)
    said = words(site, "opened")
    assert "You are told as level 1, customer support desk: nobody here has that role" in said
    assert "nobody here has that role, so it is yours, the site's operators'." in said
    assert "That desk, as it is published, answers at 1800 123 150150, +91 80" in said


async def test_where_no_level_is_reached_the_operators_read_that_it_is_theirs(scene: Make) -> None:
    site = scene({"main-number": {"every": 60.0}}, people={"operators": "operators"})
    site.world["main-number"] = NO_CIRCUIT
    await site.run_for(minutes=200)
    said = words(site, "opened")
    assert "Nobody on its ladder is reached here: it is yours, the site's operators'. That" in said
    assert said.count("nobody here") == 3
    assert len(site.desk.letters) == 1, "no second ticket, and no letter for each level"
