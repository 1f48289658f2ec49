"""Stories of the telephone on a moved clock: whoever presses 1 has it, and nobody at it is nobody
told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

from checks.contract import Failed
from checks.telephony.call.line import Line
from monitor.config.section_models import Person
from monitor.core.rota import Rota
from monitor.delivery.outbox import Outbox
from monitor.desks.conference_minutes import Draft, LeftMinutes, left_in
from monitor.desks.desk import Acknowledged, Letter, Never, TryLater
from monitor.desks.telephone import TelephoneSettings
from monitor.incidents import store
from monitor.incidents.ticket_view import view
from monitor.ledger.happening_bodies import happening_body
from monitor.testing.doubles import FakeDesk
from monitor.testing.scenario import Scene
from reports.ticket import Ticket
from tests.scenes.conftest import Make

SILENT = Failed("silent", "no sound for 8 s")
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 60.0}}
FIRST, SECOND, THIRD = "change-request-desk", "change-request-level-2", "change-request-level-3"
LINE = Line(name="gsm", registrar="127.0.0.1:5060", register=False)


def with_telephone(site: Scene, *roles: str, **settings: Any) -> FakeDesk:
    """A desk that telephones who has these roles, each two people, beside the mail."""
    phones = tuple(
        Person(role=role, name=f"{role} {n}", phone=f"+9122000000{n}", mail=f"{role}@example.net")
        for role in roles
        for n in (1, 2)
    )
    people = (*phones, *(one for one in site.configuration.people if one.role not in roles))
    telephone = TelephoneSettings(lines=(LINE,), people=people, **settings)
    desks = {**site.configuration.desks, "telephone": telephone}
    site.configuration = replace(site.configuration, desks=desks, people=people)
    site.rounds.configuration = site.configuration
    called = FakeDesk()
    site.outbox = Outbox(site.ledger, {"mail": site.desk, "telephone": called}, "scene")
    return called


def ticket(site: Scene) -> Ticket:
    row = site.ledger.incident(1)
    assert row is not None
    return view(site.ledger, site.configuration, store.incident_of(row), site.clock.now())


def standing(site: Scene) -> dict[int, str]:
    return {rung.level: rung.state for rung in ticket(site).ladder}


async def test_whoever_presses_1_has_acknowledged_it(scene: Make) -> None:
    site = scene(CALLS)
    called = with_telephone(site, FIRST)
    called.answer = lambda _: Acknowledged("Asha: busy; Ravi: pressed 1, as an event", by="Ravi")
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    [page] = called.letters
    assert (page.kind, page.recipient) == ("page", FIRST)
    assert [one["phone"] for one in page.body["extra"]["page"]["people"]] == [
        "+91220000001",
        "+91220000002",
    ]
    seen = ticket(site)
    assert (seen.state, seen.acknowledged_by) == ("acknowledged", "Ravi")
    assert standing(site)[1] == "told"
    assert any(said == "telephoned: Asha: busy; Ravi: pressed 1, as an event"
               for _, said in seen.history)  # fmt: skip
    assert any("acknowledged RV-1" in line for line in site.told()), "the others hear of it"


async def test_nobody_at_the_telephone_calls_the_next_level_at_once(scene: Make) -> None:
    """The mail to level 1 was taken by its server: it woke nobody."""
    site = scene(CALLS)
    called = with_telephone(site, FIRST, SECOND)

    def answer(letter: Letter) -> str:
        if letter.recipient == FIRST:
            raise Never("Asha: no answer within 30 s; Ravi: pressed 2, as an event")
        return Acknowledged("Meera: pressed 1, as an event", by="Meera")

    called.answer = answer
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    assert [letter.recipient for letter in called.letters] == [SECOND]
    assert standing(site) == {1: "unheard", 2: "told", 3: "next"}
    said = [said for _, said in ticket(site).history]
    assert any("was not reached: Asha: no answer within 30 s" in line for line in said)
    assert ticket(site).acknowledged_by == "Meera"


async def test_a_line_that_leads_nowhere_calls_the_next_level_in_time(scene: Make) -> None:
    site = scene(CALLS)
    called = with_telephone(site, FIRST)

    def answer(_: Letter) -> str:
        raise TryLater("line 'gsm': timeout", whole_desk=True)

    called.answer = answer
    site.world["main"] = SILENT
    await site.run_for(minutes=4)
    assert standing(site)[2] == "next"
    await site.run_for(minutes=14)
    assert standing(site)[1] == "unheard"
    assert any("no line has led to anybody" in said for _, said in ticket(site).history)


async def test_a_severity_that_is_not_telephoned_goes_by_mail_alone(scene: Make) -> None:
    site = scene(CALLS)
    called = with_telephone(site, FIRST, severities=("P3",))
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    assert called.letters == []
    assert standing(site)[1] == "told"


async def test_where_nobody_fills_the_ladder_the_operators_are_called(scene: Make) -> None:
    site = scene(CALLS, people={"operators": "operators"})
    called = with_telephone(site, "operators")
    called.answer = lambda _: Acknowledged("Asha: pressed 1, as a tone", by="Asha")
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    assert [letter.recipient for letter in called.letters] == ["operators"]
    assert ticket(site).acknowledged_by == "Asha"


async def test_the_minutes_of_a_conference_stand_in_the_ticket_when_it_is_over(scene: Make) -> None:
    site = scene(CALLS)
    called = with_telephone(site, FIRST, conference=("P0",))
    over = asyncio.get_running_loop().create_future()
    begun = Acknowledged("a conference is called: Asha is in it", by="Asha", minutes=over)
    called.answer = lambda _: begun
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    assert ticket(site).acknowledged_by == "Asha", "at once, while it goes on"
    over.set_result("Asha: joined after 0:09, left after 12:40")
    await site.run_for(minutes=1)
    said = [said for _, said in ticket(site).history]
    assert "the conference is over: Asha: joined after 0:09, left after 12:40" in said


class Conferring(FakeDesk):
    """A telephone desk with what conferences of before have left in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def left_minutes(self) -> Iterable[LeftMinutes]:
        return left_in(self.folder)


