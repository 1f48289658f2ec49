"""Digits as sound: DTMF (ITU-T Q.23) said and heard in band. Only for child processes.

Heard by Q.24: one frequency of each group, together most of what sounds, for 40 ms and more, with a
pause of 20 ms and more between two; voice codecs and gaps by lost packets are allowed for, since
nothing but a digit is listened for.
"""

from __future__ import annotations

import numpy as np

from checks.telephony.audio.sound import RATE, Samples, level_dbm0

# Hz, ITU-T Q.23: the low group names the row of the key pad, the high group its column.
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
PAD = ("123A", "456B", "789C", "*0#D")
# ITU-T Q.24 wants 40 ms of tone and of pause; three times that survives one lost packet.
_SAID, _PAUSED = 0.12, 0.1
# Two tones of this amplitude make about -10 dBm0 together: loud enough for Q.24 receivers, without
# clipping.
_AMPLITUDE = 5000.0
# 30 ms resolve the 73 Hz between 697 and 770 Hz; a step of 10 ms finds a tone of 40 ms whole.
_WINDOW, _HOP = 240, 80
# Q.24 lets the two tones differ by some dB; voice codecs add to that. A factor of 20 is 13 dB of
# power.
_PURE, _TWIST = 0.6, 20.0
# Q.24: a receiver may ignore what is weaker; echoes of our own digits lie below.
_LEAST_DBM0 = -40.0
# Three windows with a step of 10 ms span 50 ms, the shortest tone that Q.24 makes receivers accept
# plus an edge.
_LEAST_WINDOWS = 3


def sound_of(digits: str) -> Samples:
    """The digits one after the other, at about -10 dBm0, a pause before and after each."""
    moment = np.arange(round(_SAID * RATE)) / RATE
    pause = np.zeros(round(_PAUSED * RATE))
    parts = [pause]
    for digit in digits:
        row = next(number for number, line in enumerate(PAD) if digit in line)
        pair = LOW[row], HIGH[PAD[row].index(digit)]
        parts += [
            np.sum([_AMPLITUDE * np.sin(2 * np.pi * tone * moment) for tone in pair], axis=0),
            pause,
        ]
    return np.concatenate(parts).astype(np.float32)


_ANALYSIS = (
    np.exp(-2j * np.pi * np.outer(np.arange(_WINDOW), LOW + HIGH) / RATE)
    * np.hanning(_WINDOW)[:, None]
)


class Tones:
    """Reads digits out of sound as it comes in, from the position `begin` (samples)."""

    def __init__(
        self, begin: int, least_windows: int = _LEAST_WINDOWS, pure: float = _PURE
    ) -> None:
        """`least_windows`: how many in a row make a digit; `pure`: which part of what sounds its
        two tones are, 0 to 1. Stricter than Q.24 where speech may be heard, too.
        """
        self.heard = ""
        self._least_windows, self._pure = least_windows, pure
        self._next = begin
        self._now, self._windows, self._told = "", 0, False

    def hear(self, received: Samples) -> str:
        """Take in all the sound so far; returns every digit heard until now."""
        while self._next + _WINDOW <= len(received):
            self._take(_digit(received[self._next : self._next + _WINDOW], self._pure))
            self._next += _HOP
        return self.heard

    def _take(self, digit: str) -> None:
        if digit != self._now:
            # The same digit twice counts twice only when a window without it lay between (Q.24: a
            # pause).
            self._now, self._windows, self._told = digit, 0, False
        self._windows += 1
        if digit and self._windows >= self._least_windows and not self._told:
            self.heard += digit
            self._told = True


def _digit(window: Samples, pure: float) -> str:
    """The digit in 30 ms of sound; "" for none."""
    if level_dbm0(window) < _LEAST_DBM0:
        return ""
    power = np.square(np.abs(window @ _ANALYSIS))
    row, column = int(power[:4].argmax()), int(power[4:].argmax())
    low, high = float(power[row]), float(power[4 + column])
    # 0.33 is the share of a tone's energy that a Hann window keeps in its peak bin.
    whole = float(np.square(window * np.hanning(_WINDOW), dtype=np.float64).sum()) * _WINDOW * 0.33
    if low + high < pure * whole or max(low, high) > _TWIST * min(low, high):
        return ""
    return PAD[row][column]
