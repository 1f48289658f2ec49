"""How late sound is, to about a millisecond: when it was said, when it was heard, and how long our
own jitter buffer held it. Only for the process of a call leg; what both legs of a call tell is
compared in `proof.py`.

* The clock of a recording: the engine hands 12 frames (3840 bytes) at a time to the C library,
  which writes whole blocks of 4096 bytes; so the moment at which a file grows tells when its first
  sample was. The earliest of several such moments is right, all others are late by what this
  process was slow to look. Where they disagree (another engine, another build) there is no clock,
  and no delay is told rather than a wrong one.
* The jitter buffer, by Little's law: the mean number of frames in it, times their length, is how
  long each was held.
* Where a nonce is in a recording: the peak of its correlation with what it should sound like.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from checks.telephony.audio import nonce_sound
from checks.telephony.audio.nonce import LENGTH
from checks.telephony.audio.nonce_sound import PERIOD, SYMBOL, Listener, Place
from checks.telephony.audio.recording import Recording
from checks.telephony.audio.sound import RATE, Samples

# Bytes of the engine's WAV header, and of what it hands on at once: 240 ms.
_HEADER, _HANDED = 44, 3840
_HANDED_SECONDS = 0.24
# Twelve moments are three seconds of recording.
_KEPT = 12
# Of two that disagree nobody knows which is late.
_FEWEST = 3
# Half of what a delay is told to, twice over: 12 ms of two clocks.
_AGREED_SECONDS = 0.006
# A whole round of ten symbols, 0.8 s.
_WINDOW = LENGTH * SYMBOL
_STRIDE = _WINDOW // 2
# 60 ms around the place that the symbols gave: they are known to a quarter of a symbol.
_MARGIN = 480
# A stretch of the nonce through a low-rate codec correlates at 0.4; noise below 0.1.
_LIKE = 0.25
# Windows of 0.8 s, each half over the one before.
_WANTED = 4
# A jitter buffer that grows or shrinks within a window makes its delay meaningless.
_STEADY_MS = 4.0
# 60 ms hold whole frames of 10, 20 and 30 ms.
_TURN_SECONDS = 0.06


class Clock:
    """When the first sample of a growing recording was, by the moments at which its file grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = -1
        self._seen: deque[float] = deque(maxlen=_KEPT)

    def look(self) -> None:
        """To be called every millisecond or so."""
        try:
            size = self._path.stat().st_size
        except OSError:
            # The first sight of the file tells nothing: it may have grown before.
            return
        if self._size not in (-1, size):
            # Rounded up: the C library writes whole blocks of 4096 bytes, the engine hands on
            # 3840.
            handed = -(-(size - _HEADER) // _HANDED)
            self._seen.append(time.monotonic() - handed * _HANDED_SECONDS)
        self._size = size

    @property
    def zero(self) -> float | None:
        """Monotonic seconds of the first sample; None while it is not known."""
        # The earliest of them is right: a look can be late, and never early.
        seen = sorted(self._seen)
        if len(seen) < _FEWEST or seen[len(seen) // 2] - seen[0] > _AGREED_SECONDS:
            return None
        return seen[0]


class Holding:
    """How much was in the jitter buffer over time."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=20_000)

    def look(self, buffered_ms: float) -> None:
        """To be called every millisecond or so."""
        self._seen.append((time.monotonic(), buffered_ms))

    def mean_ms(self, since: float, until: float) -> float | None:
        """How long a frame was held between two moments, milliseconds; None where nobody looked.

        The median of turns of 60 ms, in which whole frames of 10, 20 and 30 ms come and go: a lost
        packet is missing from the buffer for a while, but from few of the turns.
        """
        seen = np.array([one for one in self._seen if since <= one[0] <= until])
        # A gap in the looks is a stand-still of this process: no mean is told for it.
        if len(seen) < 2 or seen[-1, 0] - seen[0, 0] < 0.8 * (until - since):
            return None
        held = np.concatenate(([0.0], np.cumsum(seen[:-1, 1] * np.diff(seen[:, 0]))))
        turns = np.arange(seen[0, 0], seen[-1, 0], _TURN_SECONDS)
        return float(np.median(np.diff(np.interp(turns, seen[:, 0], held))) / _TURN_SECONDS)


class Stopwatch:
    """Times one challenge at one leg: what it says itself, and what it hears."""

    def __init__(
        self,
        order: Mapping[str, Any],
        said: Recording,
        heard: Recording,
        buffered_ms: Callable[[], float | None],
        tell: Callable[..., None],
    ) -> None:
        self._turn: int = order.get("turn", 0)
        self._said, self._heard = said, heard
        self._said_clock, self._heard_clock = Clock(said.path), Clock(heard.path)
        self._holding, self._buffered_ms, self._tell = Holding(), buffered_ms, tell
        self._own = Track(order["say"], said)
        self._theirs = Track(order["expect"], heard)
        self._deadline = time.monotonic() + order["within"]

    def look(self) -> None:
        """Every millisecond or so."""
        self._said_clock.look()
        self._heard_clock.look()
        if (buffered := self._buffered_ms()) is not None:
            self._holding.look(buffered)

    def attend(self) -> bool:
        """Now and then, once the recordings were read on: whether it is over; then
        `challenge-timed` was told.
        """
        self._own.follow(1)
        self._theirs.follow(2 * _WANTED)
        said_at = self._said_at()
        heard = self._heard_at()
        over = time.monotonic() >= self._deadline
        if not over and (said_at is None or len(heard) < _WANTED):
            return False
        self._tell("challenge-timed", turn=self._turn, said_at=said_at, heard=heard)
        return True

    def _said_at(self) -> float | None:
        """When symbol 0 of our own was said."""
        zero = self._said_clock.zero
        if zero is None or not self._own.places:
            return None
        return zero + _first(self._own.places[0]) / RATE

    def _heard_at(self) -> list[tuple[float, float]]:
        """For each stretch in which the buffer was steady: when symbol 0 of theirs would have been
        heard, and how long the buffer held it, milliseconds.
        """
        zero, found = self._heard_clock.zero, []
        if zero is None:
            return []
        for place in self._theirs.places:
            begins = zero + place.position / RATE
            middle, ends = begins + _WINDOW / RATE / 2, begins + _WINDOW / RATE
            parts = [self._holding.mean_ms(begins, middle), self._holding.mean_ms(middle, ends)]
            told = [part for part in parts if part is not None]
            # Both halves must agree, or the buffer was adapting.
            if len(told) == 2 and abs(told[0] - told[1]) <= _STEADY_MS:
                found.append((zero + _first(place) / RATE, sum(told) / 2))
        return found


class Track:
    """Where stretches of a nonce are in a recording, to the sample."""

    def __init__(self, nonce: Sequence[int], recording: Recording) -> None:
        self.places: list[Place] = []
        self._nonce, self._recording = nonce, recording
        self._listener = Listener(nonce, recording.position_at(time.monotonic()))
        self._sound: Samples | None = None
        self._next: Place | None = None

    def follow(self, most: int) -> None:
        """As far as there is sound, and no further than so many stretches."""
        samples = self._recording.samples
        if self._next is None:
            self._next = self._listener.hear(samples)
        while self._next is not None and len(self.places) < most:
            if self._next.position + _WINDOW + _MARGIN > len(samples):
                return
            found = self._pinned(samples, self._next)
            if found is not None:
                self.places.append(found)
            place = found or self._next
            self._next = Place(place.position + _STRIDE, place.symbol + _STRIDE // SYMBOL)

    def _pinned(self, samples: Samples, near: Place) -> Place | None:
        """The exact place of a stretch; None where the sound is too unlike it."""
        if self._sound is None:
            self._sound = nonce_sound.sound_of(self._nonce)
        wanted = np.take(self._sound, np.arange(_WINDOW) + near.symbol * SYMBOL, mode="wrap")
        begins = max(0, near.position - _MARGIN)
        there = samples[begins : near.position + _WINDOW + _MARGIN]
        size = 1 << (len(there) + _WINDOW).bit_length()
        crossed = np.fft.fft(there, size) * np.conj(np.fft.fft(wanted, size))
        # Only delays within the field count; the other half of the circular correlation wraps
        # around.
        crossed[size // 2 :] = 0
        likeness = 2 * np.abs(np.fft.ifft(crossed))[: len(there) - _WINDOW + 1]
        best = int(likeness.argmax())
        loudness = float(np.linalg.norm(there[best : best + _WINDOW]) * np.linalg.norm(wanted))
        # The sound of a far end's comfort noise generator, or of another talker, is unlike it.
        if not loudness or likeness[best] < _LIKE * loudness:
            return None
        return Place(begins + best, near.symbol)


def _first(place: Place) -> int:
    """Where symbol 0 was, or would have been, within the period (samples)."""
    return place.position - (place.symbol * SYMBOL) % PERIOD
