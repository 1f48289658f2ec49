"""Speak the announcements anew: `python lab/prompts/generate.py [FOLDER]`. Needs espeak-ng and sox
(Debian packages).

The WAV files beside this script are its output, committed so that the lab needs neither program.
The speech is synthetic: nobody's voice was recorded. The words are this project's own
(GPL-3.0-or-later, like all of it); espeak-ng's licence (GPL-3.0-or-later) does not extend to what
it says.

Rule: 2 to 5 seconds each, no two alike in their first seconds, so that each can be told from any
other as it is heard.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

# 165 words a minute, and a pause of 10 ms between words: brisk, as announcements are.
VOICE = ("espeak-ng", "-v", "en-us", "-s", "165", "-g", "1")
# 8 kHz, as G.711 is, and no silence at either end: `silence` cuts the begin, so the sound is turned
# round for the end.
SHAPE = (
    "rate",
    "-s",
    "8000",
    "silence",
    "1",
    "0.01",
    "0.2%",
    "reverse",
    "silence",
    "1",
    "0.01",
    "0.2%",
    "reverse",
)
# Peaks at -6 dBFS, below where A-law clips, and a breath before and after, in seconds.
LEVEL = ("norm", "-6", "pad", "0.05", "0.1")

# Name of the announcement -> what it says.
WORDS = {
    "welcome": "Good day. You are calling Sunrise Travel, Pune.",
    "menu": "Press one for reservations, or two for opening hours.",
    "please-hold": "Please hold the line for an agent.",
    "opening-hours": "Our office is open on weekdays, from nine until six. Goodbye.",
    "wrong-announcement": "The number that you have dialled is not in service.",
    "agent-greeting": "Reservations desk, how may I help you?",
    "enter-pin": "Please enter your personal number, then press the hash key.",
    "logged-in": "You are logged in, and calls will now reach you.",
    "wrong-pin": "This personal number is not correct.",
    "logged-out": "Logged out. Thank you, and have a good evening.",
    "no-entry": "We did not receive a choice from you. Goodbye.",
}


def speak(name: str, folder: Path) -> Path:
    """Write one announcement; returns its path. Raises CalledProcessError."""
    target = folder / f"{name}.wav"
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "raw.wav"
        subprocess.run([*VOICE, "-w", str(raw), WORDS[name]], check=True)
        shaped = ["sox", "-R", str(raw), "-b", "16", "-c", "1", str(target), *SHAPE, *LEVEL]
        subprocess.run(shaped, check=True)
    return target


if __name__ == "__main__":
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for spoken in WORDS:
        speak(spoken, into)
