"""The texture of sound, beyond its level: frozen or looped, choppy, clipped, even noise, music.

Each is a number whose threshold stands in classification.py; the thresholds were set so that no
recorded voice comes near one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.telephony.audio.sound import (
    FRAME,
    FRAME_SECONDS,
    SILENCE_DBM0,
    Samples,
    active,
    frame_levels,
)

# Frames: a loop of a second or less is a fault, a longer one (an announcement) may be meant.
_LONGEST_LOOP = 50
# 5 ms: gaps of lost packets begin and end within a frame, since a jitter buffer shifts them.
_CELL = 40
# The lowest steps of G.711: a concealed or lost packet is exactly zero, or nearly so.
_QUIET_PEAK = 16.0
# About -30 dBm0: softer sound around a gap may simply have ended.
_LOUD_RMS = 500.0
# Cells of 5 ms: one lost packet leaves 15 ms at least; beyond 220 ms a speaker may have paused.
_GAP_CELLS = (3, 44)
# Five seconds: bursts of loss are what callers complain of, and a minute's mean hides them.
_STRETCH, _LEAST_SECONDS = 250 * FRAME, 2.0
# 95 % of full scale: codecs and resamplers round the clipped tops off.
_FULL = 31000.0
# Windows of 64 ms, padded to 3.9 Hz a bin for the pitch of music.
_WINDOW, _LENGTH = 512, 2048
# 10 frames later, 200 ms: speech has moved on to another sound, a held chord has not.
_LATER = 10
# Bins 50 to 800 are 195 to 3125 Hz, the part of the telephone band that every codec passes.
_BAND = slice(50, 800)


@dataclass(frozen=True, slots=True)
class Loop:
    """A stretch at the end that repeats itself: its period and its length."""

    period_seconds: float
    seconds: float


def loop(samples: Samples) -> Loop | None:
    """The last stretch that repeats with a period of at most a second, bit by bit, and is not
    silent.
    """
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    if len(frames) < 3 or frame_levels(samples)[-_LONGEST_LOOP:].max(initial=-96.0) <= SILENCE_DBM0:
        return None
    # Hashes of whole frames compare bit by bit: only a machine repeats itself exactly.
    prints = np.array([hash(frame.tobytes()) for frame in frames])
    for period in range(1, min(_LONGEST_LOOP, len(prints) // 3) + 1):
        differs = np.flatnonzero(prints[period:] != prints[:-period])
        run = len(prints) - (int(differs[-1]) + 1 if len(differs) else 0)
        # Three periods at least: two equal frames occur in any speech through a concealing jitter
        # buffer.
        if run >= 3 * period and run > 2:
            return Loop(period * FRAME_SECONDS, run * FRAME_SECONDS)
    return None


def gap_percent(samples: Samples) -> float:
    """Share of the sounding time that is cut out of it: nothing at all, with loud sound right
    before and after.
    """
    cells = samples[: len(samples) // _CELL * _CELL].reshape(-1, _CELL)
    peak = np.abs(cells).max(axis=1, initial=0.0)
    loud = np.sqrt(np.square(cells, dtype=np.float64).mean(axis=1)) >= _LOUD_RMS
    edges = np.flatnonzero(
        np.diff(np.concatenate(([0], (peak <= _QUIET_PEAK).astype(np.int8), [0])))
    )
    cut = 0
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        inside = _GAP_CELLS[0] <= end - begin <= _GAP_CELLS[1]
        if inside and loud[max(0, begin - 2) : begin].any() and loud[end : end + 2].any():
            cut += end - begin
    sounding = float(active(samples).sum()) * FRAME / _CELL
    return 100.0 * cut / (sounding + cut) if cut else 0.0


def worst_gap_percent(samples: Samples) -> float:
    """The same of the worst five seconds in which there is sound enough: what else was heard does
    not make it less.
    """
    starts = range(0, max(1, len(samples) - _STRETCH + 1), _STRETCH // 2)
    stretches = (samples[start : start + _STRETCH] for start in starts)
    heard = (
        part for part in stretches if int(active(part).sum()) * FRAME_SECONDS >= _LEAST_SECONDS
    )
    return max(map(gap_percent, heard), default=0.0)


def clipped_percent(samples: Samples) -> float:
    """Share of the sounding frames in which three samples in a row stand at the same end of the
    scale.
    """
    frames = active(samples)
    if not frames.any():
        return 0.0
    # A wave that is merely loud touches the end of the scale with single samples; a clipped one
    # stays there.
    at_end = (np.abs(samples) >= _FULL) & np.concatenate(([False], samples[1:] == samples[:-1]))
    three = at_end[1:] & at_end[:-1]
    hit = np.zeros(len(frames), dtype=np.bool_)
    hit[np.minimum(np.flatnonzero(three) // FRAME, len(frames) - 1)] = True
    return 100.0 * float((hit & frames).sum()) / float(frames.sum())


def is_even_noise(samples: Samples) -> bool:
    """Hiss: two seconds and more, never louder nor softer, its spectrum flat."""
    levels = frame_levels(samples)
    # Speech and music vary by more than 5 dB within two seconds.
    if len(levels) < 100 or float(np.percentile(levels, 95) - np.percentile(levels, 5)) > 5.0:
        return False
    power = np.square(np.abs(_spectra(samples, FRAME))).mean(axis=0)[_BAND]
    smooth = power.reshape(-1, 10).mean(axis=1)
    flat = float(np.exp(np.log(np.maximum(smooth, 1e-9)).mean()) / smooth.mean())
    # Spectral flatness: white noise is near 1, hum and voices are far below the limit.
    return flat > 0.35


def music_likeness(samples: Samples) -> tuple[float, float]:
    """How alike its spectrum stays over 200 ms, and how often its strongest note holds for 160 ms
    (both 0 to 1).

    Recorded voices: at most 0.56 and 0.06. Music on hold: mostly above 0.55 and 0.1.
    """
    spectra = np.abs(_spectra(samples, FRAME))
    on = np.square(spectra).sum(axis=1) > _LENGTH
    if on.sum() < 5 * _LATER:
        return 0.0, 0.0
    shape = np.log(np.square(spectra[:, _BAND]) + 1)
    shape -= shape.mean(axis=1, keepdims=True)
    pairs = on[:-_LATER] & on[_LATER:]
    now, later = shape[:-_LATER], shape[_LATER:]
    alike = (now * later).sum(axis=1) / np.sqrt(
        (now**2).sum(axis=1) * (later**2).sum(axis=1) + 1e-9
    )
    note = spectra.argmax(axis=1)
    holds = (
        (np.abs(note[4:-4] - note[:-8]) <= 1)
        & (np.abs(note[8:] - note[:-8]) <= 1)
        & on[:-8]
        & on[8:]
    )
    return float(alike[pairs].mean()) if pairs.any() else 0.0, float(holds.sum()) / max(
        1.0, float(on.sum())
    )


def _spectra(samples: Samples, step: int) -> NDArray[np.complexfloating]:
    starts: Sequence[int] = range(0, max(1, len(samples) - _WINDOW + 1), step)
    padded = np.pad(samples, (0, max(0, _WINDOW - len(samples))))
    windows = np.stack([padded[start : start + _WINDOW] for start in starts]) * np.hanning(_WINDOW)
    return np.fft.rfft(windows, _LENGTH)
