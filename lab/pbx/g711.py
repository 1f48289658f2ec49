"""G.711 (ITU-T G.711): A-law and µ-law by table. 8000 samples a second, one byte each."""

from __future__ import annotations

import array
import sys
import wave
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal

Law = Literal["PCMA", "PCMU"]

# Samples a second, one byte each (ITU-T G.711).
RATE = 8000
# 20 ms, the default of RFC 3551 section 4.2.
FRAME_SAMPLES = 160
# Static payload types (RFC 3551 table 4).
PAYLOAD_TYPES: dict[Law, int] = {"PCMU": 0, "PCMA": 8}
# One frame of the quietest positive sample: 0x80 with the even bits inverted (A-law), 0x00 inverted
# (µ-law).
SILENCE: dict[Law, bytes] = {"PCMA": b"\xd5" * FRAME_SAMPLES, "PCMU": b"\xff" * FRAME_SAMPLES}


def decode_one(law: Law, code: int) -> int:
    """The 16-bit sample that a code stands for."""
    if law == "PCMU":
        # µ-law is sent with every bit inverted, and has a bias of 33 (0x84 at 16 bits).
        code = ~code & 0xFF
        step = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
        return 0x84 - step if code & 0x80 else step - 0x84
    # A-law is sent with the even bits inverted, against long rows of zeros on an E1 line.
    code ^= 0x55
    exponent, mantissa = (code & 0x70) >> 4, (code & 0x0F) << 4
    step = mantissa + 8 if exponent == 0 else (mantissa + 0x108) << (exponent - 1)
    return step if code & 0x80 else -step


@cache
def encoding(law: Law) -> bytes:
    """The nearest code of every 16-bit sample, indexed by `(sample >> 2) & 0x3FFF`."""
    # Two bits fewer make a table of 16 KiB, and lose nothing: the finest step of either law is 8.
    levels = sorted((decode_one(law, code), code) for code in range(256))
    table, at = bytearray(0x4000), 0
    for sample in range(-0x8000, 0x8000, 4):
        while at < 255 and abs(levels[at + 1][0] - sample - 2) <= abs(levels[at][0] - sample - 2):
            at += 1
        table[(sample >> 2) & 0x3FFF] = levels[at][1]
    return bytes(table)


@cache
def transcoding(source: Law, target: Law) -> bytes:
    """A table for `bytes.translate` from one law to the other."""
    table = encoding(target)
    return bytes(table[(decode_one(source, code) >> 2) & 0x3FFF] for code in range(256))


def frames(samples: Iterable[int], law: Law) -> tuple[bytes, ...]:
    """16-bit samples as 20 ms frames, the last one filled up with silence."""
    table = encoding(law)
    coded = bytes(table[(sample >> 2) & 0x3FFF] for sample in samples)
    return tuple(
        coded[at : at + FRAME_SAMPLES].ljust(FRAME_SAMPLES, SILENCE[law][:1])
        for at in range(0, len(coded), FRAME_SAMPLES)
    )


@cache
def recording(path: Path, law: Law) -> tuple[bytes, ...]:
    """A WAV file (8 kHz, mono, 16-bit) as frames. Raises ValueError."""
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{path} is not 8 kHz, mono, 16-bit")
        samples = array.array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return frames(samples, law)
