"""Recordings as a mail carries them: an MP3 beside each long WAV, made once, by a process of its
own. Where that cannot be (no PyAV for this Python, a full disk), the WAV goes, as far as it fits.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from checks.process.parent import answered, python

log = logging.getLogger("reveille.desks")
# Below it a process of half a second saves less than a page of text weighs.
_WORTH_BYTES = 200_000
# A minute of sound takes 0.8 s on a busy host; a letter does not wait for an hour of it.
_WITHIN_SECONDS = 20.0


def small(wav: Path) -> Path:
    """Where the MP3 of a recording lies, if there is one."""
    return wav.with_suffix(".mp3")


async def made_small(recordings: Iterable[Path]) -> None:
    """Have an MP3 beside each of these that is long; what cannot be made is left, and said."""
    wanted = await asyncio.to_thread(_long, list(recordings))
    for wav in wanted if find_spec("av") else ():
        job = json.dumps({"wav": str(wav), "mp3": str(small(wav))}).encode()
        try:
            answer = await answered(python("monitor.desks.small_sound_child"), job, _WITHIN_SECONDS)
        except (OSError, ValueError, TimeoutError) as problem:
            why = type(problem).__name__
        else:
            why = "".join(answer.complaint.splitlines()[-1:]) if answer.status else ""
        if why:
            log.warning("action=not_made_small file=%s %s", wav.name, why)


def _long(recordings: Iterable[Path]) -> list[Path]:
    return [one for one in recordings if not small(one).exists() and _size(one) >= _WORTH_BYTES]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
