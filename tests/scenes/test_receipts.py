"""Stories of letters that do not arrive: "told" is who has heard, and the next level does not wait
for one who has not.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from checks.contract import Failed
from monitor.core.incident import Change
from monitor.desks.desk import Letter, Never, TryLater
from monitor.incidents import store
from monitor.incidents.deadlines import keep_watch, next_watch
from monitor.incidents.ticket_view import view
from monitor.testing.scenario import Scene
from tests.scenes.conftest import Make

SILENT = Failed("silent", "no sound for 8 s")
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 60.0}}
FIRST, SECOND = "change-request-desk", "change-request-level-2"


def refusing(*roles: str, by: type[Exception] = Never) -> Any:
    """A mail server that takes letters of everybody but these."""

    def answer(letter: Letter) -> str:
        if letter.recipient.partition("@")[0] in roles:
            raise by("550 5.1.1 no such user")
        return f"taken-{letter.key}"

    return answer


async def failing(site: Scene) -> None:
    site.world["main"] = SILENT
    await site.run_for(minutes=2)


def standing(site: Scene) -> dict[int, str]:
    row = site.ledger.incident(1)
    assert row is not None
    ticket = view(site.ledger, site.configuration, store.incident_of(row), site.clock.now())
    return {rung.level: rung.state for rung in ticket.ladder}


async def test_a_refused_letter_calls_the_next_level_at_once(scene: Make) -> None:
    site = scene(CALLS)
    site.desk.answer = refusing(FIRST)
    await failing(site)
    assert any(SECOND in line for line in site.told())
    assert standing(site) == {1: "unheard", 2: "told", 3: "next"}
    row = site.ledger.incident(1)
    assert row is not None
    ticket = view(site.ledger, site.configuration, store.incident_of(row), site.clock.now())
    assert any("was not reached" in said and "550" in said for _, said in ticket.history)


async def test_every_level_refused_goes_up_to_the_last(scene: Make) -> None:
    site = scene(CALLS)
    site.desk.answer = refusing(FIRST, SECOND)
    await failing(site)
    assert standing(site) == {1: "unheard", 2: "unheard", 3: "told"}


async def test_a_letter_that_no_server_takes_in_time_calls_the_next_level(scene: Make) -> None:
    site = scene(CALLS)
    site.desk.answer = refusing(FIRST, by=TryLater)
    await failing(site)
    assert standing(site)[2] == "next"
    await site.run_for(minutes=16)
    assert standing(site) == {1: "unheard", 2: "told", 3: "next"}


async def test_greylisting_calls_nobody(scene: Make) -> None:
    site = scene(CALLS)
    begun = site.clock.now()

    def answer(letter: Letter) -> str:
        if site.clock.now() < begun + timedelta(minutes=7):
            raise TryLater("451 4.7.1 greylisted")
        return f"taken-{letter.key}"

    site.desk.answer = answer
    await failing(site)
    await site.run_for(minutes=25)
    assert standing(site) == {1: "told", 2: "next", 3: "later"}


async def test_what_is_held_after_its_repair_wakes_nobody_for_a_letter(scene: Make) -> None:
    """A ticket that came back is kept open for a while: a letter that fails then calls nobody."""
    site = scene(CALLS)
    site.desk.answer = refusing(FIRST, by=TryLater)
    await failing(site)
    row = site.ledger.incident(1)
    assert row is not None
    held = replace(store.incident_of(row), recovered_at=site.clock.now(), returns=2)
    with site.ledger.transaction() as t:
        store.keep_change(t, Change(held), site.clock.now())
    site.clock.advance(20 * 60)
    now = site.clock.now()
    keep_watch(site.ledger, site.configuration, now)
    woken = next_watch(site.ledger, site.configuration, now)
    assert woken is not None and woken > now
    assert standing(site)[2] == "next"
