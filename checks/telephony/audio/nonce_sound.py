"""A nonce that one side of a call plays and the other must hear: who hears it is on THIS call, and
hears this side.

Ten symbols of 80 ms, each two of twelve frequencies at once (66 symbols, so one in 10^18 by
chance), make a round. The next round's symbols are all STEP further, so that no two stretches of
the 16 rounds are alike: where one is in them tells how late the sound is, up to 12.8 s. No
frequency lies within 3.5 % of a DTMF one (ITU-T Q.24), nor on the call-progress, SIT, fax
(1100/2100 Hz) and line signalling (2280/2400/2600 Hz) tones, so that no switch acts on them. Two
symbols of ten may be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from checks.telephony.audio.nonce import LENGTH
from checks.telephony.audio.sound import RATE, SILENCE_DBM0, Samples, level_dbm0

FREQUENCIES = (520, 580, 1040, 1080, 1740, 1870, 1990, 2190, 2500, 2710, 2840, 2970)
"""Hz"""
SYMBOLS = tuple(combinations(range(len(FREQUENCIES)), 2))
NEEDED = 8
SYMBOL = 640
"""samples of one symbol: 80 ms"""
ROUNDS, STEP = 16, 7
PERIOD = ROUNDS * LENGTH * SYMBOL
"""samples until the sound begins anew"""
_HOP = 160
_AMPLITUDE = 4000.0
_PURE = 0.4
_NOBODY = 6
"""of ten symbols that follow each other in order: so many make somebody's nonce"""


class Place(NamedTuple):
    """Where a nonce was heard: its symbol number `symbol` (of all rounds) began at the sample
    `position`.
    """

    position: int
    symbol: int


def sequence(nonce: Sequence[int]) -> tuple[int, ...]:
    """The symbols of all rounds."""
    return tuple(
        (symbol + STEP * number) % len(SYMBOLS) for number in range(ROUNDS) for symbol in nonce
    )


def sound_of(nonce: Sequence[int]) -> Samples:
    """All rounds of it, at about -13 dBm0."""
    return np.concatenate([_wave(symbol) for symbol in sequence(nonce)])


def _wave(symbol: int) -> Samples:
    time = np.arange(SYMBOL) / RATE
    edge = np.minimum(1.0, np.minimum(np.arange(SYMBOL), np.arange(SYMBOL)[::-1]) / 24)
    low, high = SYMBOLS[symbol]
    wave = np.sin(2 * np.pi * FREQUENCIES[low] * time) + np.sin(
        2 * np.pi * FREQUENCIES[high] * time
    )
    return np.asarray(_AMPLITUDE * wave * edge, dtype=np.float32)


class Listener:
    """Listens for one nonce in sound as it comes in, from the received position `begin` (samples)."""

    def __init__(self, nonce: Sequence[int], begin: int) -> None:
        self.nonce = tuple(nonce)
        self._next = begin
        self._begin = begin
        self._symbols: list[int] = []
        self._judged = 0
        self._best = 0

    def hear(self, received: Samples) -> Place | None:
        """Take in all the sound so far; the first place where ten symbols in a row were heard, once
        they were.
        """
        while self._next + SYMBOL <= len(received):
            self._symbols.append(_symbol(received[self._next : self._next + SYMBOL]))
            self._next += _HOP
        return self._found()

    def best(self) -> int:
        """The most symbols that any stretch so far got right, of LENGTH."""
        return self._best

    def somebody(self) -> bool:
        """Whether a nonce was heard at all, whosoever it is."""
        heard = np.array(self._symbols, dtype=np.int64)
        steps = SYMBOL // _HOP
        rows = len(heard) - (LENGTH - 1) * steps
        if rows <= 0:
            return False
        picked = np.stack([heard[k * steps : k * steps + rows] for k in range(LENGTH)], axis=1)
        real = (picked >= 0).sum(axis=1)
        kinds = np.array([len(set(row[row >= 0].tolist())) for row in picked])
        return bool(np.any((real >= NEEDED) & (kinds >= _NOBODY)))

    def _found(self) -> Place | None:
        """Only what is new is looked at. A stretch may be joined anywhere in the rounds."""
        steps = SYMBOL // _HOP
        rows = len(self._symbols) - (LENGTH - 1) * steps
        if rows <= self._judged:
            return None
        heard = np.array(self._symbols[self._judged :], dtype=np.int64)
        fresh = rows - self._judged
        picked = np.stack([heard[k * steps : k * steps + fresh] for k in range(LENGTH)], axis=1)
        agreed: NDArray[np.int64] = (picked[:, None, :] == _stretches(self.nonce)[None, :, :]).sum(
            axis=2
        )
        self._best = max(self._best, int(agreed.max()))
        good = np.flatnonzero(agreed.max(axis=1) >= NEEDED)
        if not len(good):
            self._judged = rows
            return None
        near = agreed[
            good[0] : good[0] + steps
        ]  # the stretches of the same symbols: the best one is in step
        row, symbol = np.unravel_index(int(near.argmax()), near.shape)
        return Place(self._begin + (self._judged + int(good[0]) + int(row)) * _HOP, int(symbol))


def _stretches(nonce: Sequence[int]) -> NDArray[np.int64]:
    """Ten symbols in a row, from each symbol on."""
    every = np.array(sequence(nonce), dtype=np.int64)
    return np.stack([np.roll(every, -k) for k in range(LENGTH)], axis=1)


_ANALYSIS = (
    np.exp(-2j * np.pi * np.outer(np.arange(SYMBOL), FREQUENCIES) / RATE)
    * np.hanning(SYMBOL)[:, None]
)


def _symbol(window: Samples) -> int:
    """The symbol in a window; -1 for none."""
    if level_dbm0(window) <= SILENCE_DBM0:
        return -1
    power = np.square(np.abs(window @ _ANALYSIS))
    second, first = np.argsort(power)[-2:]
    whole = (
        float(np.square(window, dtype=np.float64).sum()) * SYMBOL / 8
    )  # what two pure tones would hold
    if power[first] + power[second] < _PURE * whole or power[second] < 0.05 * power[first]:
        return -1
    low, high = sorted((int(first), int(second)))
    return SYMBOLS.index((low, high))
