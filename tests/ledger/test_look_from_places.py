"""A look from several places: FAILED only where enough of them say so, who saw what in the ticket,
and a place that disagrees for long with a ticket of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from checks.contract import CannotTell, Failed
from monitor.config.probe import Probe
from monitor.core.timetable import Every, phase_seconds
from monitor.incidents import store
from monitor.incidents.deadlines import keep_watch
from monitor.incidents.house_troubles import forget_places
from monitor.ledger import Ledger
from monitor.ledger.words import PlaceRow
from monitor.scheduling.claims import Claims
from monitor.scheduling.rounds import Rounds
from monitor.scheduling.runner import Runner
from monitor.testing.scenario import Scene
from tests.ledger.engines import ENGINES

PLACES = ("pune", "delhi", "mumbai")
EVERY = 60.0
DOWN = Failed("refused", "connection refused")


class Places:
    """Hosts at three places, each with its own view of one portal."""

    def __init__(self, ledgers: list[Ledger], folder: Path) -> None:
        start = ledgers[0].now().replace(microsecond=0)
        entry = {"portal": {"every": EVERY, "confirm": 1, "places": PLACES, "agree": 2}}
        self.scenes = {}
        self.rounds = {}
        self.ledger = ledgers[0]
        for place, ledger in zip(PLACES, ledgers, strict=True):
            (folder / place).mkdir()
            scene = self.scenes[place] = Scene(start, entry, folder=folder / place)
            scene.stop_daemon()  # each place has its own
            configuration = replace(scene.configuration, probe=Probe(name=place))
            scene.clock = self.scenes["pune"].clock
            claims, runner = Claims(ledger, place), Runner(scene.clock, folder / place / "exhibits")
            self.rounds[place] = Rounds(ledger, configuration, scene.clock, runner, claims=claims)
        self.clock = self.scenes["pune"].clock

    async def turn(self, *places: str) -> None:
        """Those places do what they owe, one after the other."""
        for place in places or PLACES:
            rounds = self.rounds[place]
            for due in await rounds.owed(self.clock.now()):
                await rounds.look(due)

    async def slot(self, *places: str) -> None:
        """The next slot, whole: its words, and what is left to be judged when it is over."""
        for _ in range(5):
            self.clock.advance(EVERY / 5)
            await self.turn(*places)

    def see(self, **wrong: Exception | None) -> None:
        for place, what in wrong.items():
            self.scenes[place].world["portal"] = what

    def states(self) -> list[str]:
        looks = self.ledger.attempts("portal", limit=99)
        return [look.verdict.state.value for look in reversed(looks)]

    def open(self) -> list[str]:
        return [row.key for row in self.ledger.open_incidents()]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    engine = ENGINES["sqlite"]  # what is asked of the engine is the same, and a tenth of the time
    with ExitStack() as life:
        yield Places([life.enter_context(engine.opened(tmp_path)) for _ in PLACES], tmp_path)


async def test_one_place_alone_never_fails_the_platform(places: Places) -> None:
    await places.turn()
    places.see(delhi=DOWN)
    await places.slot()
    places.see(delhi=None)
    await places.slot()
    assert set(places.states()) == {"OK"} and places.open() == []
    own = places.ledger.attempts("portal@delhi", limit=9)
    assert "FAILED" in [look.verdict.state.value for look in own], "and it is known"


async def test_enough_places_fail_it_and_the_ticket_says_who_saw_what(places: Places) -> None:
    await places.turn()
    places.see(pune=DOWN, delhi=DOWN)
    await places.slot()
    assert places.states()[-1] == "FAILED"
    (row,) = places.ledger.open_incidents()
    assert row.key.startswith("Pune/")
    reasons = store.incident_of(row).evidence.reasons
    assert reasons == (
        "prompt: refused, connection refused",
        "seen from 2 of 3 places: pune, delhi",
        "pune: failed, prompt: refused, connection refused",
        "delhi: failed, prompt: refused, connection refused",
        "mumbai: had not spoken yet",
    ), "it is judged as soon as two have seen it"
    places.see(pune=None, delhi=None)
    for _ in range(4):
        await places.slot()
    assert places.open() == [] and places.states()[-1] == "OK"


async def test_a_slot_is_judged_once_however_the_words_come(places: Places) -> None:
    for _ in range(3):
        places.clock.advance(EVERY)
        now = places.clock.now()
        owed = {name: await rounds.owed(now) for name, rounds in places.rounds.items()}
        made = (places.rounds[name].look(due) for name, dues in owed.items() for due in dues)
        await asyncio.gather(*made)
        places.clock.advance(EVERY * 0.8)
        await places.turn()
    grid = Every(EVERY, phase_seconds("portal", EVERY))
    looks = places.ledger.attempts("portal", limit=99)
    slots = [grid.newest(look.started_at).at for look in looks]
    assert len(slots) == len(set(slots)) >= 3


async def test_a_place_says_its_word_of_a_confirmation_once(places: Places) -> None:
    for rounds in places.rounds.values():
        known = rounds.configuration
        entry = replace(known.checks["portal"], confirm=2, confirm_after=1)
        rounds.configuration = replace(known, checks={"portal": entry})
    places.clock.advance(0.000345)  # a part of a millisecond, which no ledger keeps
    await places.turn()
    places.see(pune=DOWN, delhi=DOWN)
    while places.states()[-1] == "OK":
        places.clock.advance(EVERY / 5)
        await places.turn()
    places.clock.advance(2)
    for _ in range(3):
        await places.turn("pune")
    own = places.ledger.attempts("portal@pune", limit=99)
    assert [look.purpose for look in own].count("confirm") == 1


async def test_a_place_that_is_missing_is_waited_for_and_then_silent(places: Places) -> None:
    await places.turn("pune", "delhi")
    assert places.states() == [], "mumbai may still speak"
    places.see(pune=DOWN, delhi=CannotTell("no uplink"))
    for _ in range(4):
        await places.slot("pune", "delhi")
    assert "FAILED" not in places.states() and "UNKNOWN" in places.states()
    missing = [key for key in places.open() if key.endswith("@portal@mumbai")]
    assert missing == ["Pune/place-disagrees @portal@mumbai"]


async def test_a_place_that_disagrees_for_long_has_a_ticket_of_its_own(places: Places) -> None:
    places.see(delhi=DOWN)
    for _ in range(4):
        await places.slot()
    assert set(places.states()) == {"OK"}
    assert places.open() == ["Pune/place-disagrees @portal@delhi"]
    one = store.incident_of(places.ledger.open_incidents()[0])
    assert one.title == "delhi alone sees trouble with portal"
    assert one.evidence.reasons == (
        "delhi alone sees trouble with portal, so it was in 3 looks in a row",
        "pune: good",
        "delhi: failed, prompt: refused, connection refused",
        "mumbai: good",
    )
    places.see(delhi=None)
    for _ in range(3):
        await places.slot()
    assert places.open() == []


async def test_a_place_that_left_the_configuration_disagrees_no_more(places: Places) -> None:
    places.see(delhi=DOWN)
    for _ in range(4):
        await places.slot()
    assert places.open() == ["Pune/place-disagrees @portal@delhi"]
    configuration = places.rounds["pune"].configuration
    keep_watch(places.ledger, configuration, places.clock.now())
    forget_places(places.ledger, configuration, places.clock.now())
    assert len(places.open()) == 1
    entry = replace(configuration.checks["portal"], places=("pune", "mumbai"))
    without = replace(configuration, checks={"portal": entry})
    forget_places(places.ledger, without, places.clock.now())
    assert places.open() == []


async def test_a_place_whose_host_is_silent_has_one_ticket(places: Places) -> None:
    places.ledger.hear_host("mumbai", "", "one", timedelta(hours=1))
    with places.ledger.transaction() as t:
        t._database.change("UPDATE hosts SET heard_at = heard_at - 11000")
    await places.turn("pune", "delhi")
    for _ in range(4):
        await places.slot("pune", "delhi")
    assert places.open() == [], "its host's is another one's to open"
    places.ledger.hear_host("mumbai", "", "one", timedelta(hours=1))
    for _ in range(2):
        await places.slot("pune", "delhi")
        assert places.open() == [], "it is there again, and has a word to get in"
    await places.slot("pune", "delhi")
    assert places.open() == ["Pune/place-disagrees @portal@mumbai"], "it is there, and says nothing"


async def test_a_host_elsewhere_judges_what_nobody_else_does(places: Places) -> None:
    places.see(pune=DOWN, delhi=DOWN)
    for _ in range(2):
        await places.slot("mumbai")
    assert set(places.states()) == {"UNKNOWN"}, "two places were not heard: that is not well"


def test_what_places_said_is_kept_alike(ledger: Ledger) -> None:
    at = ledger.now().replace(microsecond=0)
    with ledger.transaction() as t:
        for place, attempt in (("pune", 1), ("delhi", 2), ("pune", 3)):
            t.say_word("portal", at, place, attempt)
        t.keep_places("portal", [PlaceRow("pune", 1, 0, 0), PlaceRow("delhi")])
        t.keep_places("portal", [PlaceRow("pune", 2, 0, 1, "sees-trouble-alone")])
    said = {word.place: word.attempt for word in ledger.words("portal", at)}
    assert said == {"delhi": 2, "pune": 1}, "the first word holds"
    assert ledger.places("portal")["pune"] == PlaceRow("pune", 2, 0, 1, "sees-trouble-alone")
    with ledger.transaction() as t:
        t.forget_words("portal", at)
        assert len(ledger.words("portal", at)) == 2
        t.forget_words("portal", at + timedelta(seconds=1))
    assert ledger.words("portal", at) == [] and len(ledger.places("portal")) == 2
