"""The process that cuts a prompt out of a call's recording (`python -m
checks.telephony.audio.prompt_cutting FOLDER`).

FOLDER holds job.json: the recording (left channel: what was heard), how many of its last seconds
count, whether a digit went before, the silence that ends a prompt, the country. It leaves
prompt.wav (8 kHz, mono, 16-bit), prompt.svg and learned.json.
"""

from __future__ import annotations

import json
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np

from checks.telephony.audio import sound
from checks.telephony.audio.classification import nature_of
from checks.telephony.audio.sound import FRAME, FRAME_SECONDS, RATE, Samples, frame_levels

# 80 ms around the prompt are kept on both sides: a soft consonant lies below the silence
# threshold.
_EDGE_FRAMES = 4
# A switch or a codec's start clicks for less than 80 ms.
_CLICK_FRAMES = 4
# The rest of a prompt that a digit broke off: a far end acts on a digit within about a second.
_REST_SECONDS, _AT_ONCE_SECONDS = 1.6, 1.2
# 100 ms of silence part the old prompt from the new one; within a sentence plosives pause for
# less.
_PAUSE_FRAMES = 5
# The width of a terminal of 80 columns, less the margin.
_COLUMNS = 72
# Picture units of the SVG, which scales to any page.
_WIDTH, _HEIGHT = 720, 120


def learn(folder: Path) -> dict[str, Any]:
    """Do the job; what was learned as plain data. `seconds` is 0 where nothing sounded."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    heard = _heard(Path(job["recording"]))[-round(job["last_seconds"] * RATE) :]
    if job["after_steps"]:
        heard = without_rest(heard)
    prompt = trimmed(heard, job["gap_seconds"])
    nature = nature_of(heard, job["country"])
    if len(prompt):
        sound.write_wav(folder / "prompt.wav", prompt)
        (folder / "prompt.svg").write_text(drawn(prompt), encoding="utf-8")
    return {
        "kind": nature.kind,
        "words": nature.words,
        "seconds": round(len(prompt) / RATE, 2),
        "level_dbm0": round(sound.active_level_dbm0(prompt), 1),
        "sounding_percent": (
            round(100 * float(sound.active(prompt).mean()), 1) if len(prompt) >= FRAME else 0.0
        ),
        "whole": _ends_within(heard, prompt),
        "bars": bars(prompt),
    }


def trimmed(heard: Samples, gap_seconds: float) -> Samples:
    """From the first sound to the silence of `gap_seconds` that follows it, a little more on both
    sides.
    """
    sounding = np.flatnonzero(_without_clicks(sound.active(heard)))
    # A recording in which nothing sounds gives an empty prompt; the caller reports its length.
    if not len(sounding):
        return heard[:0]
    pauses = np.flatnonzero(np.diff(sounding) * FRAME_SECONDS > gap_seconds)
    last = int(sounding[pauses[0]] if len(pauses) else sounding[-1])
    first = max(0, int(sounding[0]) - _EDGE_FRAMES)
    return heard[first * FRAME : (last + 1 + _EDGE_FRAMES) * FRAME]


def without_rest(heard: Samples) -> Samples:
    """Without the rest of the prompt that a digit broke off: what sounds at once, up to the first
    pause.
    """
    frames = sound.active(heard)[: round(_REST_SECONDS / FRAME_SECONDS)]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (~frames).astype(np.int8), [0]))))
    pauses = [
        (b, e)
        for b, e in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        if e - b >= _PAUSE_FRAMES
    ]
    if not pauses or pauses[0][0] * FRAME_SECONDS > _AT_ONCE_SECONDS:
        return heard
    return heard[pauses[0][0] * FRAME :]


def bars(samples: Samples, columns: int = _COLUMNS) -> list[int]:
    """How loud each of so many stretches is, 0 to 8, for a terminal: 50 dB from bottom to top."""
    # Fifty decibels from bottom to top: below that line noise.
    if len(samples) < FRAME:
        return []
    loudest = [
        float(part.max()) for part in np.array_split(frame_levels(samples), columns) if len(part)
    ]
    return [max(0, min(8, round((level + 50) / 50 * 8))) for level in loudest]


def drawn(samples: Samples) -> str:
    """A picture (SVG): the envelope over time, with a mark for each second."""
    columns = min(_WIDTH, max(1, len(samples) // 40))
    middle, scale = _HEIGHT / 2, _HEIGHT / 2 / max(1.0, float(np.abs(samples).max()))
    parts = np.array_split(samples, columns)
    top = [
        f"{x * _WIDTH / columns:.1f},{middle - float(p.max()) * scale:.1f}"
        for x, p in enumerate(parts)
    ]
    low = [
        f"{x * _WIDTH / columns:.1f},{middle - float(p.min()) * scale:.1f}"
        for x, p in enumerate(parts)
    ]
    seconds = "".join(
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{_HEIGHT}" stroke="#ccc"/>'
        for at in np.arange(0, _WIDTH, _WIDTH * RATE / len(samples))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">{seconds}'
        f'<polygon points="{" ".join(top + low[::-1])}" fill="#2563a8"/></svg>\n'
    )


def _without_clicks(
    sounding: np.ndarray[Any, np.dtype[np.bool_]],
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The sounding frames, less those that sound for under 80 ms with nothing near them."""
    near = np.convolve(sounding, np.ones(2 * _CLICK_FRAMES + 1), "same")
    return np.asarray(sounding & (near >= _CLICK_FRAMES))


def _ends_within(heard: Samples, prompt: Samples) -> bool:
    """Whether the recording went on, silently, after it: else it may have been cut off."""
    return len(prompt) > 0 and sound.is_silent(heard[-RATE // 2 :], 0.06)


def _heard(path: Path) -> Samples:
    with wave.open(str(path), "rb") as file:
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(
            -1, file.getnchannels()
        )
    return both[:, 0].astype(np.float32)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    (where / "learned.json").write_text(json.dumps(learn(where)), encoding="utf-8")
