"""What is said on the telephone: by espeak-ng, and by recorded words where that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.telephony.audio.sound import RATE, active, read_wav
from checks.telephony.call.announcement import Sentence, seconds_of, spoken

SAID = Sentence("Ticket RV 12. Press 1 to take it.", ("reveille", "ticket", "1", "2", "press"))


FAILING = "#!/bin/sh\nexit 1\n"


@pytest.mark.parametrize("how", ["espeak-ng", "not there", "broken", "unknown voice"])
async def test_a_sentence_is_sound(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a voice recorded words are said: that must not keep anybody from being called."""
    if how in ("not there", "broken"):
        monkeypatch.setenv("PATH", str(tmp_path))
    if how == "broken":
        (tmp_path / "espeak-ng").write_text(FAILING)
        (tmp_path / "espeak-ng").chmod(0o755)
    voice = "no-such" if how == "unknown voice" else "en"
    by = await spoken({"message": SAID}, voice, tmp_path)
    assert by == ("recorded" if how in ("not there", "broken") else "espeak-ng") or voice != "en"
    path = tmp_path / "message.wav"
    assert 2 < seconds_of(path) < 15
    sound = read_wav(path)
    assert active(sound).sum() * 0.02 > 1.5
    assert active(sound[:RATE]).any(), "an alert comes first"
    assert seconds_of(path) == pytest.approx(len(sound) / RATE)


async def test_what_a_far_end_said_is_text_and_no_option(tmp_path: Path) -> None:
    hostile = Sentence("--voices <speak><audio src='/etc/passwd'/></speak> " + "x" * 10_000, ())
    assert await spoken({"message": hostile}, "en", tmp_path) == "espeak-ng"
    assert seconds_of(tmp_path / "message.wav") < 200
