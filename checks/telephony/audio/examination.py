"""The sound of a whole call as figures: its nature, how long it sounded, its gaps, clipping, quiet
stretches and echo.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from checks.telephony.audio import sound, texture
from checks.telephony.audio.classification import nature_of
from checks.telephony.audio.echo import echo_of
from checks.telephony.audio.recording import bound
from checks.telephony.audio.sound import FRAME_SECONDS, RATE, Samples

# The echo loss of a call in which no echo is heard: more than any echo that people notice (ITU-T
# G.131), so that every sane limit lets it pass.
NO_ECHO_DB = 60.0
# The last minute: echo cancellers converge, and the end of a call is what its talkers remember.
_ECHO_SECONDS = 60
# A call in which we hardly spoke cannot prove that there is no echo.
_SAID_SECONDS = 2.0


def figures_of(heard: Samples, said: Samples) -> dict[str, float]:
    """The measures of what was heard; the echo's delay only where there is an echo."""
    heard = bound(heard)
    found = {
        "rx_level_dbm0": sound.active_level_dbm0(heard),
        "rx_gap_percent": round(texture.gap_percent(heard), 2),
        "rx_clipped_percent": round(texture.clipped_percent(heard), 2),
    }
    recent = -min(len(said), len(heard), _ECHO_SECONDS * RATE)
    if recent and (echo := echo_of(said[recent:], heard[recent:])):
        found |= {"echo_delay_ms": echo.delay_ms, "echo_loss_db": echo.loss_db}
    elif float(sound.active(said).sum()) * FRAME_SECONDS >= _SAID_SECONDS:
        found["echo_loss_db"] = NO_ECHO_DB
    return found


def examine(heard: Samples, said: Samples, country: str | None) -> dict[str, Any]:
    """What is to be judged: the nature of what was heard, how long it sounded, and the longest that
    both were quiet.
    """
    nature = nature_of(heard, country)
    active = sound.active(bound(heard))
    return {
        "kind": nature.kind,
        "words": nature.words,
        "seconds": round(len(heard) / RATE, 2),
        "active_seconds": round(float(active.sum()) * FRAME_SECONDS, 2),
        "worst_gap_percent": round(texture.worst_gap_percent(bound(heard)), 2),
        "quiet_seconds": round(_longest_quiet(heard, said), 2),
        **figures_of(heard, said),
    }


def _longest_quiet(heard: Samples, said: Samples) -> float:
    """The longest stretch in which neither side made a sound."""
    length = min(len(heard), len(said)) // sound.FRAME
    loud = (sound.active(heard)[:length] | sound.active(said)[:length]).astype(np.int8)
    # A loud frame is put at both ends, so that quiet at the edges counts too.
    edges = np.flatnonzero(np.concatenate(([1], loud, [1])))
    return float(np.diff(edges).max() - 1) * FRAME_SECONDS
