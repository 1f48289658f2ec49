"""What a person is told on the telephone, as sound: spoken by espeak-ng where this host has it,
else put together of recorded words.

It is made in a process of its own (announcement_child.py), before anybody is called.
"""

from __future__ import annotations

import json
import wave
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from checks.contract import CannotTell
from checks.process.parent import answered, python

_CHILD = "checks.telephony.call.announcement_child"
# numpy takes seconds to import on a small machine that is busy, and espeak-ng says a minute of
# speech in less than one.
_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said: `text` where there is a voice, `recorded` (names of words/) where there is
    none.
    """

    text: str
    recorded: tuple[str, ...]


async def spoken(sentences: Mapping[str, Sentence], voice: str, folder: Path) -> str:
    """Write NAME.wav into the folder for each sentence; returns how: "espeak-ng" or "recorded".
    Raises CannotTell.
    """
    job = {
        "folder": str(folder),
        "voice": voice,
        "sentences": {name: asdict(one) for name, one in sentences.items()},
    }
    try:
        answer = await answered(python(_CHILD), json.dumps(job).encode(), _WITHIN_SECONDS)
    except (OSError, TimeoutError, ValueError) as problem:
        raise CannotTell(f"engine error: nothing can be spoken: {problem!r}") from problem
    if answer.status:
        raise CannotTell(f"engine error: nothing can be spoken: {answer.complaint}")
    return str(json.loads(answer.output)["done"]["how"])


def seconds_of(path: Path) -> float:
    """How long a WAV lasts. Raises OSError, wave.Error."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()
