"""What is heard after a digit that broke a prompt off: the rest of the old one, and what is new."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checks.telephony.audio.recording import Recording
from checks.telephony.audio.sound import RATE, Samples, read_wav, write_wav
from checks.telephony.phone.listener import CallListener
from lab import prompts

HOLD = read_wav(prompts.FOLDER / "please-hold.wav")
# A long menu: what is left of it at the digit takes longer than what the PBX then says.
PARTS = ("welcome", "menu", "opening-hours", "wrong-announcement")
MENU = np.concatenate([read_wav(prompts.FOLDER / f"{name}.wav") for name in PARTS])
HEARD = round(0.7 * len(MENU))


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def said_after(tmp_path: Path, *later: Samples) -> str:
    """What is there instead, where the menu was recognised at 70 %, a digit was pressed then, and
    the rest came.
    """
    sound = np.concatenate((MENU[:HEARD], *later))
    write_wav(tmp_path / "heard.wav", sound)
    write_wav(tmp_path / "long-menu.wav", MENU)
    previous = str(tmp_path / "long-menu.wav")
    recording = Recording(tmp_path / "heard.wav", time.monotonic() - HEARD / RATE)
    recording.refresh()

    def tell(event: str, at: float | None = None, **facts: Any) -> None: ...

    ear = CallListener(tell, recording, recording)
    ear.heard_to(HEARD - RATE // 2, len(MENU))
    ear.turn_page()
    code, _ = ear.what_is_heard({"previous": previous, "others": [previous]}, "an agent")
    return code


@pytest.mark.parametrize("rest", [0.0, 0.3, 0.8])
def test_something_new_that_is_over_before_the_menu_would_be_was_heard(
    tmp_path: Path, rest: float
) -> None:
    """As a PBX says "please hold" and then nothing, in the middle of a long menu."""
    broken_off = MENU[HEARD : HEARD + round(rest * RATE)]
    assert RATE < len(HOLD) < len(MENU) - HEARD - 2 * RATE
    assert said_after(tmp_path, broken_off, quiet(0.2), HOLD, quiet(8)) == "unknown-prompt"


@pytest.mark.parametrize("rest", [0.0, 0.3, 0.9, 60.0])
def test_the_old_prompt_and_then_silence_is_an_ignored_digit(tmp_path: Path, rest: float) -> None:
    assert (
        said_after(tmp_path, MENU[HEARD : HEARD + round(rest * RATE)], quiet(8)) == "dtmf-ignored"
    )


def test_the_menu_once_more_is_an_ignored_digit(tmp_path: Path) -> None:
    assert said_after(tmp_path, quiet(0.4), MENU, quiet(3)) == "dtmf-ignored"
