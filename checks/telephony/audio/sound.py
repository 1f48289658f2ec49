"""Sound as numbers: 8 kHz mono samples as float32 in the 16-bit range, levels in dBm0. Only for
child processes.

Level: 0 dBm0 is 3.14 dB below the full-scale sine of A-law (ITU-T G.711 table 5: 3.17 for mu-law),
so dBm0 = dBov + 6.15, where 0 dBov is a square wave at full scale (ITU-T G.100.1).
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

# Samples per second: the telephone network's own rate (ITU-T G.711), at which the engine mixes all
# codecs.
RATE = 8000
# Samples in 20 ms, the packet time of G.711 unless an SDP says otherwise (RFC 3551 section 4.2).
FRAME = 160
FRAME_SECONDS = FRAME / RATE
# Below this a frame is silence or comfort noise: the quietest usable speech peaks well above.
SILENCE_DBM0 = -50.0
# The level of a full-scale square wave, 0 dBov, in dBm0 (ITU-T G.100.1, G.711).
FULL_SCALE_DBM0 = 6.15
# The level that digital zero is given, the quantising floor of 16 bits: a logarithm of zero has
# none.
NOTHING_DBM0 = -96.0


def read_wav(path: Path) -> Samples:
    """The samples of an 8 kHz mono 16-bit WAV. Raises ValueError for any other, OSError,
    wave.Error.
    """
    with wave.open(str(path), "rb") as file:
        # Nothing is resampled silently: a reference at 16 kHz would match no telephone call.
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path.name} is not 8000 Hz mono 16-bit")
        return from_pcm(file.readframes(file.getnframes()))


def write_wav(path: Path, *channels: Samples) -> None:
    """Write one channel (mono) or two (stereo), the shorter padded with silence."""
    length = max(len(channel) for channel in channels)
    body = np.zeros((length, len(channels)), dtype="<i2")
    for column, channel in enumerate(channels):
        body[: len(channel), column] = np.clip(channel, -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(body.tobytes())


def from_pcm(raw: bytes) -> Samples:
    """Samples of little-endian 16-bit PCM; half a sample at the end is left out."""
    # The engine may be in the midst of writing a sample.
    return np.frombuffer(raw[: len(raw) & ~1], dtype="<i2").astype(np.float32)


def level_dbm0(samples: Samples) -> float:
    """The level of a stretch of sound as a whole."""
    if not len(samples):
        return NOTHING_DBM0
    power = float(np.mean(np.square(samples, dtype=np.float64))) / 32768.0**2
    return (
        max(NOTHING_DBM0, 10 * float(np.log10(power)) + FULL_SCALE_DBM0)
        if power > 0
        else NOTHING_DBM0
    )


def frame_levels(samples: Samples) -> NDArray[np.float64]:
    """The level of each whole 20 ms frame, in dBm0."""
    whole = len(samples) // FRAME * FRAME
    if not whole:
        return np.zeros(0)
    power = (
        np.mean(np.square(samples[:whole].reshape(-1, FRAME), dtype=np.float64), axis=1)
        / 32768.0**2
    )
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12)) + FULL_SCALE_DBM0
    return np.maximum(NOTHING_DBM0, levels)


def active(samples: Samples, threshold_dbm0: float = SILENCE_DBM0) -> NDArray[np.bool_]:
    """Which of the 20 ms frames hold sound."""
    return np.asarray(frame_levels(samples) > threshold_dbm0)


def active_level_dbm0(samples: Samples) -> float:
    """The level of the frames that hold sound (a simple stand-in for ITU-T P.56); -96 when none
    does.
    """
    frames = active(samples)
    if not frames.any():
        return NOTHING_DBM0
    # ITU-T P.56 measures active speech with an envelope and a margin of 15.9 dB; a fixed threshold
    # differs by less than 1 dB on prompts.
    return level_dbm0(samples[: len(frames) * FRAME].reshape(-1, FRAME)[frames].ravel())


def is_silent(samples: Samples, allowed_seconds: float = 0.1) -> bool:
    """Whether no more than `allowed_seconds` of it (a click) is above silence."""
    return int(active(samples).sum()) * FRAME <= allowed_seconds * RATE
