"""A recorded prompt as a file: what can be recognised later, and what the configuration refuses."""

from __future__ import annotations

import array
import sys
import wave
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from checks.settings import LocalPath, ReadableFile

# Two windows of the recognition, 0.4 s with half an overlap, need this much.
_LEAST_SECONDS = 0.3
# -44 dBFS at its loudest: below that a microphone was not switched on.
_LEAST_PEAK = 200


def is_prompt(path: Path) -> Path:
    """Refuses what could never be recognised. Raises ValueError."""
    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, bits = file.getframerate(), file.getnchannels(), 8 * file.getsampwidth()
            samples = array.array("h", file.readframes(file.getnframes()) if bits == 16 else b"")
    except (wave.Error, EOFError) as problem:
        raise ValueError(
            f"{path.name!r} is not a WAV file of PCM samples ({problem}); {_convert(path)}"
        ) from None
    if (rate, channels, bits) != (8000, 1, 16):
        kind = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
        raise ValueError(
            f"{path.name!r} is {rate} Hz {kind} {bits}-bit, a prompt is 8000 Hz mono 16-bit;"
            f" {_convert(path)}"
        )
    # WAV is little-endian; `array` reads in the machine's own order.
    if sys.byteorder == "big":
        samples.byteswap()
    if len(samples) < _LEAST_SECONDS * rate:
        raise ValueError(
            f"{path.name!r} is {len(samples) / rate:.1f} s long; a prompt needs at least"
            f" {_LEAST_SECONDS} s"
        )
    if max(map(abs, samples)) < _LEAST_PEAK:
        raise ValueError(f"{path.name!r} is silent; record a prompt with sound in it")
    return path


def _convert(path: Path) -> str:
    return f"convert it, as in: sox {path.name} -r 8000 -c 1 -b 16 prompt.wav"


PromptFile = Annotated[ReadableFile, AfterValidator(is_prompt)]
"""A reference recording: WAV, 8000 Hz, mono, 16-bit."""


def _is_folder(path: Path) -> Path:
    """Refuses what is no folder. Raises ValueError."""
    if not path.is_dir():
        raise ValueError(f"there is no folder {str(path)!r}")
    return path


PromptFolder = Annotated[LocalPath, AfterValidator(_is_folder)]
"""A folder of recordings; a relative path counts from the configuration's own folder."""


def prompts_in(folder: Path | None) -> list[str]:
    """The paths of the recordings in a folder; those that cannot be read are passed over later."""
    # Sorted, so that two runs name the same prompt.
    return [str(path) for path in sorted(folder.glob("*.wav"))] if folder else []
