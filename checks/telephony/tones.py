"""Tones: is a stretch of sound a call-progress tone rather than speech, and which frequencies is it made of?

Each 60 ms window (16.7 Hz bins; pairs 40 Hz apart need at least 50 ms) is a tone when at most two narrow peaks hold
nearly all of its power. Names are kept to what the frequencies alone can say: SIT is 950/1400/1800 Hz (ITU-T E.180).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from checks.telephony.sound import RATE, SILENCE_DBM0, Samples, level_dbm0

_WINDOW = 480
_LENGTH = 2048
_PURE = 0.85
_SHARE = 0.6


def tone_in(samples: Samples) -> tuple[int, ...]:
    """The one or two frequencies (Hz, to the nearest 10) that most of the sounding windows consist of; () for none."""
    seen = [
        found for start in range(0, len(samples) - _WINDOW, _WINDOW) if (found := _peaks(samples, start)) is not None
    ]
    tonal = [found for found in seen if found]
    if not seen or len(tonal) < _SHARE * len(seen):
        return ()
    commonest = max(set(tonal), key=tonal.count)
    return commonest if tonal.count(commonest) >= 0.5 * len(tonal) else ()


def _peaks(samples: Samples, start: int) -> tuple[int, ...] | None:
    """None for a silent window, () for one that is no tone."""
    window = samples[start : start + _WINDOW]
    if level_dbm0(window) <= SILENCE_DBM0:
        return None
    power = np.square(np.abs(np.fft.rfft(window * np.hanning(_WINDOW), _LENGTH)))
    total, found = float(power.sum()), []
    for _ in range(2):
        peak = int(power.argmax())
        share = _take(power, peak) / total
        if share > 0.1:
            found.append(round(peak * RATE / _LENGTH / 10) * 10)
    return tuple(sorted(found)) if 1 - float(power.sum()) / total >= _PURE else ()


def _take(power: NDArray[np.float64], peak: int) -> float:
    """Remove the main lobe round a peak and give its power."""
    lobe = slice(max(0, peak - 9), peak + 10)
    taken = float(power[lobe].sum())
    power[lobe] = 0
    return taken


def in_words(frequencies: tuple[int, ...]) -> str:
    """ "a tone of 430+480 Hz"."""
    return f"a tone of {'+'.join(map(str, frequencies))} Hz"
