"""Tones: the stretches of sound that hold a tone rather than speech, and their frequencies.

Windows of 64 ms that at most two narrow peaks hold nearly all the power of are tonal; windows of
one pitch that follow one another are a run, and the run as a whole says its frequencies (pairs 40
Hz apart need at least 50 ms). A run that swells and fades is no tone. A voice has harmonics, and
glides: it makes no runs worth the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.telephony.audio.sound import (
    FULL_SCALE_DBM0,
    NOTHING_DBM0,
    RATE,
    SILENCE_DBM0,
    Samples,
    level_dbm0,
)

# 64 ms: long enough to part 440 and 480 Hz together with the next window, short enough for tones
# of 90 ms.
_WINDOW = 512
# 10 ms, so that a cadence is timed to a tenth of its tolerance.
_STEP = 80
_LENGTH = 2048
_BIN = RATE / _LENGTH
# Padding places a peak to 3.9 Hz, although windows of 64 ms resolve 15.6 Hz.
_LOBE = 9
# A pure tone holds nearly all power of its window in two peaks; vowels hold less than 0.7 there.
_PURE = 0.85
# The same for a whole run, whose windows are pure already: loss within it smears its peaks.
_PURE_WHOLE = 0.75
# A tone stays where it is; a voice glides further within a tenth of a second.
_SAME_HZ = 12.0
# 60 ms of odd windows: a lost packet disturbs every window that it touches.
_ODD_WINDOWS = 6
# The shortest tone of any cadence in the table lasts 165 ms; loss may halve it.
_LEAST_SECONDS = 0.09
# The gap that loss tears into a tone: three packets of 20 ms, and an edge.
_BRIDGED_SECONDS = 0.07
# 16384 points place a peak within 0.5 Hz for the run as a whole.
_FINE = 16384
# Generated tones hold their level; a sung or whistled note swells by more.
_STEADY_DB = 3.0
# Ringback under background noise: what lies 22 dB below the loudest is not the signal.
_BELOW_LOUD_DB = 22.0


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of one tone, in seconds of the sound; the frequencies (Hz) by pitch."""

    began: float
    ended: float
    frequencies: tuple[int, ...]
    level_dbm0: float

    @property
    def seconds(self) -> float:
        """The length of the run, in seconds."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Heard:
    """The runs of a stretch, and how much of what sounds there is in them."""

    runs: tuple[Run, ...]
    share: float
    seconds: float


def listen(samples: Samples) -> Heard:
    """The runs of tone in a stretch of sound, and their share of what sounds."""
    levels = _levels(samples)
    threshold = (
        max(SILENCE_DBM0, float(np.percentile(levels, 98)) - _BELOW_LOUD_DB) if len(levels) else 0.0
    )
    sounding = levels > threshold
    runs = tuple(_runs(samples, sounding)) if sounding.any() else ()
    inside = np.zeros(len(levels), dtype=np.bool_)
    for run in runs:
        inside[max(0, int(run.began * RATE / _STEP) - 1) : int(run.ended * RATE / _STEP) + 2] = True
    share = float((inside & sounding).sum()) / max(1, int(sounding.sum()))
    return Heard(runs, share, len(samples) / RATE)


def in_words(frequencies: tuple[int, ...]) -> str:
    """ "a tone of 430+480 Hz"."""
    return f"a tone of {'+'.join(map(str, frequencies))} Hz"


def _levels(samples: Samples) -> NDArray[np.float64]:
    """The level of each 10 ms, in dBm0."""
    whole = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP)
    power = np.square(whole, dtype=np.float64).mean(axis=1) / 32768.0**2
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12)) + FULL_SCALE_DBM0
    return np.maximum(NOTHING_DBM0, levels)


def _runs(samples: Samples, sounding: NDArray[np.bool_]) -> Iterator[Run]:
    """Stretches of sound without a gap, cut where the pitch changes."""
    for first, last in _stretches(sounding):
        starts = np.arange(first * _STEP, max(first * _STEP + 1, last * _STEP - _WINDOW + 1), _STEP)
        starts = starts[starts + _WINDOW <= len(samples)]
        if not len(starts):
            continue
        pitch = _pitches(samples, starts)
        for begin, end in _of_one_pitch(pitch):
            left = first * _STEP if begin == 0 else int(starts[begin])
            right = last * _STEP if end == len(starts) else int(starts[end - 1]) + _WINDOW
            if run := _run(samples, left, right):
                yield run


def _stretches(sounding: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The stretches that sound, in steps of 10 ms, with short gaps bridged."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], sounding.astype(np.int8), [0]))))
    first = last = -1
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if first >= 0 and (begin - last) * _STEP <= _BRIDGED_SECONDS * RATE:
            last = end
            continue
        if first >= 0:
            yield first, last
        first, last = begin, end
    if first >= 0:
        yield first, last


def _pitches(samples: Samples, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The middle (Hz) of the one or two peaks that make up each window; 0 where it is no tone."""
    pitches = np.zeros(len(starts))
    # 256 windows at a time hold the memory at some 4 MB, however long the call.
    for part in range(0, len(starts), 256):
        chosen = starts[part : part + 256]
        windows = np.stack([samples[start : start + _WINDOW] for start in chosen]) * np.hanning(
            _WINDOW
        )
        power = np.square(np.abs(np.fft.rfft(windows, _LENGTH)))
        total, taken, middle = power.sum(axis=1), np.zeros(len(chosen)), np.zeros(len(chosen))
        for _ in range(2):
            peak = power.argmax(axis=1)
            near = np.abs(np.arange(power.shape[1]) - peak[:, None]) <= _LOBE
            share = (power * near).sum(axis=1)
            taken, middle = taken + share, middle + share * peak * _BIN
            power = power * ~near
        pure = taken >= _PURE * np.maximum(total, 1e-9)
        pitches[part : part + 256] = np.where(pure, middle / np.maximum(taken, 1e-9), 0.0)
    return pitches


