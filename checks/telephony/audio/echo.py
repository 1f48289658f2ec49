"""The echo of our own sound: stretches of what was said are looked for in what was heard, up to
three quarters of a second later.

An echo is told only when several stretches come back after the same time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from checks.telephony.audio.sound import RATE, Samples, level_dbm0

# Half a second of speech is unique enough to be found by correlation.
_WINDOW = RATE // 2
# A round trip over two satellites and a mobile network stays below; a later return is a recording.
_LATEST = round(0.75 * RATE)
# Softer stretches drown in comfort noise.
_LOUD_DBM0 = -40.0
# Unrelated speech correlates below 0.3; an echo suppressor leaves a distorted return above this.
_ALIKE = 0.5
# Eight stretches decide it, however long the call: each costs a Fourier transform.
_STRETCHES = 8
# The path of an echo is fixed, but for the jitter buffers on it: on a host with twenty busy
# programs the stretches of one call came back within 30 ms of one another (6 of 6 calls; 10 ms
# when calm).
_AGREE = round(0.06 * RATE)
# Of eight stretches two came back where the sound stood still in places (3.4 % of the call), four
# to seven else; of healthy calls, whoever was answered by the same tones, one at most.
_LEAST_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Echo:
    """An echo: its delay (milliseconds) and its loss (dB) against what was said."""

    delay_ms: float
    loss_db: float


def echo_of(said: Samples, heard: Samples) -> Echo | None:
    """The echo of `said` in `heard`; both begin at the same moment."""
    starts = [
        start
        for start in range(0, min(len(said), len(heard) - _LATEST) - _WINDOW, _WINDOW)
        if level_dbm0(said[start : start + _WINDOW]) > _LOUD_DBM0
    ]
    chosen = [
        starts[int(index)]
        for index in np.linspace(0, len(starts) - 1, min(len(starts), _STRETCHES))
    ]
    found = [hit for start in chosen if (hit := _come_back(said, heard, start))]
    # What comes back once may be the far end repeating a word.
    if len(found) < 2 or len(found) < _LEAST_SHARE * len(chosen):
        return None
    delay = float(np.median([late for late, _ in found]))
    agreeing = [gain for late, gain in found if abs(late - delay) <= _AGREE]
    if len(agreeing) < 2 or len(agreeing) * 2 < len(found):
        return None
    return Echo(round(1000 * delay / RATE, 1), round(-20 * float(np.log10(np.median(agreeing))), 1))


def _come_back(said: Samples, heard: Samples, start: int) -> tuple[int, float] | None:
    """The delay (samples) and gain of a stretch that comes back; None otherwise."""
    sought = said[start : start + _WINDOW].astype(np.float64)
    field = heard[start : start + _WINDOW + _LATEST].astype(np.float64)
    # A power of two beyond both lengths, so that the circular correlation does not wrap around.
    size = 1 << (len(field) + _WINDOW).bit_length()
    crossed = np.fft.irfft(np.fft.rfft(field, size) * np.conj(np.fft.rfft(sought, size)), size)[
        : len(field) - _WINDOW
    ]
    energy = np.concatenate(([0.0], np.cumsum(np.square(field))))
    energies = np.maximum(1.0, energy[_WINDOW:] - energy[:-_WINDOW])[: len(crossed)]
    own = float(np.dot(sought, sought))
    alike = crossed / np.sqrt(energies * own)
    best = int(alike.argmax())
    return (best, float(crossed[best]) / own) if alike[best] >= _ALIKE else None
