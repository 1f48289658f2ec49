"""The process that speaks (`python -m checks.telephony.call.announcement_child`): a job on standard
input, WAV files (8 kHz, mono, 16-bit) in the folder it names; it tells how it spoke.

What is spoken is partly a far end's: it goes to espeak-ng by its standard input, as text and not as
markup (SSML), and is cut to what somebody listens to.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from checks.process.child import job, telling
from checks.telephony.audio.sound import RATE, Samples, from_pcm, read_wav, write_wav

WORDS = Path(__file__).with_name("words")
# At 150 words a minute half a minute: nobody who was asleep listens longer to the first words.
_LONGEST_TEXT = 500
_SPEAK_SECONDS = 15.0
# Three short tones say "an alarm" before the first word, and cover the cut of a late first packet.
_ALERT_HZ, _ALERT_SECONDS, _ALERT_PAUSE = 880.0, 0.12, 0.08


def main() -> None:
    """Write every sentence of the job."""
    given, tell = job(), telling()
    voice = shutil.which("espeak-ng")
    for name, sentence in given["sentences"].items():
        said = _spoken(sentence, given["voice"]) if voice else _put_together(sentence)
        # What answers a key comes at once.
        opening = _alert() if name == "message" else said[:0]
        write_wav(Path(given["folder"]) / f"{name}.wav", np.concatenate((opening, said)))
    tell(done={"how": "espeak-ng" if voice else "recorded"})


def _spoken(sentence: dict[str, Any], voice: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        command = ["espeak-ng", "-v", voice, "-s", "150", "--stdin", "-w", str(path)]
        text = sentence["text"][:_LONGEST_TEXT].encode()
        subprocess.run(command, input=text, check=True, timeout=_SPEAK_SECONDS)
        return _at_telephone_rate(path)


def _put_together(sentence: dict[str, Any]) -> Samples:
    parts = [read_wav(WORDS / f"{word}.wav") for word in sentence["recorded"]]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


def _at_telephone_rate(path: Path) -> Samples:
    """What espeak-ng wrote (22 050 Hz), at 8 kHz."""
    with wave.open(str(path), "rb") as file:
        rate, said = file.getframerate(), from_pcm(file.readframes(file.getnframes()))
    if not len(said):
        return said
    # Everything above 3.4 kHz goes: sampled at 8 kHz it would come back as hiss (aliasing).
    spectrum = np.fft.rfft(said)
    spectrum[np.fft.rfftfreq(len(said), 1 / rate) > 3400.0] = 0
    clean = np.fft.irfft(spectrum, len(said))
    moments = np.arange(0, len(said) / rate, 1 / RATE)
    resampled = np.interp(moments, np.arange(len(said)) / rate, clean)
    # Peaks at -6 dBFS: below where A-law clips.
    loudest = max(1.0, float(np.abs(resampled).max()))
    scaled: Samples = (resampled * (16384.0 / loudest)).astype(np.float32)
    return scaled


def _alert() -> Samples:
    moments = np.arange(round(_ALERT_SECONDS * RATE)) / RATE
    beep = 6000.0 * np.sin(2 * np.pi * _ALERT_HZ * moments)
    pause = np.zeros(round(_ALERT_PAUSE * RATE))
    return np.concatenate([pause, beep] * 3 + [pause] * 3).astype(np.float32)


if __name__ == "__main__":
    main()
