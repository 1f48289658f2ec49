"""Speak the recorded words of the telephone anew: `python -m tests.house.recorded_words`. Needs
espeak-ng and sox (Debian packages).

The WAV files of checks/telephony/call/words are its output, committed so that a host without
espeak-ng can telephone too: they are said there in place of a ticket's own words. The speech is
synthetic; the words are this project's own (GPL-3.0-or-later, like all of it).
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from checks.telephony.call import words as recorded

FOLDER = Path(recorded.__file__).parent
# 150 words a minute: somebody who was asleep follows it.
VOICE = ("espeak-ng", "-v", "en-us", "-s", "150")
# 8 kHz, as G.711 is; no silence at either end, peaks at -6 dBFS, and a breath before and after.
_TRIMMED = ("silence", "1", "0.01", "0.2%", "reverse")
SHAPE = ("rate", "-s", "8000", *_TRIMMED, *_TRIMMED, "norm", "-6", "pad", "0.05", "0.1")
WORDS = {
    "reveille": "This is Reveille. Something is broken.",
    "ticket": "The ticket is number",
    "press": "Press 1 to take it. Press 2 to pass it on.",
    "taken": "Thank you. It is yours. Goodbye.",
    "passed-on": "It is passed on. Goodbye.",
    "conference": "This is Reveille. You are called into an emergency conference.",
    "join": "Press 1 to join.",
    "joined": "You are in the conference. It is recorded.",
    "pin": "Please enter the number, then press the hash key.",
    "goodbye": "Goodbye.",
    **{digit: digit for digit in "0123456789"},
}


def main() -> None:
    """Write all of them. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said.wav"
        for name, words in WORDS.items():
            subprocess.run([*VOICE, "-w", str(said), "--", words], check=True)
            target = FOLDER / f"{name}.wav"
            sox = ["sox", "-D", str(said), "-b", "16", "-c", "1", str(target), *SHAPE]
            subprocess.run(sox, check=True)


if __name__ == "__main__":
    main()
