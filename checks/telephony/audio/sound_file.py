"""Sound files as recorders write them, read as samples at 8 kHz.

WAV with PCM, float, A-law or mu-law is read here, with one channel or several.

Anything else (GSM, MP3, Ogg) is converted by sox where there is one. Only for child processes
(numpy).
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.contract import CannotTell
from checks.telephony.audio.sound import RATE, Samples

# Format tags of the WAVE registry (RFC 2361): 1 PCM, 3 IEEE float, 6 A-law, 7 mu-law; 0xFFFE names
# it in a sub-format.
_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# +60 dB above full scale.
_LOUDEST_FLOAT = 1000.0
# sox decodes an hour of GSM in a few seconds.
_SOX_SECONDS = 30


class Unreadable(Exception):
    """A file that holds no sound, or was cut off."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound file: its channels at 8 kHz, and its length in seconds."""

    channels: tuple[Samples, ...]
    seconds: float

    @property
    def mixed(self) -> Samples:
        """The sum of all channels, at 8 kHz."""
        if len(self.channels) == 1:
            return self.channels[0]
        return np.asarray(np.sum(self.channels, axis=0), dtype=np.float32)


def read(content: bytes, name: str) -> Sound:
    """Raises Unreadable; CannotTell when it is of a form for which this machine has no reader."""
    if not content:
        raise Unreadable("it is empty")
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        form, data = _chunks(content)
        if (samples := _decoded(form, data)) is not None:
            channels, rate = struct.unpack_from("<HI", form, 2)
            return _at_8000(samples, channels, rate)
    return _converted(content, name.rsplit(".", 1)[-1].lower() if "." in name else "")


def _chunks(content: bytes) -> tuple[bytes, bytes]:
    """The format and the data of a WAV; a recorder that is still at work has not written the
    lengths yet.
    """
    at, form = 12, b""
    while at + 8 <= len(content):
        name, length = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        if name == b"data":
            if len(form) < 16:
                break
            return form, (
                # Asterisk and other recorders write 0 or 0xFFFFFFFF as the length until the call
                # is over.
                content[at + 8 : at + 8 + length] if 0 < length < 0xFFFFFF00 else content[at + 8 :]
            )
        if name == b"fmt ":
            form = content[at + 8 : at + 8 + length]
        # RIFF pads each chunk to an even length.
        at += 8 + length + length % 2
    raise Unreadable("a WAV without sound in it")


def _decoded(form: bytes, data: bytes) -> NDArray[np.float32] | None:
    """The samples in the 16-bit range, channels interleaved; None for a form that is not known
    here.
    """
    tag, bits = struct.unpack_from("<H", form, 0)[0], struct.unpack_from("<H", form, 14)[0]
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack_from("<H", form, 24)[0]
    whole = data[: len(data) // max(1, bits // 8) * max(1, bits // 8)]
    if tag in (_ALAW, _MULAW):
        return _expanded(np.frombuffer(data, dtype=np.uint8), a_law=tag == _ALAW)
    if tag == _FLOAT and bits == 32:
        return _finite(np.frombuffer(whole, dtype="<f4"))
    if tag == _PCM and bits == 8:
        return (np.frombuffer(whole, dtype=np.uint8).astype(np.float32) - 128) * 256
    if tag == _PCM and bits == 24:
        triples = np.frombuffer(whole, dtype=np.uint8).reshape(-1, 3).astype(np.int32)
        # The lowest of the three bytes is below what 16 bits hold.
        return ((triples[:, 1] | (triples[:, 2] << 8)).astype(np.int16)).astype(np.float32)
    if tag == _PCM and bits in (16, 32):
        scale = np.float32(1 if bits == 16 else 1 / 65536)
        return np.frombuffer(whole, dtype=f"<i{bits // 8}").astype(np.float32) * scale
    return None


def _finite(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float samples in the 16-bit range. Raises Unreadable for what is no number."""
    # No level of theirs would be above or below any limit: every comparison with NaN is false.
    # A whole is 1.0, and recorders that clip stay within a few times as much.
    if not (np.abs(samples) <= _LOUDEST_FLOAT).all():
        raise Unreadable("samples that are no sound: no numbers, or beyond all loudness")
    return samples * np.float32(32768)


def _expanded(codes: NDArray[np.uint8], a_law: bool) -> NDArray[np.float32]:
    """The linear samples of G.711 codes (ITU-T), in the 16-bit range."""
    table = np.arange(256, dtype=np.int32)
    if a_law:
        # A-law inverts every other bit on the line (ITU-T G.711, even bits).
        table ^= 0x55
        exponent, mantissa = (table & 0x70) >> 4, (table & 0x0F) << 4
        step = np.where(
            exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0)
        )
        linear = np.where(table & 0x80, step, -step)
    else:
        table = ~table & 0xFF
        # 0x84, 33 in units of 4, is the bias of mu-law.
        step = (((table & 0x0F) << 3) + 0x84) << ((table & 0x70) >> 4)
        linear = np.where(table & 0x80, 0x84 - step, step - 0x84)
    return np.asarray(linear[codes], dtype=np.float32)


def _at_8000(samples: NDArray[np.float32], channels: int, rate: int) -> Sound:
    # A broken header claims anything: 8 channels at 192 kHz is the most that a recorder offers.
    if not 1 <= channels <= 8 or not 4000 <= rate <= 192_000:
        raise Unreadable(f"{channels} channels at {rate} Hz")
    frames = samples[: len(samples) // channels * channels].reshape(-1, channels)
    if not len(frames):
        raise Unreadable("no sound in it")
    return Sound(tuple(_resampled(frames[:, n], rate) for n in range(channels)), len(frames) / rate)


def _resampled(samples: NDArray[np.float32], rate: int) -> Samples:
    """To 8 kHz: averaged over the new sample's time where the old rate was higher, then
    interpolated.
    """
    if rate == RATE:
        return np.ascontiguousarray(samples, dtype=np.float32)
    # A moving average of the new sample's length is filter enough for telephone speech, which has
    # little above 3400 Hz.
    width = max(1, min(round(rate / RATE), len(samples)))
    smooth = np.convolve(samples, np.ones(width, dtype=np.float32) / width, mode="same")
    at = np.arange(0, len(samples) * RATE // rate) * (rate / RATE)
    return np.asarray(np.interp(at, np.arange(len(samples)), smooth), dtype=np.float32)


def _converted(content: bytes, kind: str) -> Sound:
    sox = shutil.which("sox")
    if sox is None:
        raise CannotTell(
            f"the recording is no PCM or G.711 WAV ({kind or 'unknown'}), and there is no sox to"
            " convert it"
        )
    form = ["-t", "wav", "-e", "signed-integer", "-b", "16", "-"]
    # Raw GSM and G.729 files have no header: only their suffix tells sox what they are.
    given = ["-t", kind] if kind.isalnum() else []
    done = subprocess.run(
        [sox, *given, "-", *form],
        input=content,
        capture_output=True,
        timeout=_SOX_SECONDS,
        check=False,
    )
    if done.returncode or done.stdout[:4] != b"RIFF":
        said = done.stderr.decode(errors="replace").strip().splitlines()
        # sox puts the reason into its last line, and paths before it.
        raise Unreadable(said[-1][:200] if said else "sox cannot read it")
    form_chunk, data = _chunks(done.stdout)
    samples = _decoded(form_chunk, data)
    if samples is None:
        raise Unreadable("sox wrote what cannot be read")
    channels, rate = struct.unpack_from("<HI", form_chunk, 2)
    return _at_8000(samples, channels, rate)