async def test_the_minutes_of_a_conference_outlive_the_daemon_that_held_it(
    scene: Make, tmp_path: Path
) -> None:
    site = scene(CALLS)
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    for name in ("first", "second"):
        Draft(tmp_path / f"{name}.wav", 1).write("Asha: joined after 0:09")
    (tmp_path / "odd.minutes").write_text("{")
    # The ticket got the first one's in the very moment of the end.
    with site.ledger.transaction() as t:
        kept = f"Asha: joined after 0:09, left after 9:00; recorded in {tmp_path / 'first.wav'}"
        t.happened(1, site.clock.now(), "conference", happening_body("conference", {"text": kept}))
    for _ in range(2):
        desks = {"mail": site.desk, "telephone": Conferring(tmp_path)}
        Outbox(site.ledger, desks, "scene").take_over(site.clock.now())
    said = [said for _, said in ticket(site).history if "conference" in said]
    assert len(said) == 2
    assert said[1].endswith("Asha: joined after 0:09; Reveille was stopped while it went on")


async def test_a_conference_calls_all_of_a_level_whoever_is_on_call(scene: Make) -> None:
    site = scene(CALLS)
    called = with_telephone(site, FIRST, conference=("P0",))
    names = (f"{FIRST} 1", f"{FIRST} 2")
    rota = Rota(FIRST, names, 0, time(9), date(2026, 11, 16), "Asia/Kolkata")
    site.configuration = replace(site.configuration, rotas=(rota,))
    site.rounds.configuration = site.configuration
    site.world["main"] = SILENT
    await site.run_for(minutes=2)
    [page] = called.letters
    assert [one["name"] for one in page.body["extra"]["page"]["people"]] == list(names)


async def test_what_nobody_takes_is_telephoned_again_with_each_reminder(scene: Make) -> None:
    site = scene({"main": {"every": 3600.0, "recheck": 3600.0}})
    called = with_telephone(site, FIRST, SECOND, THIRD)
    tried: list[tuple[str, bool]] = []

    def answer(letter: Letter) -> str:
        tried.append((letter.recipient, letter.body["extra"]["page"]["first"]))
        raise Never("Asha: no answer within 30 s")

    called.answer = answer
    site.world["main"] = SILENT
    await site.run_for(minutes=61)
    assert tried == [(FIRST, True), (SECOND, True), (THIRD, True)]
    await site.run_for(hours=24)
    assert 3 <= len(tried[3:]) <= 6, "every four hours after the last missed promise"
    assert set(tried[3:]) == {(THIRD, False)}, "within the caps"
