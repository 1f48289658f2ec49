"""Calls that are answered and are not: a tone of the network, a fax or somebody's voicemail behind
a 200 OK; and sound that is spoilt on its way: frozen, choppy, clipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from lab.injected_faults import Faults
from lab.pbx import tones
from lab.pbx.g711 import RATE, SILENCE, Law, decode_one, encoding, frames, recording

# Two seconds: the prompt is known by then, and only then goes wrong.
FROZEN_AFTER = 100
# Of six frames two are cut out: a third of what sounds, in holes of 40 ms that no concealment
# fills.
_CUT, _OF = 2, 6
# 24 dB: speech at -20 dBFS is far beyond the end of the scale.
_GAIN = 16
# A second and a half of somebody's greeting, as long as a hurried one is.
_GREETING_FRAMES = 75
# -21 dBFS: as loud as the tones of a network (ITU-T E.180: -10 +- 5 dBm0 and less at the far end).
_PEAK = 3000

Frames = tuple[bytes, ...]


def _tone(law: Law, *parts: tuple[float, float]) -> Frames:
    """(Hz, seconds) one after the other; 0 Hz is silence."""

    def samples() -> Iterator[int]:
        for hertz, seconds in parts:
            for n in range(round(seconds * RATE)):
                yield int(_PEAK * math.sin(2 * math.pi * hertz * n / RATE)) if hertz else 0

    return frames(samples(), law)


@cache
def busy(law: Law) -> Frames:
    """As in India: 400 Hz, 0.75 s on and off."""
    return _tone(law, (400, 0.75), (0, 0.75)) * 20


@cache
def congestion(law: Law) -> Frames:
    """As in India: 400 Hz, 0.25 s on and off."""
    return _tone(law, (400, 0.26), (0, 0.26)) * 60


@cache
def intercept(law: Law) -> Frames:
    """Special information tones (E.180), then silence, as of an announcement that was lost."""
    return _tone(law, (0, 0.4), (950, 0.34), (1400, 0.34), (1800, 0.34), (0, 30))


@cache
def fax(law: Law) -> Frames:
    """CED: 2100 Hz for three seconds (ITU-T T.30)."""
    return _tone(law, (0, 0.6), (2100, 3), (0, 30))


def voicemail(law: Law, prompts: Path) -> Frames:
    """A short greeting, a beep, silence."""
    greeting = recording(prompts / "opening-hours.wav", law)[:_GREETING_FRAMES]
    return greeting + _tone(law, (0, 0.3), (1000, 0.4), (0, 30))


def instead(faults: Faults, law: Law, prompts: Path) -> Frames | None:
    """What is behind the answer instead of the IVR; None when it is the IVR."""
    made: Mapping[str, Callable[[], Frames]] = {
        "false-answer-ringback": lambda: tones.ringback(law) * 8,
        "false-answer-busy": lambda: busy(law),
        "false-answer-congestion": lambda: congestion(law),
        "false-answer-sit": lambda: intercept(law),
        "fax": lambda: fax(law),
        "voicemail": lambda: voicemail(law, prompts),
    }
    return next((make() for name, make in made.items() if faults.broken(name)), None)


def spoilt(faults: Faults, law: Law, sound: Iterator[bytes]) -> Iterator[bytes]:
    """The sound as it comes out of a bad line; each fault is asked for with every frame."""
    louder, kept = _clipping(law), b""
    for number, frame in enumerate(sound):
        # Frozen in mid-word: a pause that repeats would only be silence, which is another fault.
        if faults.broken("frozen") and number >= FROZEN_AFTER and (kept or _is_loud(frame, law)):
            kept = frame = kept or frame  # noqa: PLW2901 - what comes is replaced by what was
        if faults.broken("choppy") and number % _OF < _CUT:
            yield SILENCE[law]
        else:
            yield frame.translate(louder) if faults.broken("clipped") else frame


def _is_loud(frame: bytes, law: Law) -> bool:
    """Whether a frame is speech, and no pause between two words."""
    return max((abs(decode_one(law, code)) for code in frame), default=0) > _PEAK


@cache
def _clipping(law: Law) -> bytes:
    table = encoding(law)
    louder = (max(-32768, min(32767, _GAIN * decode_one(law, code))) for code in range(256))
    return bytes(table[(value >> 2) & 0x3FFF] for value in louder)
