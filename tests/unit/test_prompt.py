"""The right prompt is recognised through what telephony does to it; no other is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from checks.telephony.audio.prompt import ENOUGH, Hearing, Reference, closest
from checks.telephony.audio.sound import FRAME, RATE, Samples, read_wav
from lab import prompts

NAMES = (
    "welcome",
    "menu",
    "please-hold",
    "opening-hours",
    "agent-greeting",
    "no-entry",
    "wrong-announcement",
)
CLEAN: dict[str, Samples] = {name: read_wav(prompts.FOLDER / f"{name}.wav") for name in NAMES}
REFERENCES = {name: Reference(name, sound) for name, sound in CLEAN.items()}
RANDOM = np.random.default_rng(4733)


def lost(share: float) -> Callable[[Samples], Samples]:
    def spoil(sound: Samples) -> Samples:
        kept = np.repeat(RANDOM.random(len(sound) // FRAME + 1) >= share, FRAME)[: len(sound)]
        return (sound * kept).astype(np.float32)

    return spoil


def deleted(share: float) -> Callable[[Samples], Samples]:
    def spoil(sound: Samples) -> Samples:
        kept = np.repeat(RANDOM.random(len(sound) // FRAME + 1) >= share, FRAME)[: len(sound)]
        return sound[kept]

    return spoil


def noisy(sound: Samples) -> Samples:
    """15 dB below the speech."""
    spread = float(np.sqrt(np.mean(np.square(sound)))) * 10 ** (-15 / 20)
    return np.asarray(sound + RANDOM.normal(0, spread, len(sound)), dtype=np.float32)


def drifted(sound: Samples) -> Samples:
    """A far clock 100 ppm fast."""
    late = np.interp(np.arange(0, len(sound) - 1, 1.0001), np.arange(len(sound)), sound)
    return np.asarray(late, dtype=np.float32)


def starved(sound: Samples) -> Samples:
    """Each second and a half the jitter buffer runs empty, and what follows comes 0.15 s later."""
    parts = np.split(sound, range(RATE // 2, len(sound), 3 * RATE // 2))
    hole = np.zeros(round(0.15 * RATE), dtype=np.float32)
    return np.concatenate([part for one in parts for part in (one, hole)])


CHANNELS: dict[str, Callable[[Samples], Samples]] = {
    "clean": lambda sound: sound,
    "-12 dB": lambda sound: np.round(sound * 0.25).astype(np.float32),
    "5 % lost": lost(0.05),
    "2 % of frames deleted": deleted(0.02),
    "15 dB noise": noisy,
    "100 ppm drift": drifted,
    "starved": starved,
}


def in_a_call(sound: Samples) -> Samples:
    """Three quarters of a second of near silence before it, two seconds after."""
    hiss = RANDOM.normal(0, 4, RATE * 11 // 4 + len(sound)).astype(np.float32)
    hiss[RATE * 3 // 4 : RATE * 3 // 4 + len(sound)] += sound
    return hiss


@pytest.mark.parametrize("channel", CHANNELS)
def test_each_prompt_is_itself_and_no_other(channel: str) -> None:
    for said in NAMES:
        heard = in_a_call(CHANNELS[channel](CLEAN[said]))
        for asked in NAMES:
            match = Hearing(REFERENCES[asked], 0).hear(heard)
            if asked == said:
                assert match.coverage >= ENOUGH, (said, match)
                assert match.begins == pytest.approx(
                    RATE * 3 // 4, abs=(0.4 if channel == "starved" else 0.15) * RATE
                )
            else:
                assert match.coverage < 0.5, (said, asked, match)


def test_it_is_decided_while_the_prompt_still_speaks() -> None:
    heard = in_a_call(CLEAN["welcome"])
    hearing = Hearing(REFERENCES["welcome"], 0)
    end = RATE * 3 // 4 + len(CLEAN["welcome"])
    decided = next(
        now for now in range(0, len(heard), 2048) if hearing.hear(heard[:now]).coverage >= ENOUGH
    )
    assert decided < end - 0.1 * len(CLEAN["welcome"])


def test_a_prompt_cut_off_half_way_is_not_taken_for_whole() -> None:
    half = CLEAN["welcome"][: len(CLEAN["welcome"]) // 2]
    assert Hearing(REFERENCES["welcome"], 0).hear(in_a_call(half)).coverage < ENOUGH


def test_silence_and_noise_are_no_prompt() -> None:
    for sound in (
        np.zeros(4 * RATE, dtype=np.float32),
        RANDOM.normal(0, 2000, 4 * RATE).astype(np.float32),
    ):
        assert Hearing(REFERENCES["welcome"], 0).hear(sound).coverage == 0


def test_what_was_heard_instead_is_named() -> None:
    others = [REFERENCES[name] for name in ("welcome", "menu", "please-hold")]
    assert closest(in_a_call(CLEAN["menu"]), 0, others) == "menu"
    assert closest(in_a_call(CLEAN["menu"][: 2 * RATE]), 0, others) == "menu", (
        "cut short by the end of patience"
    )
    assert closest(in_a_call(CLEAN["wrong-announcement"]), 0, others) is None
    assert closest(np.zeros(RATE, dtype=np.float32), 0, others) is None


def test_a_reference_is_read_from_a_file(tmp_path: Path) -> None:
    reference = Reference.read(prompts.FOLDER / "welcome.wav")
    assert reference.name == "welcome.wav"
    assert reference.seconds == pytest.approx(len(CLEAN["welcome"]) / RATE)
    (tmp_path / "x.wav").write_bytes((prompts.FOLDER / "welcome.wav").read_bytes()[:30])
    with pytest.raises(EOFError):
        Reference.read(tmp_path / "x.wav")
