"""A nonce that one side of a call plays and the other must hear: who hears it is on THIS call, and hears this side.

Ten symbols of 80 ms, each two of twelve frequencies at once (66 symbols, so one in 10^18 by chance), repeated until
heard. No frequency lies within 3.5 % of a DTMF one (ITU-T Q.24), nor on the call-progress, SIT, fax (1100/2100 Hz)
and line signalling (2280/2400/2600 Hz) tones, so that no switch acts on them. Two symbols of ten may be lost. To
replace it (narrower codecs): keep `nonce.make`, `sound_of`, `Listener`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from checks.telephony.nonce import LENGTH
from checks.telephony.sound import RATE, SILENCE_DBM0, Samples, level_dbm0

FREQUENCIES = (520, 580, 1040, 1080, 1740, 1870, 1990, 2190, 2500, 2710, 2840, 2970)
"""Hz"""
SYMBOLS = tuple(combinations(range(len(FREQUENCIES)), 2))
NEEDED = 8
SYMBOL = 640
"""samples of one symbol: 80 ms"""
_HOP = 160
_AMPLITUDE = 4000.0
_PURE = 0.4


def sound_of(nonce: Sequence[int]) -> Samples:
    """One round of it, at about -13 dBm0."""
    time = np.arange(SYMBOL) / RATE
    edge = np.minimum(1.0, np.minimum(np.arange(SYMBOL), np.arange(SYMBOL)[::-1]) / 24)
    parts = []
    for symbol in nonce:
        low, high = SYMBOLS[symbol]
        wave = np.sin(2 * np.pi * FREQUENCIES[low] * time) + np.sin(2 * np.pi * FREQUENCIES[high] * time)
        parts.append(_AMPLITUDE * wave * edge)
    return np.concatenate(parts).astype(np.float32)


class Listener:
    """Listens for one nonce in sound as it comes in, from the received position `begin` (samples)."""

    def __init__(self, nonce: Sequence[int], begin: int) -> None:
        self.nonce = tuple(nonce)
        self._next = begin
        self._begin = begin
        self._symbols: list[int] = []

    def hear(self, received: Samples) -> int | None:
        """Take in all the sound so far; the received position where a full round began, once it was heard."""
        while self._next + SYMBOL <= len(received):
            self._symbols.append(_symbol(received[self._next : self._next + SYMBOL]))
            self._next += _HOP
        return self._found()

    def best(self) -> int:
        """The most symbols that any stretch so far got right, of LENGTH."""
        agreed = self._agreement()
        return int(agreed.max()) if agreed.size else 0

    def _found(self) -> int | None:
        agreed = self._agreement()
        if not agreed.size or agreed.max() < NEEDED:
            return None
        return self._begin + int(np.argmax(agreed.max(axis=1) >= NEEDED)) * _HOP

    def _agreement(self) -> NDArray[np.int64]:
        """Symbols right, for each beginning (row) and each rotation of the nonce (column): it may be joined midway."""
        steps = SYMBOL // _HOP
        rows = len(self._symbols) - (LENGTH - 1) * steps
        if rows <= 0:
            return np.zeros((0, LENGTH), dtype=np.int64)
        heard = np.array(self._symbols)
        picked = np.stack([heard[k * steps : k * steps + rows] for k in range(LENGTH)], axis=1)
        rotations = np.array([self.nonce[r:] + self.nonce[:r] for r in range(LENGTH)])
        return np.asarray((picked[:, None, :] == rotations[None, :, :]).sum(axis=2))


_ANALYSIS = np.exp(-2j * np.pi * np.outer(np.arange(SYMBOL), FREQUENCIES) / RATE) * np.hanning(SYMBOL)[:, None]


def _symbol(window: Samples) -> int:
    """The symbol in a window; -1 for none."""
    if level_dbm0(window) <= SILENCE_DBM0:
        return -1
    power = np.square(np.abs(window @ _ANALYSIS))
    second, first = np.argsort(power)[-2:]
    whole = float(np.square(window, dtype=np.float64).sum()) * SYMBOL / 8  # what two pure tones would hold
    if power[first] + power[second] < _PURE * whole or power[second] < 0.05 * power[first]:
        return -1
    low, high = sorted((int(first), int(second)))
    return SYMBOLS.index((low, high))
