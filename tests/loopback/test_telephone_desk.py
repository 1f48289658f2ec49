"""The telephone desk against SIPp: a person answers and presses a key, or somebody else does, or
nobody.
"""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks.telephony.call.line import Line
from monitor.config.section_models import Person
from monitor.desks.desk import Acknowledged, Letter, Never, TryLater, letter_body
from monitor.desks.telephone import TelephoneSettings
from tests.loopback.sipp.peer import Sipp, alaw, silence, sipp, speak
from tests.ports import free_port
from tests.unit.sample_ticket import ticket

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)


def page(*people: Person, rank: int = 0) -> Letter:
    body = letter_body(
        ticket(rank=rank).to_dict(),
        {"page": {"people": [{"name": p.name, "phone": p.phone} for p in people], "first": True}},
    )
    return Letter("k", "rv-1", None, 1, "page", "support", NOW, body)


def person(name: str, far: Sipp | int) -> Person:
    port = far if isinstance(far, int) else far.port
    return Person(role="support", name=name, phone=f"sip:{name}@127.0.0.1:{port}")


def settings(folder: Path, *people: Person, **more: Any) -> TelephoneSettings:
    """Over a line that needs no registration: the INVITE goes to the person's own address."""
    line = Line(name="gsm", registrar="127.0.0.1:9", register=False)
    (folder / "state").mkdir(exist_ok=True)
    given = {"lines": (line,), "ring": 6.0, "people": people, "state": str(folder / "state")}
    return TelephoneSettings(**{**given, **more})


@pytest.mark.engine
async def test_a_busy_line_then_somebody_who_presses_1(tmp_path: Path) -> None:
    async with (
        sipp("busy", tmp_path / "asha") as asha,
        sipp("presses", tmp_path / "ravi", filled={"AFTER": "300", "DIGIT": "1"}) as ravi,
    ):
        people = person("Asha", asha), person("Ravi", ravi)
        taken = await settings(tmp_path, *people).desk("telephone").deliver(page(*people))
    assert isinstance(taken, Acknowledged)
    assert taken.by == "Ravi"
    assert taken == "Asha: busy; Ravi: pressed 1, as an event"


@pytest.mark.slow
@pytest.mark.engine
async def test_two_passes_it_on_and_an_answering_machine_is_nobody(tmp_path: Path) -> None:
    greeting = speak("You have reached Meera. Please leave a message.", tmp_path, "vm", 0.5, 1)
    async with AsyncExitStack() as far:
        asha = await far.enter_async_context(
            sipp("presses", tmp_path / "asha", filled={"AFTER": "300", "DIGIT": "2"})
        )
        ravi = await far.enter_async_context(sipp("rings", tmp_path / "ravi"))
        meera = await far.enter_async_context(
            sipp("answer", tmp_path / "meera", alaw(tmp_path, "greeting", greeting))
        )
        people = person("Asha", asha), person("Ravi", ravi), person("Meera", meera)
        with pytest.raises(Never) as refusal:
            await settings(tmp_path, *people).desk("telephone").deliver(page(*people))
    said = str(refusal.value).split("; ")
    assert said[0] == "Asha: pressed 2, as an event"
    assert said[1] == "Ravi: no answer within 6 s"
    assert said[2].startswith("Meera: answered, and no key was pressed")


@pytest.mark.slow
@pytest.mark.engine
async def test_a_key_may_be_a_tone(tmp_path: Path) -> None:
    key, quiet = tmp_path / "key.wav", silence(tmp_path, 30)
    tone = ["synth", "0.15", "sine", "697", "sine", "1209", "remix", "-", "gain", "-12"]
    form = ["-r", "8000", "-c", "1", "-b", "16"]
    sox = ["sox", "-D", "-n", *form, str(key), *tone, "pad", "2"]
    await asyncio.to_thread(subprocess.run, sox, check=True)
    async with sipp("answer", tmp_path / "asha", alaw(tmp_path, "said", key, quiet)) as asha:
        one = person("Asha", asha)
        taken = await settings(tmp_path, one).desk("telephone").deliver(page(one))
    assert taken == "Asha: pressed 1, as a tone"


@pytest.mark.engine
async def test_what_a_letter_says_is_not_dialled_unless_it_is_in_people(tmp_path: Path) -> None:
    async with sipp("busy", tmp_path / "stranger") as stranger:
        desk = settings(tmp_path, person("Asha", free_port())).desk("telephone")
        with pytest.raises(Never, match="nobody of it is in"):
            await desk.deliver(page(person("Asha", stranger)))
        assert "INVITE" not in stranger.messages()


@pytest.mark.slow
@pytest.mark.engine
async def test_the_cap_stops_a_page_but_not_the_first_of_the_gravest(tmp_path: Path) -> None:
    async with sipp("busy", tmp_path / "asha") as asha:
        one = person("Asha", asha)
        desk = settings(tmp_path, one, calls_a_day=1).desk("telephone")
        for rank, said in ((0, "Asha: busy"), (1, "cap reached"), (0, "called past the cap")):
            with pytest.raises(Never, match=said):
                await desk.deliver(page(one, rank=rank))
        assert asha.messages().count("INVITE sip:") == 2


@pytest.mark.slow
@pytest.mark.engine
async def test_a_line_that_is_down_is_nobodys_silence(tmp_path: Path) -> None:
    line = Line(name="gsm", registrar=f"127.0.0.1:{free_port()}", user="u")
    one = Person(role="support", name="Asha", phone="+912200000001")
    desk = settings(tmp_path, one, lines=(line,)).desk("telephone")
    with pytest.raises(TryLater, match="line 'gsm'") as refusal:
        await desk.deliver(page(one))
    assert refusal.value.whole_desk
