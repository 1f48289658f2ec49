"""Is it the RIGHT prompt? The received sound is cut into short windows; each is looked for in the
reference by normalised correlation, and those that follow one another there as they came count. The
result is the share covered of what sounds in the reference.

Why so: whole-prompt correlation dies at 1 % frame deletion or 100 ppm drift, and fingerprints
cannot tell prompts apart; windows stand loss, deletion, drift, gain, noise and the speech codecs of
the telephone network. What was measured on recorded human voices: `tests/bench/prompts.py`. Only
for child processes (numpy).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from checks.telephony.audio.sound import (
    FRAME,
    RATE,
    SILENCE_DBM0,
    Samples,
    active,
    frame_levels,
    read_wav,
)

# A window of 0.4 s holds a syllable or two, enough to be unique; a longer one would not survive
# frame deletion.
WINDOW = round(0.4 * RATE)
HOP = WINDOW // 2
# Normalised correlation from which a window counts as found: unrelated speech stays below
# (measured by tests/bench/prompts.py).
ALIKE = 0.6
# Share of the reference that must be covered: 5 % packet loss and GSM together leave more than
# this.
ENOUGH = 0.65
# Of three windows two may agree by chance; from four on they do not.
_FEW, _ALIKE_FEW = 4, 0.75
_SLACK = round(0.12 * RATE)
# Two windows belong together when the prompt would have begun at the same moment for both, give or
# take _SLACK, and so much of the time between them: frames are deleted or inserted on the way, and
# jitter buffers run empty or grow.
_STRETCH = 0.08
# Nothing of a prompt may be missing for longer than this within it; a longer gap is another
# playing of it.
_APART = 4 * RATE
# 2 s of sound: blocks overlap by one window, so that shorter ones would compute more overlap than
# sound.
_BLOCK = 16384
# A batch of 32 windows holds some 8 MB at a time, however long the call.
_BATCH = 32
# Four loud windows decide whether a prompt of a library is worth a whole search.
_SCOUTS = 4


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
    """How much of a reference was heard, and where.

    `coverage` and `score` (mean likeness of the windows) are 0 to 1; `begins` and `ends` are
    received samples, `reached` is how far in the reference.
    """

    coverage: float
    score: float
    begins: int
    ends: int
    windows: int
    reached: int = 0

    @property
    def whole(self) -> bool:
        """Whether this is the prompt. Few windows may agree by chance: they must be more alike."""
        few = self.windows < _FEW
        return (
            self.coverage >= ENOUGH and self.windows >= 2 and (not few or self.score >= _ALIKE_FEW)
        )


NOTHING = Match(0.0, 0.0, 0, 0, 0)


class Reference:
    """A prompt to look for, prepared once."""

    def __init__(self, name: str, samples: Samples) -> None:
        self.name = name
        self.length = len(samples)
        self._samples = np.asarray(samples, dtype=np.float32)
        self._sounding = np.repeat(active(samples), FRAME)
        self._edge = WINDOW // 2

    @classmethod
    def read(cls, path: Path) -> Reference:
        """Read a reference from a WAV; its name is the file name. Raises as `read_wav` does."""
        return cls(path.name, read_wav(path))

    @property
    def seconds(self) -> float:
        """The length of the reference, in seconds."""
        return self.length / RATE

    @property
    def sounds_to(self) -> int:
        """Where its last sound ends, in samples."""
        sounding = np.flatnonzero(self._sounding)
        return int(sounding[-1]) + 1 if len(sounding) else 0

    def find(self, windows: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Where each window (row) fits best, in samples of the reference, and how well."""
        best, at = np.full(len(windows), -1.0), np.zeros(len(windows), dtype=np.int64)
        own = np.sqrt(np.maximum(1e-9, np.square(windows, dtype=np.float64).sum(axis=1)))
        sought = np.conj(np.fft.rfft(windows, _BLOCK))
        spectra, scale = self._blocks
        step = scale.shape[1]
        for number, (spectrum, inverse) in enumerate(zip(spectra, scale, strict=True)):
            likeness = np.fft.irfft(sought * spectrum, _BLOCK)[:, :step] * inverse
            here = likeness.argmax(axis=1)
            score = likeness[np.arange(len(windows)), here] / own
            better = score > best
            best[better], at[better] = score[better], here[better] + number * step
        return at - self._edge, best

    @cached_property
    def _blocks(self) -> tuple[NDArray[np.complexfloating], NDArray[np.float32]]:
        """The spectra of overlapping blocks, and for each position in them one over the strength of
        the window there: a stretch that hardly sounds would match anything, so its strength is held
        up.
        """
        # A prompt of minutes is not transformed as a whole: blocks overlap by a window, so that no
        # place is missed.
        padded = np.pad(self._samples, (self._edge, self._edge + WINDOW))
        step = _BLOCK - WINDOW + 1
        number = max(1, -(-(len(padded) - WINDOW + 1) // step))
        padded = np.pad(padded, (0, max(0, (number - 1) * step + _BLOCK - len(padded))))
        energy = np.concatenate(([0.0], np.cumsum(np.square(padded, dtype=np.float64))))
        energies = energy[WINDOW:] - energy[:-WINDOW]
        # A stretch that hardly sounds would match anything once it is divided by its own strength.
        inverse = 1 / np.sqrt(np.maximum(energies, max(1.0, float(energies.max()) * 1e-3)))
        blocks = np.stack([padded[block * step : block * step + _BLOCK] for block in range(number)])
        scale = np.asarray(inverse[: number * step].reshape(number, step), dtype=np.float32)
        return np.fft.rfft(blocks), scale

    def covered(self, hits: Sequence[Hit]) -> float:
        """Share of what sounds in the reference that the hits cover."""
        marked = np.zeros(len(self._sounding), dtype=np.bool_)
        for hit in hits:
            marked[max(0, hit.reference_at) : max(0, hit.reference_at + WINDOW)] = True
        sounding = int(self._sounding.sum())
        return float((marked & self._sounding).sum()) / sounding if sounding else 0.0


class Hearing:
    """Looks for one reference in sound as it comes in. `begin` is the received position (samples)
    to listen from.
    """

    def __init__(self, reference: Reference, begin: int) -> None:
        self.reference = reference
        self._next = begin
        # The received sound is looked at in steps of half a window: each moment lies in two
        # windows.
        self.hits: list[Hit] = []
        self.sounding_windows = 0

    def hear(self, received: Samples) -> Match:
        """Take in all the sound so far (from received position 0) and say how much of the reference
        it holds.
        """
        last = len(received) - WINDOW
        fresh = [
            start
            for start in range(self._next, last + 1, HOP)
            if _sounds(received[start : start + WINDOW])
        ]
        self.sounding_windows += len(fresh)
        for first in range(0, len(fresh), _BATCH):
            starts = fresh[first : first + _BATCH]
            found, scores = self.reference.find(_cut(received, starts))
            heard = zip(starts, found.tolist(), scores.tolist(), strict=True)
            self.hits += [Hit(start, at, score) for start, at, score in heard if score > ALIKE]
        if last >= self._next:
            self._next += (last - self._next) // HOP * HOP + HOP
        return self.match()

    def match(self) -> Match:
        """The best agreement among the windows found so far."""
        together = _following(self.hits)
        if not together:
            return NOTHING
        return Match(
            coverage=self.reference.covered(together),
            score=float(np.mean([hit.score for hit in together])),
            begins=int(np.median([hit.begins for hit in together])),
            ends=max(hit.received_at + WINDOW for hit in together),
            windows=len(together),
            reached=max(hit.reference_at + WINDOW for hit in together),
        )

    def share(self) -> float:
        """Share of the windows with sound in them that belong to the reference: for a prompt that
        was cut short.
        """
        return self.match().windows / self.sounding_windows if self.sounding_windows else 0.0


def closest(
    received: Samples,
    begin: int,
    others: Sequence[Reference],
    # The library is asked only until a decision is due: the answer may then be "unknown", never
    # late.
    in_time: Callable[[], bool] = lambda: True,
) -> str | None:
    """The name of the reference that the sound from `begin` mostly consists of, if it does of any.
    What is not looked at while `in_time` is left out.
    """
    heard = []
    for other in others:
        if not in_time() or not _may_be(received, begin, other):
            continue
        hearing = Hearing(other, begin)
        match = hearing.hear(received)
        # A whole prompt, or at least a second that mostly is one (it was cut short by a digit, or
        # by the end of the call).
        if match.whole or (match.windows * HOP >= RATE and hearing.share() >= 0.5):
            heard.append((match.windows, other.name))
    return max(heard)[1] if heard else None


def _may_be(received: Samples, begin: int, other: Reference) -> bool:
    """Whether any of a few loud windows is in it: a library of prompts is gone through quickly."""
    starts = list(range(begin, len(received) - WINDOW + 1, HOP))
    if len(starts) <= 2 * _SCOUTS:
        return True
    loudness = [float(np.square(received[start : start + WINDOW]).sum()) for start in starts]
    spread = np.array_split(np.arange(len(starts)), _SCOUTS)
    scouts = [starts[max(part.tolist(), key=loudness.__getitem__)] for part in spread]
    return bool((other.find(_cut(received, scouts))[1] > ALIKE).any())


def _cut(received: Samples, starts: Sequence[int]) -> NDArray[np.float32]:
    return np.stack([received[start : start + WINDOW] for start in starts]).astype(np.float32)


def _sounds(window: Samples) -> bool:
    """At least a fifth of the window is above silence: less is a click or the last breath of a
    word.
    """
    # Less than a fifth of a window is a click, or the last breath of a word.
    return float((frame_levels(window) > SILENCE_DBM0).mean()) >= 0.2


def _following(hits: Sequence[Hit]) -> list[Hit]:
    """The longest run of hits that follow one another in the reference as they came, a little
    stretched or shrunk.
    """
    if not hits:
        return []
    came = np.array([hit.received_at for hit in hits])
    begins = np.array([hit.begins for hit in hits])
    length, before = np.ones(len(hits), dtype=np.int64), np.full(len(hits), -1)
    for index in range(1, len(hits)):
        gap = came[index] - came[:index]
        # Quadratic in the hits, of which a minute of speech makes some 300.
        fits = (np.abs(begins[index] - begins[:index]) <= _SLACK + _STRETCH * gap) & (gap <= _APART)
        if fits.any():
            best = int(np.where(fits, length[:index], 0).argmax())
            length[index], before[index] = length[best] + 1, best
    chain = [int(length.argmax())]
    while before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    return [hits[index] for index in reversed(chain)]
