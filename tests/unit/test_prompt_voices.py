"""A sample of the prompt matrix (`./reveille bench prompts` runs the whole): recorded human voices,
five languages.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from checks.telephony.audio.prompt import Hearing, Reference
from checks.telephony.audio.sound import Samples
from tests.bench import voices
from tests.bench.prompts import DONE_TO_SOUND, chosen

PROMPTS = 30
CHANNELS = ("clean", "5 % lost, zeroed", "5 % lost, concealed", "15 dB noise", "-100 ppm drift")
VOICES = (
    "en_US_f_Allison",
    "fr_CA_f_June",
    "es_MX_f_Allison",
    "it_IT_m_Carlo",
    "ru_RU_f_IvrvoiceRU",
)


@cache
def prompts() -> dict[str, Samples]:
    with TemporaryDirectory() as folder:
        return chosen(Path(folder), PROMPTS, seed=9)


@cache
def references() -> dict[str, Reference]:
    return {name: Reference(name, sound) for name, sound in prompts().items()}


def heard_as(said: str, sound: Samples, random: np.random.Generator) -> set[str]:
    """The prompts that it is taken for, out of itself and all others of its voice."""
    heard = voices.in_a_call(sound, random)
    return {
        name
        for name, reference in references().items()
        if name[:2] == said[:2] and Hearing(reference, 0).hear(heard).whole
    }


def test_every_voice_is_here() -> None:
    assert tuple(voices.LANGUAGES.values()) == VOICES
    assert {name[:2] for name in prompts()} == {*voices.LANGUAGES, "de"}


@pytest.mark.parametrize("channel", CHANNELS)
def test_each_prompt_is_itself_and_no_other(channel: str) -> None:
    random = np.random.default_rng(4733)
    for said, sound in prompts().items():
        assert heard_as(said, DONE_TO_SOUND[channel](sound, random), random) == {said}


def test_a_mobile_codec_and_a_lower_level_change_nothing() -> None:
    random = np.random.default_rng(711)
    quiet = {name: DONE_TO_SOUND["-12 dB"](sound, random) for name, sound in prompts().items()}
    for said, sound in voices.transcoded(quiet, "GSM").items():
        assert heard_as(said, sound, random) == {said}
