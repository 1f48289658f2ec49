"""A conference through foreign SIP stacks: baresip and SIPp are called, press 1, hear each other,
and are recorded.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from checks.telephony.audio.sound import RATE, Samples, read_wav
from checks.telephony.call.announcement import Sentence, spoken
from checks.telephony.call.conference import Conference, hold
from checks.telephony.call.line import Line
from monitor.desks.desk import Acknowledged
from tests.loopback.sipp.peer import alaw, baresip, sipp
from tests.loopback.test_telephone_desk import page, person, settings

FORM = ["-r", "8000", "-c", "1", "-b", "16"]


def voice(folder: Path, hertz: int, key: bool = True) -> Path:
    """Somebody who presses 1 after two seconds (as a tone), and then hums a note of their own."""
    parts = []
    tone = ["synth", "0.2", "sine", "697", "sine", "1209", "remix", "-", "gain", "-12"]
    for name, effects in (
        ("key", [*tone, "pad", "2"]),
        ("hum", ["synth", "12", "sine", str(hertz), "gain", "-24", "pad", "1"]),
    ):
        path = folder / f"{hertz}-{name}.wav"
        subprocess.run(["sox", "-D", "-n", *FORM, str(path), *effects], check=True)
        parts += [str(path)] if key or name == "hum" else []
    whole = folder / f"{hertz}.wav"
    subprocess.run(["sox", "-D", *parts, str(whole)], check=True)
    return whole


def holds(sound: Samples, hertz: int) -> bool:
    """Whether a note is in it for half a second and more."""
    seconds = 0.0
    for begin in range(0, len(sound) - RATE // 4, RATE // 4):
        part = sound[begin : begin + RATE // 4]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        nearest = round(hertz * len(part) / RATE)
        seconds += 0.25 * (spectrum[nearest] > 20 * np.median(spectrum) + 1e4)
    return seconds >= 0.5


async def words(folder: Path) -> None:
    message = Sentence("Emergency conference. Press 1 to join.", ("conference", "join"))
    await spoken({"message": message}, "en", folder)


@pytest.mark.slow
@pytest.mark.engine
async def test_three_parties_hear_each_other_and_are_recorded(tmp_path: Path) -> None:
    await words(tmp_path)
    line = Line(name="gsm", registrar="127.0.0.1:9", register=False)
    conference = Conference(tmp_path / "recording.wav")
    async with AsyncExitStack() as far:
        phone = await far.enter_async_context(baresip(tmp_path / "asha", voice(tmp_path, 500)))
        others = [
            await far.enter_async_context(
                sipp("answer", tmp_path / f"party-{hertz}",
                     alaw(tmp_path, f"hum-{hertz}", voice(tmp_path, hertz)))
            )
            for hertz in (900, 1500)
        ]  # fmt: skip
        busy = await far.enter_async_context(sipp("busy", tmp_path / "busy"))
        silent = await far.enter_async_context(
            sipp("answer", tmp_path / "machine",
                 alaw(tmp_path, "machine", voice(tmp_path, 1200, key=False)))
        )  # fmt: skip
        people = [
            ("Asha", f"sip:agent@127.0.0.1:{phone}"),
            ("Ravi", f"sip:ravi@127.0.0.1:{others[0].port}"),
            ("Meera", f"sip:meera@127.0.0.1:{others[1].port}"),
            ("Busy", f"sip:busy@127.0.0.1:{busy.port}"),
            ("Machine", f"sip:machine@127.0.0.1:{silent.port}"),
        ]
        began = time.monotonic()
        task = asyncio.create_task(hold(conference, line, people, tmp_path, 8.0, 20.0))
        await conference.begun.wait()
        if not conference.first:
            await task
        assert conference.first in ("Asha", "Ravi", "Meera")
        assert time.monotonic() - began < 15
        await task
    said = conference.minutes()
    for name in ("Asha", "Ravi", "Meera"):
        assert f"{name}: joined after 0:" in said
    assert "Busy: busy" in said
    assert "Machine: joined" not in said
    recorded = read_wav(conference.recording)
    assert all(holds(recorded, hertz) for hertz in (500, 900, 1500)), "all three are recorded"
    assert not holds(recorded, 1200), "an answering machine is not in the room"
    # What baresip heard: both others, and never itself.
    [kept] = await asyncio.to_thread(lambda: list((tmp_path / "asha").glob("dump-*-dec.wav")))
    # The words of the call are over by then.
    heard = read_wav(kept)[6 * RATE :]
    assert holds(heard, 900) and holds(heard, 1500)
    assert not holds(heard, 500)


@pytest.mark.slow
@pytest.mark.engine
async def test_a_level_is_called_together_and_the_minutes_follow(tmp_path: Path) -> None:
    """The page is taken once one is in the conference, which goes on; the minutes come after."""
    async with AsyncExitStack() as far:
        people = []
        for hertz in (900, 1500):
            sound = alaw(tmp_path, f"hum-{hertz}", voice(tmp_path, hertz))
            peer = await far.enter_async_context(sipp("answer", tmp_path / f"p-{hertz}", sound))
            people.append(person(str(hertz), peer))
        # Nobody presses a key in a room of the exchange: whoever is in it has dialled it.
        hum = alaw(tmp_path, "room", voice(tmp_path, 1800, key=False))
        room = await far.enter_async_context(sipp("answer", tmp_path / "room", hum))
        line = Line(name="gsm", registrar="127.0.0.1:9", register=False, channels=8)
        severity = page(*people).body["ticket"]["severity"]
        more = {"lines": (line,), "conference": (severity,), "conference_longest": 60.0,
                "conference_room": f"sip:room@127.0.0.1:{room.port}"}  # fmt: skip
        desk = settings(tmp_path, *people, **more).desk("telephone")
        taken = await desk.deliver(page(*people))
        assert isinstance(taken, Acknowledged) and taken.minutes is not None
        assert taken.by in ("900", "1500")
        assert not taken.minutes.done()  # type: ignore[attr-defined]
        # What would be found if the daemon were killed now.
        [left] = desk.left_minutes()  # type: ignore[attr-defined]
        assert f"{taken.by}: joined after 0:" in left.text
        assert "Reveille was stopped while it went on" in left.text
        minutes = await taken.minutes
    taken.kept()
    assert not list(desk.left_minutes())  # type: ignore[attr-defined]
    assert minutes.count("joined after") == 3
    assert "the exchange's own room: joined after" in minutes
    recording = Path(minutes.rpartition("recorded in ")[2])
    assert recording.parent == tmp_path / "state" / "conferences"
    recorded = read_wav(recording)
    assert all(holds(recorded, hertz) for hertz in (900, 1500, 1800))


@pytest.mark.slow
@pytest.mark.engine
async def test_nobody_in_it_can_have_us_call_elsewhere(tmp_path: Path) -> None:
    await words(tmp_path)
    line = Line(name="gsm", registrar="127.0.0.1:9", register=False)
    conference = Conference(tmp_path / "recording.wav")
    async with sipp("busy", tmp_path / "premium") as premium:
        target = f"sip:premium@127.0.0.1:{premium.port}"
        async with sipp("refers", tmp_path / "thief", filled={"TARGET": target}) as thief:
            people = [("Asha", f"sip:asha@127.0.0.1:{thief.port}")]
            await hold(conference, line, people, tmp_path, 5.0, 20.0)
            assert "403 Forbidden" in thief.messages()
        assert "INVITE" not in premium.messages()


@pytest.mark.slow
@pytest.mark.engine
async def test_eight_are_in_one_room(tmp_path: Path) -> None:
    await words(tmp_path)
    line = Line(name="gsm", registrar="127.0.0.1:9", register=False)
    conference = Conference(tmp_path / "recording.wav")
    notes = [400 + 150 * number for number in range(8)]
    async with AsyncExitStack() as far:
        people = []
        for hertz in notes:
            sound = alaw(tmp_path, f"hum-{hertz}", voice(tmp_path, hertz))
            peer = await far.enter_async_context(sipp("answer", tmp_path / f"p-{hertz}", sound))
            people.append((str(hertz), f"sip:p@127.0.0.1:{peer.port}"))
        await hold(conference, line, people, tmp_path, 8.0, 20.0)
    assert conference.minutes().count("joined after") == 8
    recorded = read_wav(conference.recording)
    assert [hertz for hertz in notes if not holds(recorded, hertz)] == []
