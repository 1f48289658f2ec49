"""The answering machine of the WebRTC edge: says a prompt, then gives back what it hears."""

from __future__ import annotations

import asyncio
import fractions
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from checks.telephony.audio.sound import FRAME, RATE, Samples, read_wav
from checks.webrtc.own_addresses import reach_own_host
from lab.injected_faults import Faults

_FRAME_SECONDS = FRAME / RATE
_SILENCE: Samples = np.zeros(FRAME, dtype=np.float32)

# aiortc gathers no loopback candidates by itself; here there are no others.
reach_own_host()


class Mouth(MediaStreamTrack):
    """The prompt, then the echo; silence where nothing came."""

    kind = "audio"

    def __init__(self, faults: Faults, welcome: Path) -> None:
        super().__init__()
        self._faults, self._said = faults, read_wav(welcome)
        # A second of echo at most; what is older comes too late to be told from a new word.
        self._heard: asyncio.Queue[Samples] = asyncio.Queue(maxsize=50)
        self._sent, self._due = 0, time.monotonic()

    def hear(self, samples: Samples) -> None:
        """Take in a frame to give back; of too many the oldest is lost."""
        if self._heard.full():
            self._heard.get_nowait()
        self._heard.put_nowait(samples)

    async def recv(self) -> av.AudioFrame:
        """The next frame in its time. Raises MediaStreamError once stopped."""
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(max(0.0, self._due - time.monotonic()))
        self._due += _FRAME_SECONDS
        while self._faults.broken("webrtc-no-media"):
            await self._faults.until("webrtc-no-media", False)
        frame = av.AudioFrame.from_ndarray(
            self._next().astype(np.int16).reshape(1, -1), format="s16", layout="mono"
        )
        frame.pts, frame.sample_rate, frame.time_base = (
            self._sent,
            RATE,
            fractions.Fraction(1, RATE),
        )
        self._sent += FRAME
        return frame

    def _next(self) -> Samples:
        if self._sent + FRAME <= len(self._said):
            return self._said[self._sent : self._sent + FRAME]
        given = _SILENCE if self._heard.empty() else self._heard.get_nowait()
        return _SILENCE if self._faults.broken("webrtc-one-way") else given


class Machine:
    """The answering machine of one call."""

    def __init__(self, faults: Faults, welcome: Path) -> None:
        self._peer, self._mouth = RTCPeerConnection(), Mouth(faults, welcome)
        self._listening: asyncio.Task[None] | None = None

    async def answer(self, offer: str) -> str:
        """Our description. Raises ValueError for an offer that is none."""
        self._peer.on("track", self._listen)
        await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self._peer.addTrack(self._mouth)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        return str(self._peer.localDescription.sdp)

    async def close(self) -> None:
        """End the call."""
        if self._listening:
            self._listening.cancel()
        self._mouth.stop()
        await self._peer.close()

    def _listen(self, track: Any) -> None:
        self._listening = asyncio.ensure_future(self._hear(track))

    async def _hear(self, track: MediaStreamTrack) -> None:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE, frame_size=FRAME)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, av.AudioFrame):
                for part in resampler.resample(frame):
                    self._mouth.hear(part.to_ndarray().reshape(-1).astype(np.float32))
