"""Is it the RIGHT prompt? The received sound is cut into windows of half a second; each is looked for in the reference
by normalised correlation, and those that agree on one beginning count. The result is the share covered of what sounds
in the reference.

Why so: whole-prompt correlation dies at 1 % frame deletion or 100 ppm drift, and fingerprints cannot tell prompts
apart; windows stand loss, deletion, drift, gain and noise. Right prompts reach 0.67 and more in all of these, a
prompt that only shares its first seconds stays at 0.56 or less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from checks.telephony.sound import FRAME, RATE, SILENCE_DBM0, Samples, active, frame_levels, read_wav

WINDOW = RATE // 2
ALIKE = 0.6
"""normalised correlation from which a window counts as found"""
ENOUGH = 0.65
"""share of the reference that must be covered"""
AGREE = round(0.3 * RATE)
"""windows that agree on the prompt's beginning this closely belong together (deleted or inserted frames move it)"""
_SHORT = 3 * RATE


@dataclass(frozen=True, slots=True)
class Hit:
    """One received window found in the reference: both positions in samples."""

    received_at: int
    reference_at: int
    score: float

    @property
    def begins(self) -> int:
        """Where in the received sound the prompt would have begun."""
        return self.received_at - self.reference_at


@dataclass(frozen=True, slots=True)
class Match:
    """How much of a reference was heard: its beginning and end in received samples, and how alike the windows were."""

    coverage: float
    score: float
    begins: int
    ends: int
    windows: int


class Reference:
    """A prompt to look for, prepared once."""

    def __init__(self, name: str, samples: Samples) -> None:
        self.name = name
        self.length = len(samples)
        self.hop = WINDOW if self.length >= _SHORT else WINDOW // 2
        self._sounding = np.repeat(active(samples), FRAME)
        self._edge = WINDOW // 2
        padded = np.pad(samples.astype(np.float64), self._edge)
        self._size = _round_size(len(padded) + WINDOW)
        self._spectrum = np.fft.rfft(padded, self._size)
        energy = np.concatenate(([0.0], np.cumsum(np.square(padded))))
        self._energies = energy[WINDOW:] - energy[:-WINDOW] if len(padded) >= WINDOW else np.zeros(0)

    @classmethod
    def read(cls, path: Path) -> Reference:
        """From a WAV; named by its file name. Raises as `read_wav` does."""
        return cls(path.name, read_wav(path))

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.length / RATE

    def find(self, window: Samples, received_at: int) -> Hit | None:
        """Where the window fits best, if it fits."""
        own = float(np.dot(window, window))
        if not len(self._energies) or own <= 0:
            return None
        crossed = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(window, self._size)), self._size)
        # a stretch of the reference that hardly sounds would match anything: its power is held up
        scale = np.sqrt(np.maximum(self._energies, self._floor) * own)
        likeness = crossed[: len(self._energies)] / scale
        best = int(likeness.argmax())
        score = float(likeness[best])
        return Hit(received_at, best - self._edge, score) if score > ALIKE else None

    @property
    def _floor(self) -> float:
        return max(1.0, float(self._energies.max()) * 1e-3)

    def covered(self, hits: Sequence[Hit]) -> float:
        """Share of what sounds in the reference that the hits cover."""
        marked = np.zeros(len(self._sounding), dtype=np.bool_)
        for hit in hits:
            marked[max(0, hit.reference_at) : max(0, hit.reference_at + WINDOW)] = True
        sounding = int(self._sounding.sum())
        return float((marked & self._sounding).sum()) / sounding if sounding else 0.0


class Hearing:
    """Looks for one reference in sound as it comes in. `begin` is the received position (samples) to listen from."""

    def __init__(self, reference: Reference, begin: int) -> None:
        self.reference = reference
        self._next = begin
        self.hits: list[Hit] = []
        self.sounding_windows = 0

    def hear(self, received: Samples) -> Match:
        """Take in all the sound so far (from received position 0) and say how much of the reference it holds."""
        while self._next + WINDOW <= len(received):
            window = received[self._next : self._next + WINDOW]
            if _sounds(window):
                self.sounding_windows += 1
                if hit := self.reference.find(window, self._next):
                    self.hits.append(hit)
            self._next += self.reference.hop
        return self.match()

    def match(self) -> Match:
        """The best agreement among the windows found so far."""
        together = _agreeing(self.hits)
        if not together:
            return Match(0.0, 0.0, 0, 0, 0)
        return Match(
            coverage=self.reference.covered(together),
            score=float(np.mean([hit.score for hit in together])),
            begins=int(np.median([hit.begins for hit in together])),
            ends=max(hit.received_at + WINDOW for hit in together),
            windows=len(together),
        )

    def share(self) -> float:
        """Share of the windows with sound in them that belong to the reference: for a prompt that was cut short."""
        return self.match().windows / self.sounding_windows if self.sounding_windows else 0.0


def closest(received: Samples, begin: int, others: Sequence[Reference]) -> str | None:
    """The name of the reference that the sound from `begin` mostly consists of, if it does of any."""
    heard = []
    for other in others:
        hearing = Hearing(other, begin)
        match = hearing.hear(received)
        if match.coverage >= ENOUGH or (match.windows * other.hop >= RATE and hearing.share() >= 0.5):
            heard.append((match.windows * other.hop, other.name))
    return max(heard)[1] if heard else None


def _sounds(window: Samples) -> bool:
    """At least a fifth of the window is above silence: less is a click or the last breath of a word."""
    return float((frame_levels(window) > SILENCE_DBM0).mean()) >= 0.2


def _agreeing(hits: Sequence[Hit]) -> list[Hit]:
    """The largest group of hits whose beginnings lie within AGREE of one of them."""
    if not hits:
        return []
    begins: NDArray[np.int64] = np.array([hit.begins for hit in hits])
    near = np.abs(begins[:, None] - begins[None, :]) <= AGREE
    return [hits[int(index)] for index in np.flatnonzero(near[int(near.sum(axis=1).argmax())])]


def _round_size(least: int) -> int:
    """The next size that a Fourier transform is quick at (2^n, 3*2^n or 5*2^n)."""
    return min(factor << max(0, (-(-least // factor) - 1).bit_length()) for factor in (1, 3, 5))
