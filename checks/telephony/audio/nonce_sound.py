"""A nonce that one side of a call plays and the other must hear.

Who hears it is on this very call, and hears this very side.

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

# Hz. The spacing leaves each tone at least 40 Hz from its neighbour, so that windows of 80 ms part
# them.
FREQUENCIES = (520, 580, 1040, 1080, 1740, 1870, 1990, 2190, 2500, 2710, 2840, 2970)
SYMBOLS = tuple(combinations(range(len(FREQUENCIES)), 2))
# Two of ten symbols may be lost to packet loss and concealment.
NEEDED = 8
# Samples in 80 ms: two lost packets of 20 ms leave half of a symbol.
SYMBOL = 640
# A step that shares no factor with the 66 symbols visits all of them: no two of the 16 rounds are
# alike.
ROUNDS, STEP = 16, 7
# Samples of all rounds, 12.8 s: a delay is told without ambiguity up to that long.
PERIOD = ROUNDS * LENGTH * SYMBOL
# A quarter of a symbol: one of four windows lies wholly inside it.
_HOP = 160
_AMPLITUDE = 4000.0
# Noise shares its power among all bins; what a codec leaves of two tones is well above.
_PURE = 0.4
# So many different symbols out of ten in a row make a nonce, whosoever it is: a held tone or music
# repeats a few.
_NOBODY = 6


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
    """The sound of all rounds of a nonce, at about -13 dBm0."""
    return np.concatenate([_wave(symbol) for symbol in sequence(nonce)])


def _wave(symbol: int) -> Samples:
    time = np.arange(SYMBOL) / RATE
    # Edges of 3 ms keep the switch between symbols from clicking, which would spread over all
    # frequencies.
    edge = np.minimum(1.0, np.minimum(np.arange(SYMBOL), np.arange(SYMBOL)[::-1]) / 24)
    low, high = SYMBOLS[symbol]
    wave = np.sin(2 * np.pi * FREQUENCIES[low] * time) + np.sin(
        # -13 dBm0 stays below the level at which a network's limiter, or an echo suppressor, acts.
        2 * np.pi * FREQUENCIES[high] * time
    )
    return np.asarray(_AMPLITUDE * wave * edge, dtype=np.float32)


class Listener:
    """Listens for one nonce in sound as it comes in, from the position `begin` (samples)."""

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

    # A caller may have missed the beginning: any ten symbols in a row may match any place in the
    # rounds.
    def _found(self) -> Place | None:
        """The place of the nonce; looks only at the windows that are new since the last call."""
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
        # The windows around describe the same symbols: the best one is in step with them.
        near = agreed[good[0] : good[0] + steps]
        row, symbol = np.unravel_index(int(near.argmax()), near.shape)
        return Place(self._begin + (self._judged + int(good[0]) + int(row)) * _HOP, int(symbol))


def _stretches(nonce: Sequence[int]) -> NDArray[np.int64]:
    """Every stretch of ten symbols in a row, one row for each first symbol."""
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
    # What two pure tones would hold after the Hann window.
    whole = float(np.square(window, dtype=np.float64).sum()) * SYMBOL / 8
    # A symbol has two tones of equal strength; 13 dB of twist is more than a voice codec makes.
    if power[first] + power[second] < _PURE * whole or power[second] < 0.05 * power[first]:
        return -1
    low, high = sorted((int(first), int(second)))
    return SYMBOLS.index((low, high))
