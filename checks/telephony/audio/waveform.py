"""What a call sounded like, small enough for a page: envelopes and levels as numbers. Only for
child processes.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from checks.telephony.audio.recording import Recording
from checks.telephony.audio.sound import FRAME, RATE, SILENCE_DBM0, Samples, frame_levels

# The width in pixels that a page gives a call, so that each column is one pixel.
COLUMNS = 560
_LOUDEST = 32768.0


def track(recording: Recording) -> dict[str, Any]:
    """One direction: when it began (monotonic seconds), its length, its lowest and highest sample
    in each of at most COLUMNS equal stretches (in thousandths of full scale), and its loudest level
    (dBm0) in each.
    """
    samples = recording.samples
    columns = max(1, min(COLUMNS, len(samples) // FRAME))
    whole = len(samples) // columns * columns
    low, high = _envelope(samples[:whole], columns)
    return {
        "began": recording.started_at,
        "seconds": round(len(samples) / RATE, 3),
        "low": low,
        "high": high,
        "levels": _levels(samples, columns),
    }


def _envelope(samples: Samples, columns: int) -> tuple[list[int], list[int]]:
    if not len(samples):
        return [0] * columns, [0] * columns
    stretches = samples.reshape(columns, -1) * (1000 / _LOUDEST)
    return [round(float(v)) for v in stretches.min(axis=1)], [
        round(float(v)) for v in stretches.max(axis=1)
    ]


def _levels(samples: Samples, columns: int) -> list[int]:
    levels = frame_levels(samples)
    if not len(levels):
        return [round(SILENCE_DBM0)] * columns
    edges = np.linspace(0, len(levels), columns + 1).astype(int)
    return [round(float(levels[a : max(b, a + 1)].max())) for a, b in pairwise(edges)]
