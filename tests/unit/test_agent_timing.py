"""What times a challenge (clocks of growing recordings, the jitter buffer), digits as tones, whom
the agent takes.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from checks.telephony.audio import dtmf, nonce, nonce_sound
from checks.telephony.audio.dtmf import Tones
from checks.telephony.audio.recording import Recording
from checks.telephony.audio.sound import RATE, Samples, read_wav, write_wav
from checks.telephony.call.agent_offer import picks_up
from checks.telephony.call.leg import Event
from checks.telephony.call.line import Line
from checks.telephony.call.mouth_to_ear import lateness_ms, own_ms
from checks.telephony.call.script import AgentStep, Pause
from checks.telephony.phone.screening import Screen
from checks.telephony.phone.timing import Clock, Holding, Track
from lab import prompts

RANDOM = np.random.default_rng(5)


class Hand:
    """A monotonic clock that is moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    return Hand(monkeypatch)


def grow(path: Path, clock: Clock, hand: Hand, handed: int, slow_ms: float) -> None:
    """The engine hands on its next 3840 bytes, the C library writes whole blocks, and we look a
    little later.
    """
    path.write_bytes(bytes((44 + 3840 * handed) // 4096 * 4096))
    hand.now = 107.0 + 0.24 * handed + slow_ms / 1000
    clock.look()


def test_a_recordings_first_sample_is_dated_by_how_its_file_grows(
    tmp_path: Path, hand: Hand
) -> None:
    clock = Clock(tmp_path / "heard.wav")
    assert clock.zero is None
    for handed, slow_ms in enumerate((0.7, 0.9, 3.0, 0.4, 5.0, 1.1, 2.0, 9.0)):
        grow(tmp_path / "heard.wav", clock, hand, handed + 1, slow_ms)
    assert clock.zero == pytest.approx(107.0004, abs=1e-6), "the least late look is right"


def test_a_file_that_grows_otherwise_gives_no_date(tmp_path: Path, hand: Hand) -> None:
    clock, path = Clock(tmp_path / "heard.wav"), tmp_path / "heard.wav"
    for step in range(12):
        path.write_bytes(bytes(44 + 5000 * step))
        hand.now = 100 + 5000 * step / 16000
        clock.look()
    assert clock.zero is None, "rather none than a wrong one"


def test_how_long_the_buffer_holds_a_frame_is_littles_law(hand: Hand) -> None:
    holding = Holding()
    for millisecond in range(800):
        hand.now = 200 + millisecond / 1000
        lost = 300 <= millisecond < 320
        holding.look(
            40.0 if millisecond % 20 >= 7 and not lost else 20.0
        )  # comes 7 ms after the tick, of 20
    assert holding.mean_ms(200.0, 200.799) == pytest.approx(20 + 13, abs=0.5)
    assert holding.mean_ms(150.0, 151.0) is None, "nobody looked"


def test_a_nonce_is_found_to_the_sample_in_noise(tmp_path: Path) -> None:
    drawn = nonce.make(random.Random(3))
    sound = np.concatenate((np.zeros(4321), nonce_sound.sound_of(drawn)[: 3 * RATE] * 0.2)).astype(
        np.float32
    )
    write_wav(tmp_path / "heard.wav", (sound + RANDOM.normal(0, 60, len(sound))).astype(np.float32))
    recording = Recording(tmp_path / "heard.wav", started_at=0.0)
    recording.refresh()
    track = Track(drawn, recording)
    track._listener = nonce_sound.Listener(drawn, 0)
    track.follow(3)
    assert len(track.places) == 3
    for place in track.places:
        late = (place.position - place.symbol * nonce_sound.SYMBOL - 4321) % nonce_sound.PERIOD
        assert min(late, nonce_sound.PERIOD - late) <= 2


def through(sound: Samples, gain: float, noise: float) -> Samples:
    return np.asarray(sound * gain + RANDOM.normal(0, noise, len(sound)), dtype=np.float32)


@pytest.mark.parametrize(("gain", "noise"), [(1.0, 0.0), (0.1, 5.0), (0.5, 150.0)])
def test_digits_are_heard_as_tones(gain: float, noise: float) -> None:
    digits = "0123456789*#ABCD1122"
    assert Tones(0).hear(through(dtmf.sound_of(digits), gain, noise)) == digits


def test_speech_and_a_nonce_hold_no_digits() -> None:
    for path in sorted(prompts.FOLDER.glob("*.wav")):
        assert Tones(0).hear(read_wav(path)) == "", path.name
    assert Tones(0).hear(nonce_sound.sound_of(nonce.make(random.Random(1)))) == ""


def test_an_agents_phone_takes_whom_it_is_told_to() -> None:
    known = {
        "from": ['"Shop" <sip:+912055501000@pbx.example.net>;tag=1'],
        "p-asserted-identity": ["<tel:02055501000>"],
    }
    assert Screen().admits({})
    assert Screen("02055501000").admits(known)
    assert Screen("*2055501000").admits(known)
    assert not Screen("02055501999").admits(known)
    assert not Screen("02055501000").admits({}), "who says nothing is not known to be ours"


def test_the_lateness_is_that_of_a_stretch_in_the_middle() -> None:
    said = Event("challenge-timed", 0.0, {"said_at": 1000.0})
    heard = Event(
        "challenge-timed", 0.0, {"heard": [(1000.15, 40.0), (1012.91, 30.0), (1000.19, 40.0)]}
    )
    assert lateness_ms(said, heard) == pytest.approx((150.0, 40.0)), (
        "110 ms on the way; the others 80 and 150"
    )
    assert lateness_ms(said, Event("challenge-timed", 0.0, {"heard": []})) is None
    assert lateness_ms(Event("challenge-timed", 0.0, {"said_at": None}), heard) is None
    assert own_ms("PCMA", "PCMA") == 5.0


def test_only_a_script_that_begins_with_the_agent_calls_it_directly() -> None:
    step = AgentStep(agent=Line(name="agent-01", registrar="127.0.0.1"))
    assert picks_up((step,))
    assert not picks_up((Pause(pause=1.0), step))
    assert not picks_up(())
