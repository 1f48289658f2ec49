"""The script of a test call: every fault of writing has a short message that says what would be
right.
"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.settings import Settings
from checks.telephony.call.feature_steps import OnHold
from checks.telephony.call.line import Line
from checks.telephony.call.script import (
    AgentStep,
    HangUp,
    Hear,
    Hold,
    Pause,
    Press,
    Script,
    Stay,
    seconds_of,
    timed_stages,
)

ON_HOLD = {"on-hold": "10s", "by": "caller"}


class _Written(Settings):
    script: Script


def write_wav(
    path: Path,
    rate: int = 8000,
    channels: int = 1,
    width: int = 2,
    seconds: float = 1.0,
    value: int = 64,
) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes([value]) * int(rate * seconds) * channels * width)
    return path


def read(folder: Path, *steps: Any) -> tuple[Any, ...]:
    agents = {
        name: Line(name=name, registrar="pbx.example.net") for name in ("agent-01", "desk-01")
    }
    context = {"directory": str(folder), "agents": agents}
    return _Written.model_validate({"script": list(steps)}, context=context).script


def fault(folder: Path, *steps: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        read(folder, *steps)
    assert refused.value.error_count() == 1
    return (
        f"{'.'.join(map(str, refused.value.errors()[0]['loc']))}:"
        f" {refused.value.errors()[0]['msg']}"
    )


def test_every_verb_is_read(tmp_path: Path) -> None:
    write_wav(tmp_path / "welcome.wav")
    script = read(
        tmp_path,
        {"hear": "welcome.wav", "within": "6s"},
        {"press": "1#"},
        {"pause": "500ms"},
        {"agent": "agent-01", "within": "20s"},
        {"stay": "10s"},
        {"hang-up": True},
    )
    assert [type(step) for step in script] == [Hear, Press, Pause, AgentStep, Stay, HangUp]
    assert script[0].within == 6.0
    assert script[3].agent.registrar == "pbx.example.net"
    assert [seconds_of(step) for step in script] == [8.5, 1.0, 0.5, 40.0, 10.0, 0.0]


def test_the_old_word_for_stay_means_what_it_meant(tmp_path: Path) -> None:
    """Its time, its stage and its measure; SIP hold is another step still."""
    new, old, hold = (read(tmp_path, step) for step in ({"stay": "10s"}, {"hold": "10s"}, ON_HOLD))
    assert isinstance(new[0], Stay) and isinstance(old[0], Hold)
    assert seconds_of(new[0]) == seconds_of(old[0]) == new[0].stay == old[0].stay == 10.0
    assert timed_stages(new) == timed_stages(old) == {"hold"}
    assert isinstance(hold[0], OnHold) and timed_stages(hold) == set()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"within": "6s"}, "a step needs one of hear, press, pause, agent, stay, on-hold, mute, "),
        ({"heer": "welcome.wav"}, "did you mean 'hear'?"),
        (
            {"press": "1", "pause": "1s"},
            "this step has 2 verbs (press and pause); write them as 2 steps",
        ),
        ("press 1", "a step is a table with one verb"),
        ({"press": "1x"}, "should match pattern"),
        ({"press": "1", "within": "2s"}, "Extra inputs are not permitted"),
        ({"pause": "1"}, "write a number with its unit"),
        ({"agent": "agent-02"}, "there is no [agents.agent-02]; did you mean 'agent-01'?"),
        ({"hear": "nothing.wav"}, "there is no file"),
        ({"hang-up": False}, "Input should be True"),
    ],
)
def test_a_step_that_cannot_be_is_refused(tmp_path: Path, step: Any, said: str) -> None:
    told = fault(tmp_path, step)
    assert told.startswith("script.0")
    assert said in told


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            {"rate": 44100, "channels": 2},
            "'x.wav' is 44100 Hz stereo 16-bit, a prompt is 8000 Hz mono 16-bit",
        ),
        ({"width": 1}, "8000 Hz mono 8-bit"),
        ({"seconds": 0.1}, "0.1 s long; a prompt needs at least 0.3 s"),
        ({"value": 0}, "is silent"),
    ],
)
def test_a_recording_that_could_never_be_heard_is_refused(
    tmp_path: Path, form: dict[str, Any], said: str
) -> None:
    write_wav(tmp_path / "x.wav", **form)
    told = fault(tmp_path, {"hear": "x.wav"})
    assert said in told
    if "prompt is" in said:
        assert "sox x.wav -r 8000 -c 1 -b 16 prompt.wav" in told


def test_a_file_that_is_no_wav_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"ID3 not a wave file at all")
    assert "is not a WAV file" in fault(tmp_path, {"hear": "x.wav"})


def test_nothing_follows_a_hang_up(tmp_path: Path) -> None:
    assert "step 1 hangs up, and 1 more would follow" in fault(
        tmp_path, {"hang-up": True}, {"press": "1"}
    )
