"""What is heard in a prompt's stead: a known prompt, or the nature of the sound as a code.

Only for child processes (numpy).
"""

from __future__ import annotations

import time
import wave
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path

from checks.telephony.audio import classification, prompt
from checks.telephony.audio.sound import RATE, Samples

# The phone must answer an order within ten seconds: a large library is searched in part.
_LIBRARY_SECONDS = 4.0


# 512 prompts of ten seconds hold some 160 MB of samples; a script has few.
@lru_cache(maxsize=512)
def reference(path: str) -> prompt.Reference:
    """A prompt to look for, read once. Raises OSError, ValueError, wave.Error."""
    return prompt.Reference.read(Path(path))


def readable(path: str) -> prompt.Reference | None:
    """A prompt of a library, if it is one."""
    try:
        return reference(path)
    # A library may hold files that are no prompts: they are passed over.
    except (OSError, ValueError, EOFError, wave.Error):
        return None


def known(samples: Samples, paths: Iterable[str], wanted: Collection[str]) -> str | None:
    """Which of the known prompts the sound is; `wanted` are names that were searched already.

    A library that is too large to be gone through in time is gone through in part.
    """
    enough, found = time.monotonic() + _LIBRARY_SECONDS, list[prompt.Reference]()
    for path in dict.fromkeys(paths):
        if Path(path).name not in wanted and time.monotonic() < enough and (one := readable(path)):
            found.append(one)
    return prompt.closest(samples, 0, found, lambda: time.monotonic() < enough)


def named(
    samples: Samples, country: str | None, answered: bool, something_heard: bool
) -> tuple[str, str]:
    """A code and words for sound that is no known prompt.

    `answered` says that it all follows the answer, `something_heard` that a prompt or a nonce was
    recognised before.
    """
    found = classification.nature_of(samples, country)
    # A tone before the answer is ringback, and no false answer. After a prompt was heard somebody
    # did answer: the same tone is then a fault of the way.
    if found.is_false_answer and answered:
        return f"{'tone' if something_heard else 'false-answer'}:{found.kind}", found.words
    if found.kind in ("silence", "nothing"):
        return "silent", f"no sound for {len(samples) / RATE:.1f} s"
    if found.kind in ("unknown", *classification.FALSE_ANSWERS, "tone"):
        return "unknown-prompt", found.words
    return {"music": "music-on-hold"}.get(found.kind, found.kind), found.words
