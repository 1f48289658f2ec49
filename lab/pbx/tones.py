"""What a caller hears while nobody speaks: ringback as in India (ITU-T E.180 Supplement 2), and
music on hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

from lab.pbx.g711 import RATE, Law, frames

# (seconds, on): India's ringing tone in the list of ITU-T E.180 Supplement 2.
_CADENCE = ((0.4, True), (0.2, False), (0.4, True), (2.0, False))
# Hz, half a second each. A tune of our own, so that nobody's licence is needed.
_TUNE = (392.0, 493.88, 587.33, 493.88, 440.0, 523.25, 659.26, 523.25)


@cache
def ringback(law: Law) -> tuple[bytes, ...]:
    """400 Hz modulated by 25 Hz, 0.4 on, 0.2 off, 0.4 on, 2.0 off; -15 dBm0 or so."""

    def samples() -> Iterator[int]:
        for seconds, on in _CADENCE:
            for n in range(int(seconds * RATE)):
                swell = (1 + math.cos(2 * math.pi * 25 * n / RATE)) / 2
                yield int(5000 * swell * math.sin(2 * math.pi * 400 * n / RATE)) if on else 0

    return frames(samples(), law)


@cache
def music(law: Law) -> tuple[bytes, ...]:
    """Four seconds of a plain tune of our own, each note fading."""

    def samples() -> Iterator[int]:
        for pitch in _TUNE:
            for n in range(RATE // 2):
                fade = math.exp(-3 * n / RATE)
                # One overtone: a single sine would pass for a tone of the network.
                wave = math.sin(2 * math.pi * pitch * n / RATE) + 0.3 * math.sin(
                    4 * math.pi * pitch * n / RATE
                )
                yield int(3500 * fade * wave)

    return frames(samples(), law)
