"""Media truth: tones of the countries, SIT, fax, what is frozen, choppy, clipped or comes back; and
voices are none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from checks.telephony.audio import texture
from checks.telephony.audio.classification import nature_of
from checks.telephony.audio.echo import echo_of
from checks.telephony.audio.sound import FRAME, RATE, Samples, read_wav
from checks.telephony.audio.tone_plans import COUNTRIES, TONES, Tone
from checks.telephony.audio.tones import listen
from lab import prompts
from tests.bench import voices

RANDOM = np.random.default_rng(180)


@pytest.fixture(autouse=True)
def the_same_chances() -> None:
    """Each test draws alike, whichever tests ran before it in this process."""
    RANDOM.bit_generator.state = np.random.default_rng(180).bit_generator.state


MUSIC = Path("/usr/share/asterisk/moh")
SAME = {"busy", "congestion"}
"""in some countries one and the same tone"""


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def sine(*frequencies: float, seconds: float, peak: float = 3000.0) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(
        np.sum([peak * np.sin(2 * np.pi * f * time) for f in frequencies], axis=0), dtype=np.float32
    )


def rendered(tone: Tone, seconds: float, begins: float) -> Samples:
    """The tone as an exchange makes it, joined at some moment of its cadence."""
    time = np.arange(round((seconds + begins) * RATE)) / RATE
    sound = np.sum([2500 * np.sin(2 * np.pi * f * time) for f in tone.frequencies], axis=0)
    if tone.modulated:
        sound = sound * (1 + np.cos(2 * np.pi * 25 * time)) / 2
    if tone.cadence:
        edges = np.cumsum(tone.cadence)
        sound = sound * (np.searchsorted(edges, time % edges[-1], side="right") % 2 == 0)
    return np.asarray(
        np.round((sound + RANDOM.normal(0, 5, len(sound))) / 8) * 8, dtype=np.float32
    )[round(begins * RATE) :]


def speech(seconds: float = 4.0) -> Samples:
    return read_wav(prompts.FOLDER / "opening-hours.wav")[: round(seconds * RATE)]


@pytest.mark.parametrize(
    "country", ["in", "us", "gb", "de", "fr", "es", "ru", "jp", "au", "sg", "cn", "tw", "nz", "at"]
)
@pytest.mark.parametrize("lost", [0.0, 0.03])
def test_a_countrys_tones_are_named(country: str, lost: float) -> None:
    for tone in (tone for tone in TONES if tone.country == country):
        sound = voices.zeroed(lost)(
            rendered(tone, 12.0, RANDOM.uniform(0, sum(tone.cadence))), RANDOM
        )
        found = nature_of(sound, country)
        assert found.kind in ({tone.kind} | (SAME if tone.kind in SAME else set())), (
            tone.written(),
            found,
        )


def test_without_a_country_all_are_tried() -> None:
    tone = next(tone for tone in TONES if tone.country == "us" and tone.kind == "busy")
    found = nature_of(rendered(tone, 6.0, 0.1))
    assert found.kind == "busy"
    assert "480+620 Hz 0.5/0.5 s" in found.words
    assert found.is_false_answer


def test_the_table_is_sound() -> None:
    assert len(COUNTRIES) >= 70
    for tone in TONES:
        assert all(300 <= hertz <= 650 for hertz in tone.frequencies)
        assert len(tone.cadence) % 2 == 0
        assert all(0.1 <= seconds <= 5 for seconds in tone.cadence)
        assert bool(tone.cadence) is (tone.kind != "dial")


def test_the_labs_own_ringback_is_indias() -> None:
    from lab.pbx import g711, tones

    frames = b"".join(tones.ringback("PCMA")) * 3
    sound = np.array([g711.decode_one("PCMA", code) for code in frames], dtype=np.float32) * 4
    assert nature_of(sound, "in").kind == "ringback"


def test_special_information_tones_are_known_though_speech_follows() -> None:
    for gap in (0.0, 0.03):
        parts = [
            part
            for hertz in (950, 1400, 1800)
            for part in (sine(hertz, seconds=0.33), silence(gap))
        ]
        assert (
            nature_of(np.concatenate((silence(0.4), *parts, silence(0.5), speech()))).kind == "sit"
        )


def test_a_fax_is_known_by_its_tones() -> None:
    assert nature_of(np.concatenate((silence(1), sine(2100, seconds=3), silence(1)))).kind == "fax"
    calling = np.concatenate(
        [part for _ in range(3) for part in (sine(1100, seconds=0.5), silence(3))]
    )
    assert nature_of(calling).kind == "fax"


def test_a_beep_after_a_greeting_is_a_voicemail() -> None:
    greeting = np.concatenate((speech(), silence(0.5), sine(1000, seconds=0.4), silence(2)))
    assert nature_of(greeting).kind == "voicemail"
    assert nature_of(np.concatenate((greeting, speech()))).kind == "unknown", "somebody goes on"


def test_silence_comfort_noise_and_hiss_are_told_apart() -> None:
    assert nature_of(silence(3)).kind == "silence"
    assert nature_of(silence(3) + 8).kind == "silence", "A-law has no nought"
    assert nature_of(RANDOM.normal(0, 20, 4 * RATE).astype(np.float32)).kind == "comfort-noise"
    assert nature_of(RANDOM.normal(0, 1500, 4 * RATE).astype(np.float32)).kind == "noise"
    assert nature_of(silence(0)).kind == "nothing"


def test_what_repeats_is_frozen_or_looped() -> None:
    voice = speech()
    assert (
        nature_of(np.concatenate((voice, np.tile(voice[RATE : RATE + FRAME], 100)))).kind
        == "frozen"
    )
    looped = nature_of(np.concatenate((voice, np.tile(voice[RATE : RATE + 20 * FRAME], 6))))
    assert looped.kind == "looped"
    assert "0.40 s" in looped.words
    assert nature_of(np.tile(voice, 3)).kind == "unknown", "a prompt may come again"


@pytest.mark.parametrize("hertz", [(425,), (1000,), (400,), (350, 450), (2600,)])
def test_a_steady_tone_is_a_tone_and_no_loop(hertz: tuple[int, ...]) -> None:
    """Each comes out even after one to three frames of 20 ms; a voice went before it."""
    tone = np.sum([sine(one, seconds=6) for one in hertz], axis=0).astype(np.float32)
    assert nature_of(np.concatenate((speech(), tone))).kind not in ("frozen", "looped")


def test_gaps_are_counted_and_pauses_are_not() -> None:
    voice = speech()
    assert texture.gap_percent(voice) < 4
    assert texture.gap_percent(voices.zeroed(0.3)(voice, RANDOM)) > 12
    assert 3 < texture.gap_percent(voices.zeroed(0.1)(voice, RANDOM)) < 20


def test_clipping_is_counted() -> None:
    assert texture.clipped_percent(speech()) == 0
    assert texture.clipped_percent(voices.louder(30)(speech(), RANDOM)) > 30


def test_our_own_sound_that_comes_back_is_an_echo() -> None:
    said = np.concatenate((silence(1), speech(), speech()))
    heard = np.concatenate((silence(0.12), said * 0.3))[: len(said)] + RANDOM.normal(
        0, 20, len(said)
    )
    echo = echo_of(said, heard.astype(np.float32))
    assert echo is not None
    assert echo.delay_ms == pytest.approx(120, abs=2)
    assert echo.loss_db == pytest.approx(10.5, abs=1)
    other = read_wav(prompts.FOLDER / "welcome.wav")
    assert echo_of(said, np.tile(other, 4)[: len(said)]) is None
    assert echo_of(silence(9), said) is None


def returned(said: Samples, *delays: float) -> Samples:
    """What was said comes back by as many stretches, each with its delay; inf: not at all."""
    heard = RANDOM.normal(0, 20, len(said) + RATE).astype(np.float32)
    for part, delay in zip(np.array_split(np.arange(len(said)), len(delays)), delays, strict=True):
        if delay != float("inf"):
            at = part + round(delay * RATE)
            heard[at] += 0.3 * said[part]
    return heard


@pytest.mark.parametrize("delays", [
    (0.245, 0.245, 0.225, 0.225),
    (0.22, 0.24, 0.26, 0.28),
    (0.275, 0.245, float("inf"), float("inf")),
], ids=str)  # fmt: skip
def test_an_echo_by_way_of_jitter_buffers_is_one(delays: tuple[float, ...]) -> None:
    """A buffer grows, and sound that stood still in between takes stretches with it."""
    said = np.concatenate((speech(), speech(), speech(), speech()))
    assert echo_of(said, returned(said, *delays)) is not None


def test_words_that_come_back_at_any_time_are_no_echo() -> None:
    said = np.concatenate((speech(), speech(), speech(), speech()))
    nothing = [float("inf")] * 14
    assert echo_of(said, returned(said, 0.1, *nothing, 0.6)) is None


def test_music_on_hold_is_mostly_known_as_music() -> None:
    sound = read_wav(MUSIC / ("macroform-cold_day" + ".wav"))
    kinds = [
        nature_of(sound[start : start + 8 * RATE]).kind
        for start in range(0, len(sound) - 8 * RATE, 8 * RATE)
    ]
    assert set(kinds) <= {"music", "unknown"}
    assert kinds.count("music") >= 0.5 * len(kinds)


@pytest.mark.parametrize("language", voices.LANGUAGES)
def test_a_voice_is_never_a_tone_nor_music(language: str) -> None:
    """All 2 781 prompts were looked at for the thresholds; here a sample, alone and one after the
    other.
    """
    said = list(voices.recorded(language, 0.4, 20, 25, seed=7).values())
    for sound in (*said, *(np.concatenate(said[at : at + 8]) for at in range(0, 25, 8))):
        assert nature_of(np.concatenate((silence(0.3), sound, silence(1.7)))).kind == "unknown"
        assert texture.gap_percent(sound) < 5
        assert texture.clipped_percent(sound) == 0


def test_tones_in_speech_are_no_reason_to_call_it_one() -> None:
    assert listen(np.concatenate((speech(), sine(425, seconds=0.3)))).share < 0.5
