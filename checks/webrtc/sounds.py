"""What a softphone says and hears, as 8 kHz samples: its mouth, paced as a microphone is, and its
ear's way in. Only for the softphone's process (numpy, aiortc).
"""

from __future__ import annotations

import asyncio
import fractions
import time

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from checks.telephony.audio.sound import FRAME, RATE, Samples
from checks.webrtc.live import Live
from checks.webrtc.pace import Pace


class Mouth(MediaStreamTrack):
    """A microphone that says what it is given, else silence: a frame each 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.said: Live | None = None
        self._sound: Samples | None = None
        self._again = False
        self._position = self._sent = 0
        self._pace = Pace()

    @property
    def unsent_percent(self) -> float:
        """Frames that were due and did not leave in time, percent."""
        return self._pace.unsent_percent

    def play(self, sound: Samples | None, again: bool = False) -> None:
        """Say this sound from now on, once or again and again; None is silence."""
        self._sound, self._again, self._position = sound, again, 0

    async def recv(self) -> av.AudioFrame:
        """The next frame, when its time has come. Raises MediaStreamError once stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(self._pace.wait(time.monotonic()))
        samples = self._next()
        if self.said:
            self.said.add(samples)
        frame = av.AudioFrame.from_ndarray(
            samples.astype(np.int16).reshape(1, -1), format="s16", layout="mono"
        )
        # The RTP timestamp counts samples (RFC 3550 section 5.1).
        frame.pts, frame.sample_rate, frame.time_base = (
            self._sent,
            RATE,
            fractions.Fraction(1, RATE),
        )
        self._sent += FRAME
        return frame

    def _next(self) -> Samples:
        if self._sound is None:
            return np.zeros(FRAME, dtype=np.float32)
        samples = self._sound[self._position : self._position + FRAME]
        self._position += FRAME
        if self._position >= len(self._sound):
            self._position, self._sound = 0, self._sound if self._again else None
        return np.pad(samples, (0, FRAME - len(samples)))


async def listen(track: MediaStreamTrack, heard: Live) -> None:
    """Record the far end's track into `heard`, until the track ends."""
    # Opus arrives at 48 kHz, perhaps in stereo: the ear wants the telephone's rate.
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if isinstance(frame, av.AudioFrame):
            for part in resampler.resample(frame):
                heard.add(part.to_ndarray().reshape(-1).astype(np.float32))