def _of_one_pitch(pitch: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Windows that follow one another and agree; a few odd ones in between (loss, an edge) are
    passed over.
    """
    begin, at, odd = 0, 0.0, 0
    for index, one in enumerate(pitch.tolist()):
        if one > 0 and (at == 0 or abs(one - at) <= _SAME_HZ):
            begin, at, odd = (index if at == 0 and odd else begin), at or one, 0
            continue
        odd += 1
        if odd > _ODD_WINDOWS:
            if at > 0:
                yield begin, index - odd + 1
            begin, at = index + 1, 0.0
    if at > 0:
        yield begin, len(pitch) - odd


def _run(samples: Samples, left: int, right: int) -> Run | None:
    """The run of a stretch of one pitch; None if it is no tone."""
    part = samples[left:right]
    if len(part) < _LEAST_SECONDS * RATE or not _steady(part):
        return None
    frequencies = _frequencies(part)
    return Run(left / RATE, right / RATE, frequencies, level_dbm0(part)) if frequencies else None


def _frequencies(part: Samples) -> tuple[int, ...]:
    """The peaks that hold nearly all of it; () where they do not."""
    # One second from the middle: the edges hold the switching of the generator.
    part = part[len(part) // 2 - min(len(part), RATE) // 2 :][: min(len(part), RATE)]
    power = np.square(np.abs(np.fft.rfft(part * np.hanning(len(part)), _FINE)))
    # The main lobe of a Hann window is four bins of the unpadded transform wide.
    width = int(2.2 * _FINE / len(part)) + 1
    total, left, found = float(power.sum()), 1.0, []
    for _ in range(4):
        peak = int(power.argmax())
        lobe = slice(max(0, peak - width), peak + width + 1)
        share = float(power[lobe].sum()) / total
        power[lobe] = 0
        left -= share
        if share > 0.06:
            found.append(round(peak * RATE / _FINE))
    return tuple(sorted(found)) if 1 - left >= _PURE_WHOLE and not _is_voiced(found) else ()


def _is_voiced(peaks: list[int]) -> bool:
    """A fundamental with its octave, or a smear of neighbours that is no modulation: as a voice
    makes them.
    """
    low, *rest = sorted(peaks) or [0]
    # A voice has its octave within 3 %; no tone plan pairs a frequency with its octave.
    octave = any(abs(high / low - 2) < 0.06 for high in rest)
    gaps = np.diff(sorted(peaks))
    # Amplitude modulation makes three peaks at equal distances of 16 to 25 Hz.
    smear = len(peaks) > 2 and not (gaps.max() <= 30 and np.ptp(gaps) <= 6)
    return octave or smear or len(peaks) > 3


def _steady(part: Samples) -> bool:
    """Equally loud throughout, looked at by 120 ms (whole periods of the usual modulations)."""
    length = round(0.12 * RATE)
    inner = part[_STEP : len(part) - _STEP]
    if len(inner) < 2 * length:
        return True
    pieces = inner[: len(inner) // length * length].reshape(-1, length)
    power = np.square(pieces, dtype=np.float64).mean(axis=1)
    return bool(
        np.median(np.abs(10 * np.log10(np.maximum(power, 1.0) / np.median(power)))) < _STEADY_DB
    )
