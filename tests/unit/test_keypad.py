"""A key that is pressed is heard, and speech is never taken for one (ITU-T Q.24: talk-off)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lab
from checks.telephony.audio.dtmf import HIGH, LOW, PAD
from checks.telephony.audio.sound import RATE, Samples, read_wav
from checks.telephony.call import words
from checks.telephony.phone.keypad import Keypad

SPOKEN = sorted(
    [
        *(Path(lab.__file__).parent / "prompts").rglob("*.wav"),
        *Path(words.__file__).parent.glob("*.wav"),
    ]
)


class Ear:
    """A leg that has heard this."""

    def __init__(self, samples: Samples) -> None:
        self.recording: Any = self
        self.samples = samples
        self.told: list[tuple[str, dict[str, Any]]] = []

    def position_at(self, _at: float) -> int:
        return 0

    def tell(self, event: str, **facts: Any) -> None:
        self.told.append((event, facts))


def pressed(samples: Samples, keys: str = "12", events: str = "") -> str:
    """The key that is told; "" for none."""
    ear, came = Ear(samples), iter(["", events])
    keypad = Keypad(ear, {"keys": keys, "within": -1.0, "turn": 0}, lambda: next(came, events))
    keypad.attend()
    [(event, facts)] = ear.told
    return str(facts["digit"]) if event == "key" else ""


def tone(digit: str, seconds: float, noise: float = 0.0, seed: int = 0) -> Samples:
    row = next(number for number, line in enumerate(PAD) if digit in line)
    moments = np.arange(round(seconds * RATE)) / RATE
    both = LOW[row], HIGH[PAD[row].index(digit)]
    said = sum(4000.0 * np.sin(2 * np.pi * hertz * moments) for hertz in both)
    quiet = np.zeros(RATE // 4)
    whole = np.concatenate((quiet, np.asarray(said), quiet))
    return (whole + np.random.default_rng(seed).normal(0, noise, len(whole))).astype(np.float32)


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_no_word_is_a_key(path: Path) -> None:
    assert pressed(read_wav(path), keys="0123456789ABCD*#") == ""


@settings(max_examples=20)
@given(st.sampled_from("12"), st.floats(0.15, 0.6), st.floats(0, 150), st.integers(0, 99))
def test_a_finger_on_a_key_is_heard_over_the_noise_of_a_line(
    digit: str, seconds: float, noise: float, seed: int
) -> None:
    assert pressed(tone(digit, seconds, noise, seed)) == digit


def test_a_blip_is_no_finger_and_another_key_is_a_slip() -> None:
    assert pressed(tone("1", 0.05)) == ""
    assert pressed(tone("5", 0.3)) == ""
    assert pressed(np.concatenate((tone("5", 0.3), tone("2", 0.3)))) == "2"
    assert pressed(tone("5", 0.3), events="91") == "1", "events come first"
