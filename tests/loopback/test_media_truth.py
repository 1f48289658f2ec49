"""What passes for an answered call: SIPp answers with 200 and then sounds like anything but a
contact centre.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checks.contract import Layer
from checks.telephony.audio.sound import RATE, Samples, write_wav
from checks.telephony.audio.tone_plans import TONES
from checks.telephony.call.line import Line
from checks.telephony.sip_call import SipCall
from tests.loopback.seen import ended
from tests.loopback.sipp.peer import alaw, attempt, silence, sipp, speak
from tests.unit.test_media import MUSIC, rendered

COUNTRY = "in"


def tone(kind: str, country: str = COUNTRY) -> Samples:
    return rendered(
        next(one for one in TONES if (one.country, one.kind) == (country, kind)), 12.0, 0.1
    )


def stream(folder: Path, name: str, *parts: Path | Samples) -> Path:
    """The parts, then silence, for SIPp."""
    files = []
    for number, part in enumerate(parts):
        path = part if isinstance(part, Path) else folder / f"{name}-{number}.wav"
        if not isinstance(part, Path):
            write_wav(path, part)
        files.append(path)
    return alaw(folder, name, *files, silence(folder, 30))


def call(port: int, *script: dict[str, Any], **settings: Any) -> SipCall:
    line = Line.model_validate(
        {"name": "trunk", "registrar": f"127.0.0.1:{port}", "country": COUNTRY}
    )
    return SipCall.model_validate({"line": line, "to": "8000", "script": script, **settings})


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["busy", "congestion", "ringback"])
async def test_a_tone_of_the_network_behind_an_answer_is_a_false_answer(
    tmp_path: Path, kind: str
) -> None:
    welcome = speak("Welcome to the contact centre.", tmp_path, "welcome")
    sound = stream(tmp_path, kind, tone(kind))
    async with sipp("answer", tmp_path / "peer", sound) as peer:
        check = call(peer.port, {"hear": str(welcome), "within": "4s"})
        heard = await attempt(check, tmp_path / "heard")
    assert ended(heard) == ("media", f"false-answer:{kind}"), heard.fault
    assert check.layer_of("media") is Layer.MEDIA
    assert "400 Hz" in (heard.fault.text if heard.fault else "")


@pytest.mark.engine
async def test_a_call_without_a_script_is_listened_to(tmp_path: Path) -> None:
    welcome = speak("Welcome to the contact centre, how are you today?", tmp_path, "welcome")
    expected = {
        "busy": (stream(tmp_path, "busy", tone("busy")), ("media", "false-answer:busy")),
        "silent": (
            stream(tmp_path, "silent", np.zeros(RATE, dtype=np.float32)),
            ("media", "silent"),
        ),
        "voice": (stream(tmp_path, "voice", welcome), None),
    }
    for name, (sound, fault) in expected.items():
        async with sipp("answer", tmp_path / name, sound) as peer:
            seen = await attempt(call(peer.port, listen="3s"), tmp_path / f"{name}-seen")
            allowed = await attempt(call(peer.port, listen="0s"), tmp_path / f"{name}-allowed")
        assert ended(seen) == fault, (name, seen.fault)
        assert ended(allowed) is None, "whoever wants no listening gets none"


@pytest.mark.engine
async def test_neither_side_saying_a_word_is_dead_air(tmp_path: Path) -> None:
    async with sipp("answer", tmp_path / "peer", stream(tmp_path, "quiet")) as peer:
        seen = await attempt(call(peer.port, {"stay": "3s"}, dead_air="2s"), tmp_path / "seen")
    assert ended(seen) == ("media", "dead-air")
    assert seen.measures["both_quiet_seconds"] > 2


@pytest.mark.engine
async def test_music_in_the_prompts_stead_is_called_music(tmp_path: Path) -> None:
    welcome = speak("Welcome to the contact centre.", tmp_path, "welcome")
    sound = stream(tmp_path, "music", MUSIC / "macroform-cold_day.wav")
    async with sipp("answer", tmp_path / "peer", sound) as peer:
        seen = await attempt(
            call(peer.port, {"hear": str(welcome), "within": "7s"}), tmp_path / "seen"
        )
    assert ended(seen) in {("prompt", "music-on-hold"), ("prompt", "unknown-prompt")}, seen.fault


@pytest.mark.engine
async def test_any_of_several_recordings_will_do_and_a_library_names_the_rest(
    tmp_path: Path,
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    english = speak("Welcome to the contact centre.", tmp_path, "english")
    german = speak("Herzlich willkommen, bitte bleiben Sie am Apparat.", tmp_path, "german")
    closed = speak("All of our lines are closed today, please call again.", tmp_path, "closed")
    shutil.copy(closed, library)
    (library / "no-sound.wav").write_text("this is no recording")
    script = {"hear": [str(english), str(german)], "within": "3s"}
    async with sipp("answer", tmp_path / "peer", stream(tmp_path, "german", german)) as peer:
        check = call(peer.port, script, prompts=str(library))
        seen = await attempt(check, tmp_path / "seen")
    assert ended(seen) is None, seen.fault
    assert seen.measures["hear_1_coverage_percent"] >= 65
    assert any("heard german.wav: +" in note and "from the answer" in note for note in seen.notes)
    assert set(seen.measures) <= set(check.measures())
    async with sipp("answer", tmp_path / "peer-2", stream(tmp_path, "shut", closed)) as peer:
        wrong = await attempt(call(peer.port, script, prompts=str(library)), tmp_path / "wrong")
        unknown = await attempt(call(peer.port, script), tmp_path / "unknown")
    assert ended(wrong) == ("prompt", "wrong-prompt")
    assert "it was closed.wav, english.wav or german.wav awaited" in (
        wrong.fault.text if wrong.fault else ""
    )
    assert ended(unknown) == ("prompt", "unknown-prompt")
